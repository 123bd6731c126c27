import { describe, expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { NetAgentError } from '../../machines/failure.ts';
import {
  assuranceMachine,
  delegationMachine,
  handoverMachine,
  instructionMachine,
  intentMachine,
  supervisionMachine,
  taskMachine,
} from '../../machines/index.ts';
import { type ModelOptions, modelPaths, runModel } from '../../src/testing/index.ts';

const request = {
  taskId: 't1',
  contextId: 'c1',
  text: 'a conference',
  data: null,
  history: [],
  caller: 'netagent/users/proxy',
  metadata: {},
};
const message = { text: 'at eight', data: null, caller: 'netagent/users/proxy', metadata: {} };
const results = (['completed', 'input-required', 'rejected', 'failed'] as const).map((state) => ({
  state,
  text: state,
}));
const problems = [
  new Error('boom'),
  new NetAgentError('X', { class: 'terminal', status: 400, message: 'coded', hint: '' }, {}),
];
const note = { text: 'on the way', data: { phase: 'none' } };
const work = [
  { type: 'PROGRESS', note },
  { type: 'ARTIFACT', artifact: { name: 'a', text: 'a' } },
  { type: 'CANCEL' },
];
const levels = (rsrpDbm: number, sinrDb: number) => ({ type: 'MEASURED', levels: { rsrpDbm, sinrDb } });

const models: [AnyStateMachine, ModelOptions][] = [
  [
    taskMachine,
    {
      input: { request, patienceMs: 1000, releaseMs: 100 },
      events: [{ type: 'BEGIN' }, { type: 'MESSAGE', message } as never, ...work],
      effects: { perform: { outputs: results, errors: problems } },
      // The request grows with each answer.
      counters: ['request'],
    },
  ],
  [
    instructionMachine,
    {
      input: request,
      events: work,
      effects: {
        understandInstruction: {
          outputs: [
            { kind: 'instruction', instruction: { skill: 'reserve-radio', input: {} } },
            { kind: 'refused', text: 'unknown' },
          ],
          errors: problems,
        },
        runSkill: { outputs: results, errors: problems },
      },
    },
  ],
  [
    delegationMachine,
    {
      input: {
        agents: ['netagent/domains/ran', 'netagent/domains/ran-2'],
        instruction: { skill: 'reserve-radio', input: {} },
        acceptMs: 1000,
        deadlineMs: 60_000,
      },
      events: [
        { type: 'ACCEPTED', taskId: 't2' } as never,
        { type: 'PROGRESS', note } as never,
        { type: 'EXCEPTION', note } as never,
        { type: 'CANCEL' },
      ],
      effects: {
        assign: { outputs: results.filter(({ state }) => state !== 'input-required'), errors: problems },
      },
      counters: ['exceptions'],
    },
  ],
  [
    intentMachine,
    {
      input: request,
      events: [
        ...work,
        ...['evaluated', 'planned', 'measure', 'review'].map(
          (phase) => ({ type: 'PROGRESS', note: { text: phase, data: { phase } } }) as never,
        ),
      ],
      effects: {
        understand: {
          outputs: [
            { kind: 'understood', intent: { id: 'i1' } },
            { kind: 'incomplete', text: 'when?', data: { missing: ['time'] } },
            { kind: 'refused', text: 'no wish for the network' },
          ],
          errors: problems,
        },
        assure: { outputs: [{ done: true }], errors: problems },
        report: { outputs: [results[0]], errors: problems },
        release: { outputs: [undefined], errors: problems },
      },
    },
  ],
  [
    assuranceMachine,
    {
      input: { periodMs: 10_000, maxMissed: 2, subject: 'imsi-1' },
      events: [{ type: 'END' }],
      effects: {
        perceive: { outputs: [{ rsrpDbm: -90 }], errors: problems },
        decide: {
          outputs: [
            { measure: 'none', reason: '' },
            { measure: 'qos-priority', reason: 'congestion' },
          ],
          errors: problems,
        },
        act: { outputs: [undefined], errors: problems },
        verify: { outputs: [{ helped: true }, { helped: false }], errors: problems },
        learn: { outputs: [undefined], errors: problems },
      },
      counters: ['looks', 'measures'],
    },
  ],
  [
    handoverMachine,
    {
      input: {
        supi: 'imsi-1',
        toStandbyBelow: { rsrpDbm: -110, sinrDb: 0 },
        returnAbove: { rsrpDbm: -105, sinrDb: 3 },
        holdMs: 500,
      },
      // Weak by the one or the other, at the bounds, between them, good.
      events: [
        levels(-111, 5),
        levels(-100, -1),
        levels(-110, 0),
        levels(-105, 4),
        levels(-104, 4),
        { type: 'END' },
      ],
      effects: {
        preset: { outputs: [undefined], errors: problems },
        switchNetwork: { outputs: [undefined], errors: problems },
        returnNetwork: { outputs: [undefined], errors: problems },
      },
      counters: ['switches'],
    },
  ],
  [
    supervisionMachine,
    {
      input: { intensity: 2, periodMs: 60_000, backoffMs: 100, maxBackoffMs: 1000 },
      events: [
        { type: 'CRASHED', at: 1000, reason: 'boom' } as never,
        { type: 'CRASHED', at: 2000, reason: 'boom' } as never,
        { type: 'STOP' },
      ],
      effects: {},
    },
  ],
];

describe.each(models.map(([machine, options]) => ({ name: machine.id, machine, options })))(
  'the chart $name',
  ({ machine, options }) => {
    test('does on a live actor what its model says, and each of its transitions is taken', async () => {
      const report = await runModel(machine, options);
      expect(report.uncovered).toEqual([]);
      expect(report.paths).toBeGreaterThan(0);
    });
  },
);

test('a chart that differs from its model fails with a trace that says where', async () => {
  const [machine, options] = models[0] as (typeof models)[number];
  const broken = machine.provide({ actions: { keepResult: () => undefined } } as never);
  const real = modelPaths(machine, options);
  expect(real.length).toBeGreaterThan(10);
  await expect(runModel(broken, { ...options, model: machine })).rejects.toThrow(
    /^task: after step 2, context\.result is .*\n {2}\{"type":"BEGIN"\} -> .*\n> \{"type":"xstate.done.actor.perform"/,
  );
});

test('the settled state of a task never changes: each path settles a turn once', async () => {
  const [machine, options] = models[0] as (typeof models)[number];
  for (const path of modelPaths(machine, options)) {
    const canceled = path.findIndex(({ value }) => value === 'canceled');
    expect(canceled === -1 || canceled === path.length - 1).toBe(true);
  }
});
