/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: fields of changes and policies are written so */

import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChangeRecord, Entry, GuardedChanges } from '../../src/change/index.ts';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/index.ts';
import { workflowFunctions } from '../../src/runtime/agents/workflows.ts';
import { changeFunction } from '../../src/runtime/workflows/change.ts';
import { compileWorkflow, createEngine, type WorkflowEngine } from '../../src/workflow/index.ts';
import { translateDown, translateUp } from '../../src/workflow/translate/index.ts';
import { type Live, live, START, SUPI } from '../workflow/pool/live/network.ts';
import { memory } from './kit.ts';

/** Guarded changes and a translated policy on the simulated network, over NetMCP and SBI, in network time. */

let net: Live;
let engine: WorkflowEngine;
let changes: GuardedChanges;
let cellId: string;

beforeAll(async () => {
  net = await live();
  const { env, time, client } = net;
  const made = changeFunction({
    clock: time,
    log: env.log,
    netmcp: async () => client,
    entries: memory<Entry>(),
    records: memory<ChangeRecord>(),
    level: 3,
  });
  changes = made.changes;
  engine = createEngine({ env, functions: { ...workflowFunctions([], { env, time }), change: made.change } });
  cellId = (await net.tool('core_locate_ue', { supi: SUPI })).cellId as string;
});
afterAll(async () => {
  await engine.close();
  await net.close();
});

async function run(document: string | object, input: unknown, intent: string) {
  const participant = net.time.join();
  try {
    const meta = {
      participant,
      activity: participant.activity,
      caller: { agent: 'ran', netmcp: async () => net.client },
      slots: [],
      intent,
    };
    const { clock } = participant;
    return (await engine.run(compileWorkflow(document), input, { clock, meta })).output as Record<
      string,
      unknown
    >;
  } finally {
    participant.leave();
  }
}

const reserve = (guard: object, more: object = {}) => ({
  document: { dsl: '1.0.3', namespace: 'test', name: 'reserve', version: '1.0.0' },
  do: [
    {
      change: {
        call: 'change:1.0.0@default',
        with: {
          do: { tool: 'ran_reserve_prbs', arguments: { supi: SUPI, cellIds: [cellId], ratio: 10 } },
          undo: { tool: 'ran_release_prbs', arguments: { policyId: '${result}/policyId' } },
          guard: {
            read: { tool: 'ran_collect_cell_kpis', arguments: { cellIds: [cellId] } },
            kpi: '/cells/0/RRU.PrbTotDl',
            looks: 3,
            periodS: 10,
            ...guard,
          },
          ...more,
        },
      },
    },
  ],
});
const dedicated = async (policyId: unknown) =>
  net.tool('ran_read_dedicated_ratio', { policyId }).then(
    () => true,
    () => false,
  );

test('a reservation whose figure holds stays in the base station', async () => {
  const report = await run(reserve({ above: 101 }), null, 'a');
  expect(report).toMatchObject({ kept: true, reason: 'The figure held over 3 looks.' });
  const { policyId } = report.result as { policyId: string };
  expect(await dedicated(policyId)).toBe(true);
  await net.tool('ran_release_prbs', { policyId });
});

test('one whose figure is bad is gone from the base station', async () => {
  const report = await run(reserve({ above: -1 }), null, 'b');
  expect(report).toMatchObject({ kept: false, rolledBack: true });
  expect(await dedicated((report.result as { policyId: string }).policyId)).toBe(false);
});

test('an order against it is refused while it holds, and hears who holds it and why', async () => {
  const window = { window: { start: net.time.now(), end: net.time.now() + 600_000 } };
  const report = await run(reserve({ above: 101 }, window), null, 'a');
  expect(report.kept).toBe(true);
  const sleep = {
    ...window,
    waitS: 0,
    claims: [{ resource: `cell:${cellId}`, parameter: 'sleep', value: true }],
  };
  const refused = await run(reserve({ above: 101 }, sleep), null, 'b');
  expect(refused).toMatchObject({ outcome: 'refused', result: null });
  expect(refused.reason).toMatch(
    new RegExp(`^cell:${cellId} is with a: a sleeping cell keeps no reservation; until `),
  );
  const urgent = await run(reserve({ above: 101 }, { ...sleep, waitS: 60, priority: 90 }), null, 'c');
  await changes.settled();
  expect(urgent.kept).toBe(true);
  expect(await dedicated((report.result as { policyId: string }).policyId)).toBe(false);
});

test('a policy goes down, acts on the network, and comes up as an insight', async () => {
  const shipped = new Map(TOOL_AREAS.flatMap((area) => toolsOf(area)).map((tool) => [tool.name, tool]));
  const translation = translateDown(
    {
      id: 'relieve-cell',
      title: 'Relieve a busy cell',
      expectations: [
        {
          expectationId: '1',
          expectationTargets: [
            { targetName: 'AveDLPrbLoad', targetCondition: 'IS_LESS_THAN', targetValueRange: 0 },
            { targetName: 'DlLatency', targetCondition: 'IS_LESS_THAN', targetValueRange: 10_000 },
          ],
        },
      ],
      scope: { area: 'shanghai', cells: [cellId], subscribers: [SUPI] },
      window: { start: START, end: START + 86_400_000 },
      measures: [
        {
          id: 'prioritise',
          when: { missed: 'AveDLPrbLoad' },
          do: {
            tool: 'ran_set_ue_priority',
            arguments: { supi: '${scope}/subscribers/0', priorityLevel: 20 },
          },
          undo: { tool: 'ran_release_policy', arguments: { policyId: '${result}/policyId' } },
          guard: { target: 'AveDLPrbLoad', worseBy: 100, looks: 2, periodS: 5 },
        },
      ],
      settleS: 30,
    },
    {
      now: net.time.now(),
      tool: (name) => {
        const tool = shipped.get(name);
        return tool && { effects: tool.meta.effects, idempotent: tool.idempotent };
      },
    },
  );
  if (translation.kind === 'refused') throw new Error(translation.reasons.join('\n'));
  const { document, input } = translation;
  const before = net.time.now();
  const output = await run(document, input, 'd');
  expect(output).toMatchObject({
    outcome: 'missed',
    missed: ['AveDLPrbLoad'],
    done: ['prioritise'],
    problems: [],
  });
  expect(net.time.now() - before).toBe(40_000);
  const insight = translateUp({
    id: 'i-1',
    document,
    events: [{ type: 'task.started', at: before }],
    output,
    scope: { area: 'shanghai', cells: [cellId] },
  });
  expect(insight).toMatchObject({ what: 'Relieve a busy cell', where: { cells: [cellId] } });
  expect(insight.effect.map(({ kpi }) => kpi).sort()).toEqual(['AveDLPrbLoad', 'DlLatency']);
  expect(insight.suggestions.join(' ')).toContain('Still missed: AveDLPrbLoad');
});
