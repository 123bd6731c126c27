import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/index.ts';

const FILE = resolve(import.meta.dirname, '../../docs/tools.md');

const area = (name: (typeof TOOL_AREAS)[number]) => {
  const rows = toolsOf(name).map(({ name: tool, description, meta, scope }) => {
    const behind = meta.nf.map(({ type, operations }) => `${type}: ${operations.join(', ')}`).join('; ');
    return `| \`${tool}\` | ${description} | ${meta.kind} | ${meta.effects}${scope === undefined ? '' : `, \`${scope}\``} | ${behind} |`;
  });
  return `## \`${name}-tools\`

| tool | does | kind | effects | behind it |
|---|---|---|---|---|
${rows.join('\n')}
`;
};

const count = TOOL_AREAS.reduce((sum, name) => sum + toolsOf(name).length, 0);
const page = `# Tools

The ${count} tools of network functions that ship, by the tool server that has them. *Kind* is the kind of
capability in the terms of the white paper (3.2.1). *Effects*: a tool that reads may be repeated; what is
irreversible wants more care ([NetMCP tools](netmcp/tools.md)). Where a scope stands beside it, the tool can hurt
many subscribers: where tokens are asked for, it wants one with that scope ([authorization](netmcp/authorization.md)),
which the runtime gives to none of its agents. Tools of other APIs come by
[toolization](toolization.md). This page is generated from \`src/netmcp/tools\` by \`npm run docs\`.

${TOOL_AREAS.map(area).join('\n')}`;

test('docs/tools.md says what the tools say', () => {
  if (process.env.UPDATE_DOCS === '1') writeFileSync(FILE, page);
  expect(readFileSync(FILE, 'utf8')).toBe(page);
});
