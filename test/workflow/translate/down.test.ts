/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: fields of a policy are written so */

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { TOOL_AREAS, toolsOf } from '../../../src/netmcp/index.ts';
import { checkWorkflow, compileWorkflow, createEngine, standardError } from '../../../src/workflow/index.ts';
import {
  type DownOptions,
  type PolicyInput,
  type Translation,
  translateDown,
  translateUp,
} from '../../../src/workflow/translate/index.ts';
import { simulatedClock, testEnv } from '../kit.ts';

const NOW = Date.UTC(2026, 0, 5, 8);
const tools = new Map(
  TOOL_AREAS.flatMap((area) => toolsOf(area)).map(({ name, idempotent, meta }) => [
    name,
    { effects: meta.effects, idempotent },
  ]),
);
const options: DownOptions = { now: NOW, tool: (name) => tools.get(name) };
const supi = 'imsi-001010000000001';

const policy = (over: Partial<PolicyInput> = {}): PolicyInput => ({
  id: 'keep-video-usable',
  title: 'Keep the video of a traveller usable',
  intent: 'intent-7',
  expectations: [
    {
      expectationId: '1',
      expectationTargets: [
        { targetName: 'DlThptPerUE', targetCondition: 'IS_GREATER_THAN', targetValueRange: { guaThpt: 8 } },
        { targetName: 'AveDLPrbLoad', targetCondition: 'IS_LESS_THAN', targetValueRange: 80 },
      ],
    },
  ],
  scope: { area: 'shanghai', cells: ['000000a', '000000b'], subscribers: [supi] },
  measures: [
    {
      id: 'reserve',
      title: 'Reserve radio resources',
      because: 'the cells fill up at noon',
      do: {
        tool: 'ran_reserve_prbs',
        arguments: { supi: '${scope}/subscribers/0', cellIds: '${scope}/cells', ratio: 20 },
      },
      undo: { tool: 'ran_release_prbs', arguments: { policyId: '${result}/policyId' } },
    },
    {
      id: 'guarantee',
      when: { missed: 'DlThptPerUE' },
      do: { agent: 'core', skill: 'assure-qos', input: { supi: '${scope}/subscribers/0' } },
      undo: { agent: 'core', skill: 'release-qos', input: { sessionId: '${result}/sessionId' } },
    },
  ],
  ...over,
});
const workflowOf = (translation: Translation) => {
  if (translation.kind === 'refused') throw new Error(translation.reasons.join('\n'));
  return translation;
};
const refusalsOf = (given: unknown) => {
  const translation = translateDown(given, options);
  return translation.kind === 'refused' ? translation.reasons : ['not refused'];
};

/** A network of figures, and what was called. */
const world = {
  calls: [] as string[],
  rate: 5,
  load: 50,
  after: 10,
  fails: new Set<string>(),
  blind: false,
  kept: true,
};
const reset = (over: Partial<typeof world> = {}) =>
  Object.assign(
    world,
    { calls: [], rate: 5, load: 50, after: 10, fails: new Set(), blind: false, kept: true },
    over,
  );
const call = (what: string, detail: unknown) => {
  world.calls.push(`${what} ${JSON.stringify(detail)}`);
  if (world.fails.has(what)) throw standardError('runtime', `${what} says no`);
};
const clock = simulatedClock();
const engine = createEngine({
  env: testEnv(),
  clock,
  functions: {
    async netmcp(input) {
      const { tool, arguments: args } = input as { tool: string; arguments: Record<string, unknown> };
      if (tool === 'core_read_flow_usage') {
        if (world.blind && world.calls.length > 0) throw standardError('communication', 'no answer');
        return { dlMbps: world.rate, ulMbps: 1, delayMs: 20 };
      }
      if (tool === 'ran_collect_cell_kpis') {
        const list = (args.cellIds as string[]).map((cellId, at) => ({
          cellId,
          'RRU.PrbTotDl': world.load - at,
        }));
        return { cells: list };
      }
      call(tool, args);
      world.rate = world.after;
      return { policyId: `p-${world.calls.length}` };
    },
    async agent(input) {
      const { skill, input: given } = input as { skill: string; input: unknown };
      call(skill, given);
      return { sessionId: 's-1' };
    },
    async time() {
      return { now: 0, duration: 'PT5S' };
    },
    async change(input) {
      call('change', input);
      return { kept: world.kept, rolledBack: !world.kept, result: { policyId: 'p-9' } };
    },
  },
});
afterAll(() => engine.close());

