import { expect, test } from 'vitest';
import {
  type CallOutcome,
  type ChangePorts,
  type ChangeRecord,
  type ChangeRequest,
  createGuardedChanges,
  type Entry,
} from '../../src/change/index.ts';
import { memory, START, settle, virtualClock } from './kit.ts';

const done = (output: Record<string, unknown> = {}): CallOutcome => ({
  output,
  isError: false,
  text: 'done',
});
const failed = (text: string, over: Partial<CallOutcome> = {}): CallOutcome => ({
  output: null,
  isError: true,
  text,
  executed: 'no',
  ...over,
});

/** A network with one figure and policies that come and go; a key never has a second effect. */
class Network {
  figure: number | null = 30;
  after = 30;
  calls: string[] = [];
  policies = new Map<string, unknown>();
  answers: Record<string, Array<CallOutcome | Error>> = {};
  readonly #seen = new Map<string, CallOutcome>();

  readonly ports: ChangePorts = {
    traits: async (tool) => {
      await settle(1);
      return { effects: tool.startsWith('read') ? 'read' : 'reversible' };
    },
    usersOf: async (cells) => new Map(cells.map((cell) => [cell, 40])),
    callTool: async (tool, args, { idempotencyKey, dryRun, approval, signal }) => {
      if (!tool.startsWith('read')) {
        this.calls.push([tool, dryRun ? 'dry' : idempotencyKey, approval].filter(Boolean).join(' '));
      }
      await settle(1);
      signal.throwIfAborted();
      const scripted = this.answers[dryRun ? `${tool} dry` : tool]?.shift();
      if (scripted instanceof Error) throw scripted;
      if (scripted !== undefined) return scripted;
      if (dryRun) return done();
      if (tool === 'read') return done({ cells: [{ 'DRB.UEThpDl': this.figure }] });
      const known = this.#seen.get(idempotencyKey ?? '');
      if (known !== undefined) return known;
      if (tool === 'reserve') {
        this.policies.set(`p-${idempotencyKey}`, args);
        this.figure = this.after;
      } else {
        this.policies.delete(args.policyId as string);
        this.figure = 30;
      }
      const outcome = done(tool === 'reserve' ? { policyId: `p-${idempotencyKey}` } : {});
      this.#seen.set(idempotencyKey ?? '', outcome);
      return outcome;
    },
  };
}

const change = (over: Partial<ChangeRequest> = {}): ChangeRequest => ({
  do: { tool: 'reserve', arguments: { supi: 'imsi-001010000000001', cellIds: ['000000a'], ratio: 20 } },
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a field of the result
  undo: { tool: 'release', arguments: { policyId: '${result}/policyId' } },
  guard: {
    read: { tool: 'read', arguments: { cellIds: ['000000a'] } },
    kpi: '/cells/0/DRB.UEThpDl',
    worseBy: 5,
    clear: 2,
    looks: 4,
    bad: 2,
    periodS: 10,
  },
  ...over,
});

function setUp({ level = 3, approve }: { level?: number; approve?: ChangePorts['approve'] } = {}) {
  const network = new Network();
  const clock = virtualClock();
  const entries = memory<Entry>();
  const records = memory<ChangeRecord>();
  const open = () =>
    createGuardedChanges({
      clock,
      ports: { ...network.ports, ...(approve && { approve }) },
      bounds: { level },
      entries,
      records,
    });
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      await settle(8);
      clock.increment(1000);
    }
    await settle(8);
  };
  return { network, clock, entries, records, open, pass };
}

test('a change whose figure holds is kept, and says what it saw', async () => {
  const { network, open, pass } = setUp();
  const changes = open();
  const states: string[] = [];
  const idle: boolean[] = [];
  network.after = 33;
  const running = changes.run(change(), {
    key: 'k',
    holder: 'intent-1',
    onState: (state) => states.push(state),
    onIdle: (one) => idle.push(one),
  });
  await pass(45);
  const report = await running;
  expect(report).toEqual({
    kept: true,
    rolledBack: false,
    outcome: 'kept',
    reason: 'The figure held over 4 looks.',
    result: { policyId: 'p-k' },
    evidence: {
      reach: 'reserve touches 1 cell, 40 users in them, 1 subscriber by name; level 3 allows that.',
      before: { value: 30, at: START },
      looks: [1, 2, 3, 4].map((number) => ({ value: 33, at: START + number * 10_000 })),
    },
  });
  expect(network.calls).toEqual(['reserve dry', 'reserve k']);
  expect([...new Set(states)]).toEqual([
    'planned',
    'claiming',
    'dryRun',
    'sighting',
    'applying',
    'watching.pausing',
    'watching.looking',
    'releasing',
    'kept',
  ]);
  expect(idle.filter(Boolean).length).toBe(4);
  // Without a window nothing is held any more; asking again gives the same report.
  expect(changes.arbiter.list()).toEqual([]);
  expect(await changes.run(change(), { key: 'k', holder: 'intent-1' })).toEqual(report);
  await expect(changes.run(change({ priority: 2 }), { key: 'k', holder: 'intent-1' })).rejects.toThrow(
    'other terms',
  );
});

