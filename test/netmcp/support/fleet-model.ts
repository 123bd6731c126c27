import { bandOf, weightOf } from '../../../machines/protocols/lease.machine.ts';
import type { Balancer } from '../../../src/netmcp/client/choice.ts';
import type { ServerEntry } from '../../../src/netmcp/schema/index.ts';

/** A fleet of tool servers and some agents in virtual time: queues, service times, late reports. */
export interface FleetOptions {
  servers: Array<{ id: string; parallel: number; serviceMs: number; liar?: boolean }>;
  changes: Array<{ at: number; id: string; slow: number }>;
  balancers: Array<(clock: FleetClock, next: () => number) => Balancer>;
  /** Calls a second. */
  rate: number;
  seconds: number;
  seed: number;
  /** Whether agents hear of load. */
  notices?: boolean;
}

export interface FleetClock {
  now(): number;
  setTimeout(fn: () => void, ms: number): number;
  clearTimeout(id: unknown): void;
}

const QUEUE = 16;
const REPORT_MS = 1_000;
const STEP_MS = 250;
const DELAY_MS = 20;

export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
}

/** A server as discovery shows it: idle and healthy, unless something else is said. */
export const serverEntry = (serverId: string, more: Partial<ServerEntry> = {}): ServerEntry => ({
  serverId,
  endpoints: ['http://127.0.0.1:9/mcp'],
  summary: '',
  serviceArea: [],
  categories: [],
  digest: 'd',
  tools: [],
  load: 0,
  state: 'normal',
  suspect: false,
  untrusted: false,
  weight: 100,
  score: 1,
  alternates: [],
  ...more,
});

/** Latency of every call that was answered, in ms, and who answered. */
export function runFleet(options: FleetOptions) {
  const { now, at, run, clock } = timeline();
  const arrivals = seeded(options.seed);
  const service = seeded(options.seed + 1);
  const answered: Array<{ ms: number; server: string }> = [];
  const balancers = options.balancers.map((make, i) => make(clock, seeded(options.seed * 100 + i)));
  const servers = new Map(
    options.servers.map((one) => {
      const server = { ...one, slow: 1, active: 0, waiting: [] as Array<() => void>, told: 0, heldUntil: 0 };
      const entry = serverEntry(one.id);
      return [one.id, { server, entry }];
    }),
  );
  type Server = NonNullable<ReturnType<typeof servers.get>>;
  const loadOf = ({ server }: Server) =>
    server.liar
      ? 0
      : Math.round((server.active / server.parallel) * 80 + (server.waiting.length / QUEUE) * 20);
  const report = (one: Server) => {
    if (options.notices === false) return;
    const load = loadOf(one);
    one.server.told = load;
    one.server.heldUntil = now() + STEP_MS;
    at(DELAY_MS, () => {
      const state = bandOf(load, one.entry.state as 'normal');
      Object.assign(one.entry, { load, state, weight: weightOf(state, load) });
    });
  };
  const step = (one: Server) => {
    if (Math.abs(loadOf(one) - one.server.told) >= 15 && now() >= one.server.heldUntil) report(one);
  };
  const beat = (one: Server) => {
    report(one);
    at(REPORT_MS, () => beat(one));
  };
  for (const one of servers.values()) beat(one);
  for (const { at: part, id, slow } of options.changes) {
    at(part * options.seconds * 1_000, () => {
      const one = servers.get(id);
      if (one) one.server.slow = slow;
    });
  }
  const serve = (one: Server, done: () => void) => {
    one.server.active += 1;
    step(one);
    at(one.server.serviceMs * one.server.slow * (0.5 - 0.5 * Math.log(service())), () => {
      one.server.active -= 1;
      one.server.waiting.shift()?.();
      step(one);
      done();
    });
  };
  const call = (balancer: Balancer, due: number, tried = new Set<string>()) => {
    const entries = [...servers.values()].map(({ entry }) => entry);
    const chosen = balancer.pick(entries, () => undefined, tried);
    if (chosen === undefined) return void at(500, () => call(balancer, due));
    const one = servers.get(chosen.serverId) as Server;
    const ended = balancer.begin(chosen.serverId, 't');
    if (one.server.active >= one.server.parallel && one.server.waiting.length >= QUEUE) {
      ended('refused');
      return call(balancer, due, tried.add(chosen.serverId));
    }
    const done = () => {
      ended('answered');
      answered.push({ ms: now() - due, server: chosen.serverId });
    };
    if (one.server.active < one.server.parallel) serve(one, done);
    else one.server.waiting.push(() => serve(one, done));
    step(one);
  };
  const arrive = () => {
    if (now() >= options.seconds * 1_000) return;
    call(balancers[Math.floor(arrivals() * balancers.length)] as Balancer, now());
    at((-1_000 / options.rate) * Math.log(arrivals()), arrive);
  };
  at(0, arrive);
  run((options.seconds + 120) * 1_000);
  return answered;
}

export const percentile = (values: number[], part: number) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * part))] ??
  Number.NaN;

/** Virtual time: a heap of what is due. */
function timeline() {
  let time = 0;
  let ids = 0;
  const heap: Array<{ due: number; id: number; act: () => void }> = [];
  const before = (a: number, b: number) => {
    const [x, y] = [heap[a], heap[b]];
    return x !== undefined && y !== undefined && (x.due - y.due || x.id - y.id) < 0;
  };
  const swap = (a: number, b: number) => {
    [heap[a], heap[b]] = [heap[b] as (typeof heap)[number], heap[a] as (typeof heap)[number]];
  };
  const at = (ms: number, act: () => void) => {
    ids += 1;
    heap.push({ due: time + ms, id: ids, act });
    for (let i = heap.length - 1; i > 0 && before(i, (i - 1) >> 1); i = (i - 1) >> 1) swap(i, (i - 1) >> 1);
    return ids;
  };
  const take = () => {
    const top = heap[0];
    const last = heap.pop();
    if (heap.length > 0 && last !== undefined) heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) if (before(child, least)) least = child;
      if (least === i) return top;
      swap(i, least);
      i = least;
    }
  };
  return {
    now: () => time,
    at,
    run(until: number) {
      for (let next = take(); next !== undefined && next.due <= until; next = take()) {
        time = next.due;
        next.act();
      }
    },
    clock: {
      now: () => time,
      setTimeout: (fn: () => void, ms: number) => at(ms, fn),
      clearTimeout: () => {},
    },
  };
}