async function run(given: PolicyInput) {
  const { document, input } = workflowOf(translateDown(given, options));
  let active = 0;
  const activity = {
    begin() {
      active += 1;
    },
    end() {
      active -= 1;
    },
  };
  const running = engine.run(compileWorkflow(document), input, { meta: { activity } });
  let ended = false;
  const end = running.finally(() => {
    ended = true;
  });
  end.catch(() => undefined);
  // Time passes only while the workflow waits.
  for (let calm = 0; !ended; calm = active === 0 ? calm + 1 : 0) {
    await new Promise((resolve) => setImmediate(resolve));
    if (calm > 20) clock.increment(1_000);
  }
  return (await end).output as { outcome: string; done: string[]; problems: unknown[] };
}

test('down, run, and up again: the planner hears what its policy brought', async () => {
  reset();
  const { document } = workflowOf(translateDown(policy(), options));
  const output = await run(policy());
  const { scope } = policy();
  expect(translateUp({ id: 'i-1', document, events: [], output, scope: scope as never })).toMatchObject({
    what: 'Keep the video of a traveller usable',
    outcome: 'fulfilled',
    effect: [
      { kpi: 'DlThptPerUE', before: 5, after: 10, percent: 100, better: true },
      { kpi: 'AveDLPrbLoad' },
    ],
    evidence: ['run i-1', 'measure reserve', 'measure guarantee'],
  });
});

