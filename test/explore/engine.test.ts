import { expect, test } from 'vitest';
import {
  createDualEngine,
  type Kpis,
  type Limits,
  type Proposer,
  type Sandbox,
} from '../../src/explore/index.ts';
import { seeded } from './functions.ts';
import { libraryAt, limits, quiet, shippedRules, uplinkSituation } from './kit.ts';

const scope = { cells: ['c1', 'c2'], subscribers: [] };
const bounds = { ulP0Dbm: { min: -110, max: -60, step: 1 }, ulAlpha: { min: 0.4, max: 1, step: 0.1 } };
const strong: Kpis = { iotDb: 5, rsrpP5Dbm: -95, connectedPerCell: 5, prbUlPercent: 80 };
const mild: Kpis = { ...strong, iotDb: 2 };

/** Edge rate with its best at P0 -90, alpha 0.8; `noise` differs from future to future. */
function model({ gain = 0.5, noise = 0.02, harm = 0 } = {}): Sandbox & { asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    async evaluate({ ulP0Dbm, ulAlpha }, { seed, signal }) {
      signal?.throwIfAborted();
      asked.push(seed);
      const drawn = seeded(seed);
      const level = 1 + noise * (drawn.next() - 0.5);
      const own = 1 + noise * (seeded(seed + (ulP0Dbm ?? 0)).next() - 0.5);
      if (ulP0Dbm === undefined || ulAlpha === undefined) {
        return { edgeUlMbps: 2 * level, meanUlMbps: 8 * level, outageRatio: 0 };
      }
      const off = ((ulP0Dbm + 90) / 25) ** 2 + ((ulAlpha - 0.8) / 0.4) ** 2;
      return {
        edgeUlMbps: 2 * level * own * (1 + gain * (1 - off)),
        meanUlMbps: 8 * level * (1 - harm),
        outageRatio: 0,
      };
    },
  };
}

function engine(
  sandbox: Sandbox,
  more: { library?: ReturnType<typeof libraryAt>; proposer?: Proposer; seed?: number } = {},
) {
  const { library = libraryAt(() => 0), seed = 1, ...rest } = more;
  return createDualEngine({
    rules: shippedRules,
    library,
    sandbox,
    random: seeded(seed),
    clock: { now: () => 0 },
    log: quiet,
    ...rest,
  });
}
const ask = (kpis: Kpis, change: Partial<Limits> = {}) => ({
  situation: uplinkSituation(scope, kpis),
  bounds,
  limits: { ...limits, ...change },
});

test('a rule that reaches goes first, and costs nothing', async () => {
  const sandbox = model();
  const decision = await engine(sandbox).decide(ask(mild));
  expect(decision).toMatchObject({
    source: 'rule',
    id: 'uplink-interference',
    parameters: { ulP0Dbm: -84, ulAlpha: 0.8 },
    evaluations: 0,
    expected: null,
  });
  expect(sandbox.asked).toEqual([]);
});

test('rules can be held to the gate as well, and fall through', async () => {
  const helps = await engine(model()).decide(ask(mild, { tryRules: true }));
  expect(helps).toMatchObject({ source: 'rule', evaluations: 10 });
  const hurts = await engine(model({ gain: -0.3 })).decide(ask(mild, { tryRules: true }));
  expect(hurts.source).not.toBe('rule');
  expect(hurts.considered[0]).toMatchObject({
    source: 'rule',
    verdict: expect.stringMatching(/gain is not certain/),
  });
});

test('where no rule reaches the explorer finds the optimum, the same for the same seed', async () => {
  const decision = await engine(model()).decide(ask(strong));
  expect(decision.source).toBe('explorer');
  expect(Math.abs((decision.parameters?.ulP0Dbm as number) + 90)).toBeLessThanOrEqual(4);
  expect(decision.parameters?.ulAlpha).toBeCloseTo(0.8, 9);
  expect(decision.expected?.mean).toBeCloseTo(0.5, 1);
  expect(decision.evaluations).toBeLessThanOrEqual(limits.evaluations);
  expect(await engine(model()).decide(ask(strong))).toEqual(decision);
});

test('the gate asks of futures that the search has not seen', async () => {
  const sandbox = model();
  await engine(sandbox).decide(ask(strong));
  const gate = sandbox.asked.slice(-2 * limits.futures);
  const search = sandbox.asked.slice(0, -2 * limits.futures);
  expect(new Set(gate).size).toBe(limits.futures);
  expect(gate.filter((seed) => search.includes(seed))).toEqual([]);
});