test('two bad looks in a row roll it back; one does not', async () => {
  const { network, open, pass } = setUp();
  const changes = open();
  network.after = 20;
  const running = changes.run(change(), { key: 'k', holder: 'intent-1' });
  await pass(11);
  network.figure = 29;
  await pass(10);
  network.figure = 20;
  await pass(21);
  expect(await running).toMatchObject({
    kept: false,
    rolledBack: true,
    reason: 'The figure was bad in 2 looks in a row: 20, before 30.',
    evidence: { looks: [{ value: 20 }, { value: 29 }, { value: 20 }, { value: 20 }] },
  });
  expect(network.policies.size).toBe(0);
  expect(network.calls.at(-1)).toBe('release k:undo');
});

test('a figure that cannot be read: not changed before, rolled back after', async () => {
  const { network, open, pass } = setUp();
  const changes = open();
  network.figure = null;
  const unseen = await changes.run(change(), { key: 'a', holder: 'x' });
  expect(unseen).toMatchObject({ outcome: 'refused', result: null });
  expect(unseen.reason).toContain('/cells/0/DRB.UEThpDl of read cannot be read');
  network.figure = 30;
  const running = changes.run(change(), { key: 'b', holder: 'x' });
  await pass(1);
  network.figure = null;
  await pass(40);
  expect(await running).toMatchObject({
    rolledBack: true,
    reason: 'The figure could not be read 3 times in a row.',
  });
});

test('what would be refused, reaches too far, or is not approved is not done', async () => {
  const { network, open } = setUp();
  const changes = open();
  const run = (key: string, request: ChangeRequest) => changes.run(request, { key, holder: 'x' });
  network.answers['reserve dry'] = [failed('ratio must be <= 10')];
  expect(await run('a', change())).toMatchObject({ outcome: 'refused', reason: 'ratio must be <= 10' });
  const cells = Array.from({ length: 150 }, (_, index) => `00000${index}`);
  const wide = change({ do: { tool: 'reserve', arguments: { cellIds: cells } } });
  expect((await run('b', wide)).reason).toBe(
    'reserve touches 150 cells, 6000 users in them: more than 100 cells. Cut it into smaller changes.',
  );
  const large = change({ do: { tool: 'reserve', arguments: { cellIds: cells.slice(0, 12) } } });
  expect((await run('c', large)).reason).toBe(
    'reserve touches 12 cells, 480 users in them; level 3 allows 10 cells: a human must approve. done There is nobody to ask.',
  );
  expect(network.calls).toEqual(['reserve dry', 'reserve dry']);
  expect(changes.arbiter.list()).toEqual([]);
});

test('a dry run ends before the change', async () => {
  const { network, open } = setUp();
  const report = await open().run(change({ dryRun: true }), { key: 'k', holder: 'x' });
  expect(report).toMatchObject({ outcome: 'rehearsed', kept: false, rolledBack: false, result: null });
  expect(network.calls).toEqual(['reserve dry']);
});

test('an approval goes with the call', async () => {
  const asked: string[] = [];
  const { network, open, pass } = setUp({
    level: 1,
    approve: async ({ text, plan }) => {
      asked.push(`${plan}: ${text}`);
      return { approved: true, text: '', token: 'signed' };
    },
  });
  network.answers['reserve dry'] = [
    failed('needs a human', { approval: { plan: 'hash', question: 'Really?' } }),
  ];
  const running = open().run(change(), { key: 'k', holder: 'x' });
  await pass(45);
  expect((await running).kept).toBe(true);
  expect(asked).toEqual([
    'hash: reserve touches 1 cell, 40 users in them, 1 subscriber by name; level 1 allows 0 cells, and level 1 allows 0 subscribers: a human must approve. Really?',
  ]);
  expect(network.calls).toEqual(['reserve dry', 'reserve k signed']);
});

test('a lost answer is asked for again under the same key: one effect', async () => {
  const { network, open, pass } = setUp();
  network.answers.reserve = [new Error('the line is down'), failed('gone', { executed: 'maybe' })];
  const running = open().run(change(), { key: 'k', holder: 'x' });
  await pass(60);
  expect((await running).kept).toBe(true);
  expect(network.calls).toEqual(['reserve dry', 'reserve k', 'reserve k', 'reserve k']);
  expect(network.policies.size).toBe(1);
});

test('an undo that fails three times is left to a human, and nobody builds on it for a while', async () => {
  const { network, open, pass } = setUp();
  const changes = open();
  network.after = 10;
  network.answers.release = [failed('no'), failed('no'), failed('no')];
  const running = changes.run(change(), { key: 'k', holder: 'x' });
  await pass(60);
  expect(await running).toMatchObject({ outcome: 'rollbackFailed', kept: false, rolledBack: false });
  expect((await running).reason).toContain('It could not be taken back: The undo by release failed: no');
  expect(changes.arbiter.list().map(({ id }) => id)).toEqual(['k']);
});

