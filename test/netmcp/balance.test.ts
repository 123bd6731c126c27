import { expect, test } from 'vitest';
import type { Env } from '../../machines/ports.ts';
import { type Balancer, createBalancer } from '../../src/netmcp/client/choice.ts';
import { createNoticeGate } from '../../src/netmcp/client/notices.ts';
import { createTrust, doubtOf } from '../../src/netmcp/management/trust.ts';
import type { LoadNotice, ServerEntry } from '../../src/netmcp/schema/index.ts';
import { CHANGES, SERVERS } from '../bench/netmcp-load/fleet.ts';
import { leastConnections, roundRobin } from '../bench/netmcp-load/strategies.ts';
import { testEnv } from './support/env.ts';
import { serverEntry as entry, type FleetOptions, percentile, runFleet } from './support/fleet-model.ts';

type Make = FleetOptions['balancers'][number];
const { log, ids } = testEnv();
const ours: Make = (clock, next) => createBalancer({ clock, random: { next }, ids, log } as Env);
const capacity = SERVERS.reduce((sum, { parallel, serviceMs }) => sum + (parallel * 1_000) / serviceMs, 0);

function p99(make: (i: number) => Make, agents: number, more: Partial<FleetOptions> = {}): number {
  const each = [1, 2, 3].map((seed) => {
    const balancers = Array.from({ length: agents }, (_, i) => make(i));
    const options = { servers: [...SERVERS], changes: [...CHANGES], rate: capacity / 2, seconds: 30, seed };
    const answered = runFleet({ ...options, balancers, ...more });
    return percentile(
      answered.map(({ ms }) => ms),
      0.99,
    );
  });
  return each.reduce((sum, ms) => sum + ms, 0) / each.length;
}

test.each([1, 4, 16])(
  'on a fleet of unequal and changing servers, %i agents wait half as long as by round robin at p99',
  (agents) => {
    const mine = p99(() => ours, agents);
    expect(mine).toBeLessThan(p99((i) => () => roundRobin(i * 2), agents) / 2);
    expect(mine).toBeLessThan(p99((i) => () => leastConnections(i * 2), agents));
  },
);

test('attack: a server that always reports load 0 while it is slow loses its calls by what is measured', () => {
  const servers = Array.from({ length: 4 }, (_, i) => ({
    id: `s${i}`,
    parallel: 4,
    serviceMs: 100,
    liar: i === 0,
  }));
  const answered = runFleet({
    servers,
    changes: [{ at: 0.1, id: 's0', slow: 10 }],
    balancers: [ours, ours, ours, ours],
    rate: 50,
    seconds: 60,
    seed: 5,
  });
  const share = answered.filter(({ server }) => server === 's0').length / answered.length;
  expect(share).toBeLessThan(0.1);
});

const nobody = () => undefined;
const pick = (balancer: Balancer, entries: ServerEntry[], tried: string[] = []) =>
  balancer.pick(entries, nobody, new Set(tried))?.serverId;

test('overloaded servers come last, draining ones and those that were tried never', () => {
  const balancer = createBalancer(testEnv());
  const all = [
    entry('over', { state: 'overloaded' }),
    entry('leaving', { state: 'draining' }),
    entry('busy', { state: 'high', weight: 10 }),
  ];
  expect(pick(balancer, all)).toBe('busy');
  expect(pick(balancer, all, ['busy'])).toBe('over');
  expect(pick(balancer, all, ['busy', 'over'])).toBeUndefined();
});

test('a server that fails three times in a row is left alone for a while, and the longer the oftener', () => {
  const env = testEnv();
  const balancer = createBalancer(env);
  const all = [entry('a'), entry('b')];
  const fail = () => {
    for (let i = 0; i < 3; i += 1) balancer.begin('a', 't')('lost');
  };
  fail();
  expect(balancer.seen('a').ejected).toBe(true);
  for (let i = 0; i < 20; i += 1) expect(pick(balancer, all)).toBe('b');
  // All that is left is taken all the same.
  expect(pick(balancer, [entry('a')])).toBe('a');
  env.pass(5_000);
  expect(balancer.seen('a').ejected).toBe(false);
  fail();
  env.pass(5_000);
  expect(balancer.seen('a').ejected).toBe(true);
  env.pass(5_000);
  expect(balancer.seen('a').ejected).toBe(false);
});

test('a call that does not come back makes its server dear before it ends', () => {
  const env = testEnv();
  const balancer = createBalancer(env);
  const all = [entry('a'), entry('b')];
  for (const id of ['a', 'b']) {
    const end = balancer.begin(id, 't');
    env.pass(10);
    end('answered');
  }
  balancer.begin('a', 't');
  for (let i = 0; i < 3; i += 1) balancer.begin('b', 't');
  expect(pick(balancer, all)).toBe('a');
  env.pass(1_000);
  for (let i = 0; i < 3; i += 1) balancer.begin('a', 't')('withdrawn');
  expect(balancer.seen('a').inFlight).toBe(1);
  env.pass(1_000);
  const end = balancer.begin('b', 't');
  env.pass(10);
  end('answered');
  expect(pick(balancer, [entry('a'), entry('c')])).toBe('c');
});

const notice = (serverId: string, load: number): LoadNotice => ({
  serverId,
  load,
  state: 'normal',
  weight: 100 - load,
  alternates: [],
});

test('attack: of a flood of load notices a client heeds a few, and the newest', () => {
  const env = testEnv();
  const heeded: LoadNotice[] = [];
  const gate = createNoticeGate(env.clock, (one) => void heeded.push(one));
  for (let i = 0; i < 10_000; i += 1) gate.take(notice('s', i % 101));
  for (let i = 0; i < 10_000; i += 1) gate.take(notice(`s${i}`, 1));
  expect(heeded.filter(({ serverId }) => serverId === 's')).toHaveLength(20);
  env.pass(100);
  expect(heeded.filter(({ serverId }) => serverId === 's').at(-1)?.load).toBe(9_999 % 101);
  gate.close();
});

const calm = { load: 10, inFlight: 1, queue: 0, p95Ms: 20 };

test('attack: reports that contradict themselves or their like are not believed, until they are plausible again', () => {
  const env = testEnv();
  const trust = createTrust(env.clock);
  const peers = [calm, { ...calm, p95Ms: 25 }];
  const lie = { load: 0, inFlight: 8, queue: 0, p95Ms: 900 };
  expect(doubtOf(lie, peers)).toContain('slower');
  expect(doubtOf({ ...calm, queue: 7 }, peers)).toContain('queue');
  expect(doubtOf({ ...lie, load: 80 }, peers)).toBeNull();
  // An idle server may remember a slow past.
  expect(doubtOf({ ...lie, inFlight: 0 }, peers)).toBeNull();
  expect(trust.judge(lie, peers)).toMatchObject({ untrusted: false, load: 0 });
  trust.judge(lie, peers);
  expect(trust.judge(lie, peers)).toMatchObject({ untrusted: true, load: 80 });
  for (let i = 0; i < 4; i += 1)
    expect(trust.judge(calm, peers)).toMatchObject({ untrusted: true, load: 80 });
  expect(trust.judge(calm, peers)).toMatchObject({ untrusted: false, load: 10 });
});

test('attack: more reports than ten a second are not heeded', () => {
  const env = testEnv();
  const trust = createTrust(env.clock);
  const admitted = Array.from({ length: 1_000 }, () => trust.admit()).filter(Boolean).length;
  expect(admitted).toBe(20);
  env.pass(1_000);
  expect(Array.from({ length: 1_000 }, () => trust.admit()).filter(Boolean).length).toBe(10);
});