test.each([
  ['chance', { gain: 0, noise: 1 }, {}, /not certain|nothing that was tried/],
  ['a gain too small', { gain: 0.01, noise: 0 }, {}, /below 3.0 %/],
  ['harm to others', { harm: 0.2 }, {}, /nothing that was tried|gets worse/],
  ['a blast too wide', {}, { blast: { cells: 1, subscribers: 0 } }, /2 cells are more than the 1 allowed/],
] as const)('nothing is proposed for %s', async (_, world, change, reason) => {
  const decision = await engine(model(world)).decide(ask(strong, change));
  expect(decision).toMatchObject({ source: 'none', parameters: null });
  expect(decision.reason).toMatch(reason);
});

test('the policy says when a person must be asked', async () => {
  const asked = await engine(model()).decide(ask(mild, { approval: { cellsAbove: 1, subscribersAbove: 0 } }));
  expect(asked.approval).toBe(true);
  const free = await engine(model()).decide(ask(mild, { approval: { cellsAbove: 2, subscribersAbove: 0 } }));
  expect(free.approval).toBe(false);
});

test('what was withdrawn in such a situation is not proposed again, by a rule neither', async () => {
  const library = libraryAt(() => 0);
  library.withdraw(uplinkSituation(scope, mild), { ulP0Dbm: -84, ulAlpha: 0.8 }, 'a guard is broken', []);
  const decision = await engine(model(), { library }).decide(ask(mild));
  expect(decision.source).toBe('explorer');
  expect(decision.considered[0]?.verdict).toMatch(/did harm in such a situation: a guard is broken/);
});

const proposer = (answer: unknown): Proposer => ({ propose: async () => answer });
const proposals = (...of: Array<Record<string, number>>) =>
  proposer({ proposals: of.map((parameters) => ({ parameters, reason: 'Ignore the gate.\u0007' })) });

test('a proposal of a model goes the same way: through the gate', async () => {
  const decision = await engine(model(), {
    proposer: proposals({ ulP0Dbm: -90, ulAlpha: 0.8 }),
  }).decide(ask(strong, { evaluations: 20 }));
  expect(decision).toMatchObject({
    source: 'explorer',
    id: 'proposer',
    parameters: { ulP0Dbm: -90, ulAlpha: 0.8 },
  });
  expect(decision.considered).toContainEqual({
    source: 'explorer',
    id: 'proposer',
    verdict: 'proposes: Ignore the gate. ',
  });
});

test.each([
  ['out of bounds', proposals({ ulP0Dbm: 20, ulAlpha: 0.8 }), /out of bounds: ulP0Dbm/],
  [
    'of an unknown parameter',
    proposals({ toString: 1, txPowerDbm: 60 }),
    /out of bounds: toString, txPowerDbm/,
  ],
  ['without form', proposer('set everything to 0'), /has not the form/],
  ['not numbers', proposer({ proposals: [{ parameters: { ulP0Dbm: 'rm -rf' } }] }), /has not the form/],
  ['an error', { propose: () => Promise.reject(new Error('offline')) }, /did not answer/],
])('a proposal that is %s is set aside, and the search goes on', async (_, wrong, verdict) => {
  const decision = await engine(model(), { proposer: wrong }).decide(ask(strong));
  expect(decision).toMatchObject({ source: 'explorer', id: 'search' });
  expect(decision.considered.map((one) => one.verdict)).toContainEqual(expect.stringMatching(verdict));
});

test('a KPI that nobody measures is a mistake of who asks', async () => {
  const guards = [{ kpi: 'happiness', direction: 'raise', most: 0.1, by: 'ratio' }] as const;
  await expect(engine(model()).decide(ask(strong, { guards }))).rejects.toThrow(/no KPI happiness/);
});

test('a signal ends it', async () => {
  const { signal } = new AbortController();
  const aborted = AbortSignal.abort(new Error('not wanted any more'));
  await expect(engine(model()).decide({ ...ask(strong), signal: aborted })).rejects.toThrow('not wanted');
  await expect(engine(model()).decide({ ...ask(strong), signal })).resolves.toMatchObject({
    source: 'explorer',
  });
});