test('cancelling takes it back', async () => {
  const { network, open, pass } = setUp();
  const abort = new AbortController();
  const running = open().run(change(), { key: 'k', holder: 'x', signal: abort.signal });
  await pass(5);
  expect(network.policies.size).toBe(1);
  abort.abort();
  await pass(1);
  expect(await running).toMatchObject({ rolledBack: true, reason: 'Cancelled.' });
  expect(network.policies.size).toBe(0);
});

test('opposite orders on one cell: the higher priority waits for the undo of the lower, then goes', async () => {
  const { network, open, pass } = setUp();
  const changes = open();
  const sleep = (key: string, priority: number) =>
    changes.run(
      change({
        priority,
        do: { tool: 'reserve', arguments: { cellIds: ['000000a'] } },
        claims: [{ resource: 'cell:000000a', parameter: 'sleep', value: true }],
      }),
      { key, holder: key },
    );
  const low = changes.run(
    change({ claims: [{ resource: 'cell:000000a', parameter: 'reservation', value: 20 }] }),
    { key: 'low', holder: 'low' },
  );
  await pass(3);
  const refused = changes.run(
    change({ waitS: 0, claims: [{ resource: 'cell:000000a', parameter: 'sleep', value: true }] }),
    { key: 'equal', holder: 'equal' },
  );
  expect((await refused).reason).toContain('a sleeping cell keeps no reservation');
  const high = sleep('high', 90);
  await pass(60);
  expect(await low).toMatchObject({
    rolledBack: true,
    reason: 'high has priority 90 over 50 at cell:000000a.',
  });
  expect(await high).toMatchObject({ kept: true });
  expect(network.calls.filter((call) => !call.includes('dry'))).toEqual([
    'reserve low',
    'release low:undo',
    'reserve high',
  ]);
});

test('a change that stays in a window yields to a higher one by its written undo', async () => {
  const { network, open, pass } = setUp();
  const changes = open();
  const window = { start: START, end: START + 3_600_000 };
  const kept = changes.run(change({ window }), { key: 'low', holder: 'low' });
  await pass(45);
  expect((await kept).kept).toBe(true);
  expect(changes.arbiter.list().map(({ id, state }) => [id, state])).toEqual([['low', 'kept']]);
  const other = change({ priority: 90, do: { tool: 'other', arguments: { cellIds: ['000000a'] } } });
  const claims = [{ resource: 'subscriber:imsi-001010000000001', parameter: 'reserve', value: 'other' }];
  const high = changes.run({ ...other, claims }, { key: 'high', holder: 'high' });
  await pass(60);
  expect((await high).kept).toBe(true);
  expect(network.calls).toContain('release low:undo');
  expect(changes.list().find(({ key }) => key === 'low')?.report).toMatchObject({ outcome: 'rolledBack' });
});

test('killed in any state and begun again, it ends the same with the same effects', async () => {
  const straight = setUp();
  straight.network.after = 10;
  const whole = straight.open().run(change(), { key: 'k', holder: 'x' });
  await straight.pass(60);
  const expected = await whole;
  const effects = (network: Network) => [network.policies.size, network.figure];
  const kills: string[] = [];
  for (let turn = 0; turn < 60; turn += 1) {
    const { network, clock, open, records } = setUp();
    network.after = 10;
    let changes = open();
    let running = changes.run(change(), { key: 'k', holder: 'x' });
    // Time passes every eighth turn of the loop: the kill falls into effects and into waits.
    const go = async (turns: number, from = 0) => {
      for (let at = from; at < from + turns; at += 1) {
        await settle(1);
        if (at % 8 === 7) clock.increment(5000);
      }
    };
    await go(turn);
    kills.push(records.get('k')?.state ?? '');
    changes.stop();
    changes = open();
    changes.resume();
    running = changes.run(change(), { key: 'k', holder: 'x' });
    await go(120, turn);
    const report = await running;
    expect(report.outcome).toBe(expected.outcome);
    expect(report.evidence.looks.map(({ value }) => value)).toEqual(
      expected.evidence.looks.map(({ value }) => value),
    );
    expect(effects(network)).toEqual(effects(straight.network));
  }
  expect([...new Set(kills)]).toEqual([
    'planned',
    'dryRun',
    'sighting',
    'applying',
    'watching.pausing',
    'watching.looking',
    'rollingBack',
    'rolledBack',
  ]);
});

test('a restart does not begin a wait anew', async () => {
  const { network, open, pass, records } = setUp();
  network.after = 33;
  let changes = open();
  changes.run(change(), { key: 'k', holder: 'x' }).catch(() => undefined);
  await pass(7);
  changes.stop();
  expect(records.get('k')?.state).toBe('watching.pausing');
  changes = open();
  const running = changes.run(change(), { key: 'k', holder: 'x' });
  await pass(40);
  expect((await running).evidence.looks[0]?.at).toBe(START + 10_000);
});

test('an input with a mistake is refused with the field', async () => {
  const changes = setUp().open();
  const run = (input: unknown) => changes.run(input, { key: 'k', holder: 'x' });
  await expect(run({ ...change(), guard: { ...change().guard, above: 3 } })).rejects.toThrow(
    'exactly one of below',
  );
  await expect(run({ ...change(), undo: undefined })).rejects.toThrow('undo');
});
