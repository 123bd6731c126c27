import { expect, test } from 'vitest';
import { createArbiter, type Entry } from '../../src/change/index.ts';
import { type Kpis, type Live, type Sandboxes, startTrial } from '../../src/explore/index.ts';
import { trialClaims } from '../../src/runtime/workflows/trial-claims.ts';
import { seeded } from './functions.ts';
import { libraryAt, limits, NetworkClock, quiet, uplinkSituation } from './kit.ts';

const wide = { cells: ['a', 'b', 'c'], subscribers: [] };
const small = { cells: ['a'], subscribers: [] };
const parameters = { ulP0Dbm: -90 };
const settled = () => new Promise<void>((done) => setImmediate(done));

/** A network of plain numbers: `gain` is what the parameters do to the edge rate, in the sandbox and live. */
function setUp({
  sandbox = 0.5,
  live = () => 0.5,
  approval = false,
  failures = 0,
}: {
  sandbox?: number;
  live?: () => number;
  approval?: boolean;
  failures?: number;
} = {}) {
  const clock = new NetworkClock();
  const library = libraryAt(() => clock.now());
  const orders = new Map<string, readonly string[]>();
  const log: string[] = [];
  let broken = failures;
  const kpis = (gain: number): Kpis => ({ edgeUlMbps: 2 * (1 + gain), meanUlMbps: 8, outageRatio: 0 });
  const sandboxes: Sandboxes = {
    open: () => ({
      evaluate: async (given) => kpis('ulP0Dbm' in given ? sandbox : 0),
      close: () => void log.push('sandbox closed'),
    }),
  };
  const network: Live = {
    async apply(id, _, scope) {
      log.push(`apply ${scope.cells.length}`);
      orders.set(id, scope.cells);
    },
    async undo(id) {
      if (broken-- > 0) throw new Error('no answer');
      log.push(`undo ${orders.delete(id)}`);
    },
    measure: async () => kpis(orders.size > 0 ? live() : 0),
  };
  const parts = { sandboxes, live: network, library, random: seeded(1), clock, log: quiet };
  const plan = {
    id: 't',
    situation: uplinkSituation(wide, { iotDb: 5 }),
    limits,
    parameters,
    evidence: [],
    small,
    approval,
    options: { looks: 2, lookSeconds: 1 },
  };
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      await settled();
      clock.advanceTo(clock.now() + 1000);
      await settled();
    }
  };
  return { clock, library, orders, log, parts, plan, pass };
}

test('small, wide, kept', async () => {
  const { parts, plan, pass, log, library, orders } = setUp();
  const trial = startTrial(parts, plan);
  await pass(60);
  expect((await trial.outcome).outcome).toBe('kept');
  expect(log).toEqual(['sandbox closed', 'apply 1', 'apply 3']);
  expect(orders.get('t')).toEqual(wide.cells);
  expect(library.list()).toMatchObject([{ parameters, withdrawn: null, evidence: [{ where: 'live' }] }]);
});

test('the gate has the last word before anything is set', async () => {
  const { parts, plan, log, library } = setUp({ sandbox: -0.1 });
  const outcome = await startTrial(parts, plan).outcome;
  expect(outcome).toMatchObject({ outcome: 'refused', reason: expect.stringMatching(/gain is not certain/) });
  expect(log).toEqual(['sandbox closed']);
  expect(library.list()).toEqual([]);
});

test('harm that comes late takes back what was set everywhere', async () => {
  let t = 0;
  const { parts, plan, pass, log, library } = setUp({ live: () => (++t > 6 ? -0.4 : 0.5) });
  const trial = startTrial(parts, plan);
  await pass(60);
  expect(await trial.outcome).toMatchObject({ outcome: 'rolledBack', stage: 'wide' });
  expect(log.slice(1)).toEqual(['apply 1', 'apply 3', 'undo true']);
  expect(library.list()).toMatchObject([{ withdrawn: expect.stringMatching(/the sandbox said at least/) }]);
});

