import { expect, test } from 'vitest';
import { claimsOf, judgeReach, type ReachPorts, reachOf } from '../../src/change/index.ts';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/index.ts';

const tools = new Map(TOOL_AREAS.flatMap((area) => toolsOf(area)).map((tool) => [tool.name, tool.meta]));
const ports: ReachPorts = {
  traits: async (tool) => tools.get(tool),
  usersOf: async (cells) => new Map(cells.map((cell) => [cell, cell === 'dead' ? null : 100])),
};
const supi = 'imsi-001010000000001';
const reach = (tool: string, args: Record<string, unknown>) => reachOf([{ tool, arguments: args }], ports);
const judge = async (tool: string, args: Record<string, unknown>, level: number) =>
  judgeReach(await reach(tool, args), { level, what: tool });

test('finds cells, subscribers, slices and paths in the arguments, with the users of the cells', async () => {
  expect(await reach('ran_reserve_prbs', { supi, cellIds: ['b', 'a', 'a'], ratio: 20 })).toEqual({
    cells: ['a', 'b'],
    subscribers: [supi],
    slices: [],
    paths: [],
    users: 200,
    unnamed: [],
    effects: 'reversible',
  });
  const flat = await reach('core_establish_pdu_session', { supi, dnn: 'internet', sst: 1, sd: '000001' });
  expect(flat.slices).toEqual(['1-000001']);
  const deep = await reach('vendor_tool', { scope: [{ snssai: { sst: 2 } }], path: { dnai: 'edge-1' } });
  expect(deep).toMatchObject({ slices: ['2'], paths: ['edge-1'], effects: 'irreversible' });
  expect((await reach('core_release_qos_session', { sessionId: 's-1' })).unnamed).toEqual(['session s-1']);
});

test('judges by the level of autonomy, in words', async () => {
  const cells = (count: number) => ({
    supi,
    ratio: 5,
    cellIds: Array.from({ length: count }, (_, at) => `c${at}`),
  });
  const verdicts = async (count: number) =>
    Promise.all(
      [0, 1, 2, 3, 4, 5].map(async (level) => (await judge('ran_reserve_prbs', cells(count), level)).verdict),
    );
  expect(await verdicts(1)).toEqual(['approve', 'approve', 'within', 'within', 'within', 'within']);
  expect(await verdicts(15)).toEqual(['approve', 'approve', 'approve', 'approve', 'within', 'within']);
  expect(await verdicts(150)).toEqual(['refuse', 'refuse', 'refuse', 'refuse', 'approve', 'within']);
  expect((await judge('ran_reserve_prbs', cells(15), 3)).text).toBe(
    'ran_reserve_prbs touches 15 cells, 1500 users in them, 1 subscriber by name; level 3 allows 10 cells: a human must approve.',
  );
  expect(await judge('ran_collect_cell_kpis', cells(150), 0)).toMatchObject({ verdict: 'within' });
});

test('what cannot be counted or undone, and what nobody describes, wants a human', async () => {
  expect((await judge('ran_reserve_prbs', { supi, cellIds: ['dead'], ratio: 5 }, 4)).text).toContain(
    'how many use its cells is not known: a human must approve',
  );
  expect(await judge('core_release_pdu_session', { sessionRef: 'r' }, 4)).toEqual({
    verdict: 'approve',
    text: 'core_release_pdu_session touches what session r stands for; it cannot be undone: a human must approve.',
  });
  expect((await judge('unknown_tool', {}, 4)).verdict).toBe('approve');
  expect((await judge('recovery_prefer_function', { instanceId: 'i', priority: 1 }, 1)).text).toContain(
    'level 1 allows no change on its own',
  );
});

test('says what a call sets: same thing by different tools, additions not at all', () => {
  const claims = (tool: string, args: Record<string, unknown>) => claimsOf({ tool, arguments: args });
  expect(claims('ran_set_ue_priority', { supi, priorityLevel: 10 })).toEqual({
    claims: [{ resource: `subscriber:${supi}`, parameter: 'priority', value: 10 }],
    window: null,
  });
  expect(claims('ran_reserve_prbs', { supi, cellIds: ['a'], ratio: 20, start: 1, end: 2 })).toEqual({
    claims: [{ resource: 'cell:a', parameter: `reservation/${supi}`, value: 20 }],
    window: { start: 1, end: 2 },
  });
  const paths = [
    claims('transport_switch_path', { supi, dnai: 'edge' }),
    claims('core_influence_traffic', { ipv4: '10.0.0.1', dnai: 'edge', application: 'x' }),
  ].map((one) => one.claims[0]?.parameter);
  expect(paths).toEqual(['anchor', 'anchor']);
  expect(claims('core_create_qos_session', { supi, dlMbps: 4 }).claims).toEqual([]);
  expect(claims('core_modify_qos_session', { sessionId: 's', preempt: true }).claims).toEqual([
    { resource: 'session:s', parameter: 'core_modify_qos_session', value: { sessionId: 's', preempt: true } },
  ]);
});
