import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Clock, Log } from '../../machines/ports.ts';
import {
  type Bounds,
  type Case,
  type Cases,
  type Kpis,
  type Library,
  type Limits,
  openLibrary,
  readRules,
  type Sandbox,
  type Sandboxes,
  SHIPPED_RULES,
  type Situation,
} from '../../src/explore/index.ts';
import { GridNetwork, LiveTuning, readWorld, WhatIf } from '../../src/network/worlds/index.ts';

export const EDGE = resolve(import.meta.dirname, 'edge.yaml');
export const shippedRules = readRules(readFileSync(SHIPPED_RULES, 'utf8'), 'rules.yaml');
export const quiet: Log = { debug() {}, info() {}, warn() {}, error() {} };
export const ids = () => {
  let n = 0;
  return { uuid: () => `case-${++n}` };
};

export function casesInMemory(): Cases {
  const map = new Map<string, Case>();
  return {
    get: (id) => structuredClone(map.get(id)),
    put: (id, value) => void map.set(id, structuredClone(value)),
    delete: (id) => map.delete(id),
    list: () => [...map].map(([id, value]) => ({ id, value: structuredClone(value) })),
  };
}
export const libraryAt = (now: () => number): Library =>
  openLibrary(casesInMemory(), { clock: { now }, ids: ids() });

export const uplinkBounds: Bounds = {
  ulP0Dbm: { min: -110, max: -60, step: 1 },
  ulAlpha: { min: 0.4, max: 1, step: 0.1 },
};
export const limits: Limits = {
  guards: [
    { kpi: 'meanUlMbps', direction: 'raise', most: 0.1, by: 'ratio' },
    { kpi: 'outageRatio', direction: 'lower', most: 0.02, by: 'difference' },
  ],
  blast: { cells: 30, subscribers: 10 },
  leastGain: 0.03,
  evaluations: 60,
  seconds: 15,
  futures: 5,
  tryRules: false,
};

/** Timers of network time. */
export class NetworkClock implements Clock {
  #now = 0;
  #timers = new Map<number, { at: number; fn: () => void }>();
  #ids = 0;

  now(): number {
    return this.#now;
  }
  setTimeout(fn: () => void, ms: number): number {
    this.#timers.set(++this.#ids, { at: this.#now + ms, fn });
    return this.#ids;
  }
  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }
  advanceTo(t: number): void {
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= t).sort((a, b) => a[1].at - b[1].at);
      if (next === undefined) break;
      this.#timers.delete(next[0]);
      this.#now = Math.max(this.#now, next[1].at);
      next[1].fn();
    }
    this.#now = t;
  }
}

const settled = () => new Promise<void>((done) => setImmediate(done));

/** A small world that runs, its clock, and sandboxes on copies of it in this thread. */
export function openWorld(file = EDGE, change: (world: ReturnType<typeof readWorld>) => void = () => {}) {
  const world = readWorld(file);
  change(world);
  const network = new GridNetwork(world);
  const live = new LiveTuning(network);
  const clock = new NetworkClock();
  clock.advanceTo(network.now);
  const sandboxes: Sandboxes = { open: () => ({ ...sandboxOf(new WhatIf(live.copy())), close() {} }) };
  const step = async (seconds: number) => {
    for (let i = 0; i < seconds; i++) {
      network.advanceTo(network.now + 1000);
      clock.advanceTo(network.now);
      await settled();
    }
  };
  return {
    network,
    live,
    clock,
    sandboxes,
    step,
    scope: { cells: network.deployed.cells.map(({ id }) => id), subscribers: [] },
    /** Lets network time pass until something has come about. */
    async until<T>(promise: Promise<T>): Promise<T> {
      let done = false;
      const mark = () => {
        done = true;
      };
      promise.then(mark, mark);
      for (let i = 0; i < 20_000 && !done; i++) await step(1);
      return promise;
    },
  };
}

export const sandboxOf = (whatIf: WhatIf): Sandbox => ({
  async evaluate(parameters, { scope, seconds, seed }) {
    return whatIf.evaluate(parameters, scope, { seconds, seed }) as Kpis;
  },
});

export const uplinkSituation = (scope: Situation['scope'], kpis: Kpis): Situation => ({
  scope,
  kpis,
  goal: { kpi: 'edgeUlMbps', direction: 'raise' },
});
