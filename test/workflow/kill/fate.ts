import type { WorkflowLedger } from '../../../src/durable/index.ts';

/** Around what a process dies: a write of the engine, or what a call does to the world. */
export interface Point {
  kind: 'commit' | 'call';
  when: 'before' | 'after';
  nth: number;
}

export const never = () => new Promise<never>(() => {});

/** Lets a process die at a point: from then on nothing of it reaches store or world. */
export function fate(point?: Point) {
  const counts = { commit: 0, call: 0 };
  const death = Promise.withResolvers<'dead'>();
  let dead = false;
  /** Does `work` unless the process dies before it; false if it died, before or after. */
  const survives = (kind: Point['kind'], work: () => void): boolean => {
    if (dead) return false;
    counts[kind] += 1;
    const here = point?.kind === kind && point.nth === counts[kind];
    if (!(here && point?.when === 'before')) work();
    if (here) {
      dead = true;
      death.resolve('dead');
    }
    return !dead;
  };
  return { counts, death: death.promise, dead: () => dead, survives };
}

/** A ledger whose writes the process may not survive. */
export const mortal = (
  ledger: WorkflowLedger,
  survives: ReturnType<typeof fate>['survives'],
): WorkflowLedger => ({
  ...ledger,
  commit(changes) {
    if (!survives('commit', () => ledger.commit(changes))) throw new Error('the process is dead');
  },
});

/** Counts what an engine has at work. */
export function workCounter() {
  let working = 0;
  const count = (change: number) => () => {
    working += change;
  };
  return { activity: { begin: count(1), end: count(-1) }, working: () => working };
}
