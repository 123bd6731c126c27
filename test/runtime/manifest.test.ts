import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { loadAgents } from '../../src/runtime/agents/load.ts';
import { readManifests } from '../../src/runtime/agents/manifest.ts';

const GOOD = `agent: acme/lab/probe
role: domain
name: Probe
description: Probes.
version: 1.0.0
workflows: workflows
skills:
  - { id: probe, name: Probe, description: Probes, tags: [test] }
`;
const folderWith = (text: string, more: Record<string, string> = {}) => {
  const root = mkdtempSync(join(tmpdir(), 'netagent-agents-'));
  mkdirSync(join(root, 'probe'));
  writeFileSync(join(root, 'probe', 'agent.yaml'), text);
  for (const [name, content] of Object.entries(more)) writeFileSync(join(root, 'probe', name), content);
  return root;
};
const problem = async (root: string) => {
  try {
    await loadAgents([root]);
  } catch (error) {
    return `${(error as { code: string }).code} ${(error as Error).message}`;
  }
  return 'none';
};

test('our own agents go through the same door', async () => {
  const agents = await loadAgents([resolve(import.meta.dirname, '../../agents')]);
  expect(agents.map(({ manifest }) => manifest.agent).sort()).toEqual([
    'netagent/core/central',
    'netagent/domains/computing',
    'netagent/domains/core',
    'netagent/domains/ran',
    'netagent/domains/transport',
    'netagent/embodied/vehicle',
    'netagent/users/proxy',
  ]);
});

test('a domain agent needs no code', async () => {
  const [agent] = await loadAgents([folderWith(GOOD)]);
  expect(agent?.manifest).toMatchObject({ agent: 'acme/lab/probe', role: 'domain' });
});

test.each([
  ['agent: [', 'AGENT_MANIFEST_INVALID'],
  [GOOD.replace('acme/lab/probe', 'acme/lab/#'), 'agent.yaml is not valid: agent'],
  [GOOD.replace('role: domain', 'role: emperor'), 'role'],
  [`${GOOD}colour: red\n`, 'colour'],
  [GOOD.replace('role: domain', 'role: embodied'), 'entry'],
  [`${GOOD}entry: nowhere.ts\n`, 'AGENT_ENTRY_INVALID'],
])('%# is refused naming file and field', async (text, expected) => {
  expect(await problem(folderWith(text))).toContain(expected);
});

test('a module without defineAgent, one that does not load, and two agents of one id', async () => {
  expect(await problem(folderWith(`${GOOD}entry: a.mjs\n`, { 'a.mjs': 'export default 1' }))).toContain(
    'defineAgent',
  );
  expect(
    await problem(folderWith(`${GOOD}entry: a.mjs\n`, { 'a.mjs': 'throw new Error("no luck")' })),
  ).toContain('no luck');
  const root = folderWith(GOOD);
  try {
    await loadAgents([root, root]);
    throw new Error('accepted');
  } catch (error) {
    expect((error as Error).message).toContain('is taken by');
  }
  expect(readManifests(root)).toHaveLength(1);
});
