import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { CATALOG } from '../../machines/catalog.ts';
import { type ChartNode, chartToMermaid, walk } from '../../src/testing/index.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const FILE = resolve(ROOT, 'docs/charts.md');

/** File names say what is a role: `central.machine.ts`. */
const roleIds = readdirSync(resolve(ROOT, 'machines/roles'))
  .filter((file) => file.endsWith('.machine.ts'))
  .map((file) => file.replace('.machine.ts', ''));

const cell = (text: string) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function section({ machine, version }: { machine: AnyStateMachine; version: number }): string {
  const { nodes } = walk(machine);
  const rows = nodes
    .filter(({ parent }) => parent !== null)
    .map((node: ChartNode) => {
      const path = node.id.slice(machine.id.length + 1);
      const effects = node.invokes.map(({ src }) => `\`${src}\``).join(', ');
      return `| \`${path}\` | ${cell(node.description ?? '')} | ${effects} |`;
    });
  return `### ${machine.id}

${machine.root.description} Version ${version}.

\`\`\`mermaid
${chartToMermaid(machine)}\`\`\`

| state | what it means | effects |
|---|---|---|
${rows.join('\n')}
`;
}

const entries = Object.values(CATALOG);
const isRole = ({ machine }: { machine: AnyStateMachine }) => roleIds.includes(machine.id);
const page = `# Charts

Every protocol and every role of an agent is a state chart: the code runs these charts, the tests are made
from them, and \`netagent chart NAME\` prints one, also those of the workflows. This page is generated from
\`machines/\` by \`npm run docs\`.

## Protocols

${entries
  .filter((entry) => !isRole(entry))
  .map(section)
  .join('\n')}
## Roles

${entries.filter(isRole).map(section).join('\n')}`;

test('docs/charts.md shows the charts as they are', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, page);
  expect(readFileSync(FILE, 'utf8')).toBe(page);
});

test('every role and every protocol has a section', () => {
  expect(roleIds.length).toBeGreaterThan(3);
  expect(entries.filter(isRole).length).toBe(roleIds.length);
  for (const { machine } of entries) expect(page).toContain(`\n### ${machine.id}\n`);
});