describe('a policy becomes a workflow', () => {
  test('that is readable, the same each time, and checked', () => {
    const first = workflowOf(translateDown(policy(), options));
    expect(workflowOf(translateDown(policy(), options))).toEqual(first);
    expect(first.document.document).toMatchObject({
      dsl: '1.0.3',
      namespace: 'policies',
      name: 'keep-video-usable',
      title: 'Keep the video of a traveller usable',
      summary: 'DlThptPerUE > 8 and AveDLPrbLoad < 80: Reserve radio resources, then guarantee.',
      metadata: { netagent: { undo: 'by itself: guarantee, reserve' }, policy: { intent: 'intent-7' } },
    });
    expect(first.document.do.map((task) => Object.keys(task)[0])).toEqual([
      'begin',
      'observe',
      'decide',
      'carryOut',
      'lookAgain',
      'answer',
    ]);
    expect(first.reasons).toContain(
      'Reserve radio resources is done where a target is missed: the cells fill up at noon.',
    );
    expect(first.reasons).toContain('guarantee is done only where DlThptPerUE is missed.');
    expect(first.checks.every(({ ok }) => ok)).toBe(true);
    expect(checkWorkflow(first.document).problems.filter(({ severity }) => severity === 'error')).toEqual([]);
    expect(engine.check(compileWorkflow(first.document))).toEqual([]);
  });

  test('that does nothing where all targets are met', async () => {
    reset({ rate: 9 });
    expect(await run(policy())).toMatchObject({
      outcome: 'already-met',
      before: { DlThptPerUE: 9, AveDLPrbLoad: 50 },
      missed: [],
      done: [],
    });
    expect(world.calls).toEqual([]);
  });

  test('that takes the measures which the missed targets ask for, and says what it brought', async () => {
    reset();
    expect(await run(policy())).toEqual({
      outcome: 'fulfilled',
      before: { DlThptPerUE: 5, AveDLPrbLoad: 50 },
      after: { DlThptPerUE: 10, AveDLPrbLoad: 50 },
      missed: [],
      done: ['reserve', 'guarantee'],
      problems: [],
    });
    expect(world.calls).toEqual([
      `ran_reserve_prbs ${JSON.stringify({ supi, cellIds: ['000000a', '000000b'], ratio: 20 })}`,
      `assure-qos ${JSON.stringify({ supi })}`,
    ]);
    reset({ rate: 9, load: 95 });
    expect(await run(policy())).toMatchObject({
      outcome: 'missed',
      done: ['reserve'],
      missed: ['AveDLPrbLoad'],
    });
  });

  test('that undoes in reverse order what was done before a failure, by what it gave', async () => {
    reset({ fails: new Set(['set-last']) });
    const last = { id: 'last', do: { agent: 'x', skill: 'set-last' }, undo: { agent: 'x', skill: 'unset' } };
    const report = await run(policy({ measures: [...policy().measures, last] }));
    expect(report).toMatchObject({ outcome: 'undone', done: ['reserve', 'guarantee'] });
    expect(report.problems).toEqual([
      { task: '/do/3/carryOut/do/2/last/try/0/call', what: 'set-last says no' },
    ]);
    expect(world.calls.slice(-3)).toEqual([
      'set-last {}',
      'release-qos {"sessionId":"s-1"}',
      'ran_release_prbs {"policyId":"p-1"}',
    ]);
  });

  test('whose undo goes on where a step of it fails', async () => {
    reset({ fails: new Set(['set-last', 'release-qos']) });
    const last = { id: 'last', do: { agent: 'x', skill: 'set-last' }, undo: { agent: 'x', skill: 'unset' } };
    const report = await run(policy({ measures: [...policy().measures, last] }));
    expect(report.problems).toMatchObject([{}, { task: 'undo of guarantee', what: 'release-qos says no' }]);
    expect(world.calls.at(-1)).toBe('ran_release_prbs {"policyId":"p-1"}');
  });

  test('that stops or goes on after a failure where the policy says so', async () => {
    reset({ fails: new Set(['ran_reserve_prbs']) });
    expect(await run(policy({ onFailure: 'continue' }))).toMatchObject({
      done: ['guarantee'],
      problems: [{}],
    });
    reset({ fails: new Set(['ran_reserve_prbs']) });
    expect(await run(policy({ onFailure: 'stop' }))).toMatchObject({
      outcome: 'missed',
      done: [],
      problems: [{}],
    });
  });

  test('that says so where the result cannot be read', async () => {
    reset({ blind: true });
    expect(await run(policy())).toMatchObject({ outcome: 'unseen', done: ['reserve', 'guarantee'] });
  });

  test('that waits for its window', async () => {
    reset();
    const window = { start: NOW + 5_000, end: NOW + 60_000 };
    expect(await run(policy({ window, settleS: 30 }))).toMatchObject({ outcome: 'fulfilled' });
    expect(refusalsOf(policy({ window: { start: 0, end: NOW } }))).toEqual(['window: it is over']);
  });

  test('with guarded changes, once for each of the scope', async () => {
    reset();
    const [reserve] = policy().measures;
    const guardedOne = {
      ...reserve,
      id: 'reserve',
      each: 'cells' as const,
      do: { tool: 'ran_reserve_prbs', arguments: { supi, cellIds: ['${each}'], ratio: 20 } },
      guard: { target: 'AveDLPrbLoad', worseBy: 5, looks: 3, periodS: 60 },
    };
    const given = policy({
      measures: [guardedOne] as never,
      constraints: { approval: 'always' },
      priority: 70,
    });
    expect(await run(given)).toMatchObject({ done: ['reserve', 'reserve'] });
    expect(world.calls.length).toBe(2);
    expect(JSON.parse((world.calls[1] as string).replace('change ', ''))).toEqual({
      do: { tool: 'ran_reserve_prbs', arguments: { supi, cellIds: ['000000b'], ratio: 20 } },
      undo: { tool: 'ran_release_prbs', arguments: { policyId: '${result}/policyId' } },
      guard: {
        read: { tool: 'ran_collect_cell_kpis', arguments: { cellIds: ['000000b'] } },
        kpi: '/cells/0/RRU.PrbTotDl',
        worseBy: 5,
        better: 'lower',
        clear: 0,
        looks: 3,
        periodS: 60,
      },
      priority: 70,
      dryRun: false,
      approval: 'always',
    });
    reset({ kept: false });
    expect(await run(given)).toMatchObject({ done: [] });
  });
});

