import { SimulatedClock } from 'xstate';
import type { Clock } from '../../../machines/ports.ts';
import type { Collection } from '../../../src/durable/index.ts';
import type { CloudEvent, EventScope, Fire } from '../../../src/workflow/events/index.ts';
import { quick } from '../../../src/workflow/expressions.ts';
import { settle } from '../kit.ts';

/** Plain paths and comparisons, and the few more that these tests name, without a worker. */
const MORE: Record<string, (data: never) => unknown> = {
  '.temperature > 38': ({ temperature }: { temperature: number }) => temperature > 38,
  length: (data: unknown[]) => data.length,
  'length >= 3': (data: unknown[]) => data.length >= 3,
  error: () => {
    throw new Error('failed');
  },
};

export function scopeOf(input: unknown = null, variables: Record<string, unknown> = {}): EventScope {
  return {
    input,
    variables,
    evaluate: async (expression, data, vars) => {
      const bare = /^\s*\$\{([\s\S]*)\}\s*$/.exec(expression)?.[1]?.trim() ?? expression.trim();
      const more = MORE[bare];
      if (more !== undefined) return more(data as never);
      const value = quick(bare, data, vars);
      if (typeof value === 'symbol') throw new Error(`no ${bare}`);
      return value;
    },
  };
}

export const event = (id: string, type: string, more: object = {}): CloudEvent => ({
  specversion: '1.0',
  id,
  source: '/test',
  type,
  ...more,
});

/** A clock that only `increment` moves, and whose wall can be set to another time without its timers moving. */
export class WallClock implements Clock {
  readonly #clock = new SimulatedClock();
  #start: number;
  constructor(start: number) {
    this.#start = start;
  }
  now = () => this.#start + this.#clock.now();
  setTimeout = (fn: () => void, ms: number): unknown => this.#clock.setTimeout(fn, ms);
  clearTimeout = (id: unknown) => this.#clock.clearTimeout(id as number);
  increment = (ms: number) => this.#clock.increment(ms);
  /** Sets the time, forward or back. */
  set = (now: number) => {
    this.#start = now - this.#clock.now();
  };
}

/** What is written is JSON and nothing else, and it can fail. */
export function memory<T>(): Collection<T> & { full: boolean; puts: number } {
  const rows = new Map<string, string>();
  const store = {
    full: false,
    puts: 0,
    get: (id: string) => (rows.has(id) ? (JSON.parse(rows.get(id) as string) as T) : undefined),
    put(id: string, value: T) {
      if (store.full) throw new Error('disk full');
      store.puts += 1;
      rows.set(id, JSON.stringify(value));
    },
    delete: (id: string) => rows.delete(id),
    list: () => [...rows].sort().map(([id, text]) => ({ id, value: JSON.parse(text) as T })),
  };
  return store;
}

/** Lets time pass in steps, and what it wakes come to rest after each. */
export async function pass(clock: WallClock, ms: number, stepMs = 60_000) {
  for (let left = ms; left > 0; left -= stepMs) {
    clock.increment(Math.min(stepMs, left));
    await settle();
  }
}

/** An engine that keeps instances by the id of their firing, and begins each once. */
export function engine() {
  const instances = new Map<string, { fire: Fire; ended: Promise<unknown>; end(): void }>();
  const asked: string[] = [];
  let answer: () => Promise<void> = async () => {};
  return {
    instances,
    asked,
    refuse: (how: () => Promise<void>) => {
      answer = how;
    },
    start: async (_: string, __: unknown, fire: Fire) => {
      asked.push(fire.id);
      await answer();
      let there = instances.get(fire.id);
      if (there === undefined) {
        const { promise, resolve } = Promise.withResolvers<void>();
        there = { fire, ended: promise, end: resolve };
        instances.set(fire.id, there);
      }
      return { ended: there.ended };
    },
    started: () => [...instances.values()].map(({ fire }) => fire),
    times: () => [...instances.values()].map(({ fire }) => new Date(fire.due).toISOString().slice(11, 19)),
  };
}
