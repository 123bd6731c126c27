import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { BUS_CATALOG } from '../../broker/errors.ts';
import type { ErrorEntry } from '../../machines/failure.ts';
import { CATALOG } from '../../src/errors.ts';

const FILE = resolve(import.meta.dirname, '../../docs/errors.md');

const rows = (catalog: Record<string, ErrorEntry>) =>
  Object.entries(catalog)
    .map(
      ([code, entry]) =>
        `| \`${code}\` | ${entry.class} | ${entry.status} | ${entry.message} | ${entry.hint} |`,
    )
    .join('\n');

const page = `# Errors

Every error that reaches a user, a peer or a log has one of these codes. Codes are stable. *Terminal*:
trying again without a change cannot help. *Retryable*: it may. This page is generated from
\`src/errors.ts\` and \`broker/errors.ts\` by \`npm run docs\`.

| code | class | status | message | what to do |
|---|---|---|---|---|
${rows(CATALOG)}
${rows(BUS_CATALOG)}
`;

test('docs/errors.md says what the catalogues say', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, page);
  expect(readFileSync(FILE, 'utf8')).toBe(page);
});

test('no code stands in two catalogues, and every code is upper case with its module first', () => {
  const codes = [...Object.keys(CATALOG), ...Object.keys(BUS_CATALOG)];
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code).toMatch(/^[A-Z]+(_[A-Z0-9]+)+$/);
});