test.each<[string, unknown, string]>([
  [
    'a target that nothing reads',
    policy({
      expectations: [
        {
          expectationId: '1',
          expectationTargets: [
            { targetName: 'Mood', targetCondition: 'IS_GREATER_THAN', targetValueRange: 1 },
          ],
        },
      ],
    }),
    'target Mood: nothing reads this figure here',
  ],
  [
    'an unknown tool',
    policy({ measures: [{ id: 'x', do: { tool: 'gone' }, undo: { tool: 'ran_release_prbs' } }] }),
    'there is no tool gone',
  ],
  [
    'a change without undo',
    policy({ measures: [{ id: 'x', do: { tool: 'ran_switch_network', arguments: {} } }] }),
    'has no undo',
  ],
  [
    'an expression in an argument',
    policy({ measures: [{ id: 'x', do: { tool: 'core_locate_ue', arguments: { supi: '${ env }' } } }] }),
    'is an expression',
  ],
  [
    'a field that there is not',
    policy({ measures: [{ id: 'x', do: { tool: 'core_locate_ue', arguments: { supi: '${result}/x' } } }] }),
    'there is no result here',
  ],
  [
    'more cells than allowed',
    policy({ constraints: { maxCells: 1 } }),
    'scope.cells: 2, and the policy allows 1',
  ],
  [
    'a guard on two cells at once',
    policy({ measures: [{ ...policy().measures[0], guard: { target: 'AveDLPrbLoad' } }] as never }),
    'a guard watches one figure',
  ],
  [
    'a retry of an agent',
    policy({
      measures: [
        { id: 'x', do: { agent: 'a', skill: 'b' }, undo: { agent: 'a', skill: 'c' }, retry: { times: 2 } },
      ],
    }),
    'may have its effect twice',
  ],
  [
    'a rehearsal of what cannot be rehearsed',
    policy({ constraints: { dryRun: true } }),
    'a dry run wants a tool with undo and guard',
  ],
  [
    'a template that there is not',
    policy({ measures: [{ id: 'x', do: { workflow: 'ran/none' } }] }),
    'there is no template ran/none',
  ],
  [
    'two measures of one name',
    policy({ measures: [policy().measures[0], policy().measures[0]] as never }),
    'two measures have the same id',
  ],
  ['no measures', policy({ measures: [] }), 'measures'],
])('%s is refused with the place and the reason', (_, given, reason) => {
  expect(refusalsOf(given).join('\n')).toContain(reason);
});

test('whatever stands in a policy is data: it comes to the tools as it was, and never runs', async () => {
  const texts = fc.oneof(
    fc.string(),
    fc.constantFrom('${ .x', '\\(env)', '"; env; "', '${scope}', '$context', '${a} b', '\u0000', '${'),
  );
  await fc.assert(
    fc.asyncProperty(
      // A key that would be the prototype is dropped on the way, as it should be.
      fc.dictionary(
        fc.string().filter((key) => key !== '__proto__'),
        texts,
        { minKeys: 2, maxKeys: 8 },
      ),
      texts,
      async (args, title) => {
        const measure = {
          id: 'x',
          title: title.slice(0, 50),
          do: { tool: 'ran_switch_network', arguments: args },
          undo: { tool: 'ran_switch_network', arguments: args },
        };
        const fails = {
          id: 'fails',
          do: { agent: 'x', skill: 'fails' },
          undo: { agent: 'x', skill: 'never' },
        };
        const given = policy({ measures: [measure, fails] });
        const translation = translateDown(given, options);
        const isField = (text: string) => /^\s*\$\{[\s\S]*\}(\/.*)?\s*$/.test(text);
        if (translation.kind === 'refused') {
          expect(Object.values(args).some(isField)).toBe(true);
          return;
        }
        if (Object.values(args).some(isField)) return;
        reset({ fails: new Set(['fails']) });
        await run(given);
        const seen = world.calls.filter((one) => one.startsWith('ran_switch_network'));
        expect(seen.map((one) => JSON.parse(one.replace('ran_switch_network ', '')))).toEqual([
          JSON.parse(JSON.stringify(args)),
          JSON.parse(JSON.stringify(args)),
        ]);
      },
    ),
    { numRuns: 8 },
  );
});