test('a person is waited for, says yes or no, or does not answer', async () => {
  for (const [event, outcome] of [
    [{ type: 'APPROVE', by: 'operator' }, 'kept'],
    [{ type: 'REJECT', reason: 'not today' }, 'refused'],
    [null, 'refused'],
  ] as const) {
    const { parts, plan, pass, clock, log } = setUp({ approval: true });
    const trial = startTrial(parts, plan);
    await pass(5);
    expect(log).toEqual([]);
    if (event) trial.send(event);
    else clock.advanceTo(86_500_000);
    await pass(60);
    expect((await trial.outcome).outcome).toBe(outcome);
  }
});

test('cancelled half-way it is rolled back, not blamed', async () => {
  const { parts, plan, pass, log, library } = setUp();
  const trial = startTrial(parts, plan);
  await pass(8);
  trial.send({ type: 'CANCEL', reason: 'a storm comes' });
  await pass(5);
  expect(await trial.outcome).toMatchObject({ outcome: 'rolledBack', reason: 'a storm comes' });
  expect(log.at(-1)).toBe('undo true');
  expect(library.list()).toEqual([]);
});

test('rolling back is tried again; if it never succeeds, that is said', async () => {
  const again = setUp({ live: () => -0.4, failures: 2 });
  const trial = startTrial(again.parts, again.plan);
  await again.pass(60);
  expect((await trial.outcome).outcome).toBe('rolledBack');
  const never = setUp({ live: () => -0.4, failures: 99 });
  const hopeless = startTrial(never.parts, never.plan);
  await never.pass(90);
  expect((await hopeless.outcome).outcome).toBe('rollbackFailed');
});

test('trials and changes of others are arbitrated: who was first, and who counts more', async () => {
  const rows = new Map<string, Entry>();
  const entries = {
    get: (id: string) => rows.get(id),
    put: (id: string, value: Entry) => void rows.set(id, value),
    delete: (id: string) => rows.delete(id),
    list: () => [...rows].map(([id, value]) => ({ id, value })),
  };
  const { parts, plan, pass, log, library, clock } = setUp();
  const arbiter = createArbiter({ clock, entries });
  const claims = trialClaims(arbiter, { holder: 'explorer' });
  const order = (id: string, priority: number) => ({
    id,
    holder: id,
    claims: [{ resource: 'cell:b', parameter: 'uplink-power', value: { ulP0Dbm: -70 } }],
    priority,
    window: null,
    leaseMs: 60_000,
    patienceMs: 60_000,
  });

  arbiter.ask(order('other', 50));
  const refused = await startTrial({ ...parts, claims }, plan).outcome;
  expect(refused).toMatchObject({
    outcome: 'refused',
    reason: expect.stringMatching(/^cell:b is with other/),
  });
  expect(log).toEqual([]);
  arbiter.release('other');

  const trial = startTrial({ ...parts, claims }, plan);
  await pass(8);
  expect(arbiter.ask(order('urgent', 80)).state).toBe('waiting');
  await pass(5);
  expect(await trial.outcome).toMatchObject({ outcome: 'rolledBack', reason: 'It yields to urgent.' });
  expect(log.at(-1)).toBe('undo true');
  expect(library.list()).toEqual([]);
  expect(arbiter.ask(order('urgent', 80)).state).toBe('held');
});

test('ended at any moment and restored, a trial comes to the same end with the same settings', async () => {
  for (let kill = 0; kill < 40; kill += 3) {
    const { parts, plan, pass, orders, library } = setUp();
    const first = startTrial(parts, plan);
    first.outcome.catch(() => undefined);
    await pass(kill);
    const snapshot = JSON.parse(JSON.stringify(first.persisted()));
    first.stop();
    await pass(3);
    if (snapshot.status === 'done') break;
    const second = startTrial(parts, plan, { snapshot, elapsedMs: 3000 });
    await pass(60);
    expect((await second.outcome).outcome).toBe('kept');
    expect(orders.get('t')).toEqual(wide.cells);
    expect(library.list()).toHaveLength(1);
  }
});
