import type { Clock } from '../../../machines/ports.ts';
import { sleep } from './time.ts';

/** What one place of a document that calls `probe` sees happen. */
export interface Behaviour {
  /** Virtual milliseconds that a call takes; 0 is none at all. */
  delay: number;
  value: unknown;
  /** This many calls fault before the others give `value`. */
  faults: number;
  fault: { type: string; status: number; title: string };
  /** The innermost branch of a fork, or the body of the workflow. */
  branch: string;
}
export type Behaviours = Record<string, Behaviour>;

/** One call of `probe`, as it was seen from outside. */
export interface Effect {
  id: string;
  branch: string;
  at: number;
  input: unknown;
  end: 'value' | 'fault' | 'stopped' | 'open';
  until: number;
}

/**
 * The function `probe` for one run, and the record of its calls in the order in which they began. A call with the
 * key of an earlier one is that call, taken up again where it is by now.
 */
export function createProbe(options: {
  behaviours: Behaviours;
  clock(): Clock;
  raise(fault: Behaviour['fault']): Error;
}) {
  const { behaviours } = options;
  const effects: Effect[] = [];
  const calls = new Map<string, number>();
  const known = new Map<string, { effect: Effect; nth: number }>();
  let sleeping = 0;

  function begin(input: unknown, key: string | undefined) {
    const found = key === undefined ? undefined : known.get(key);
    if (found !== undefined) return found;
    const { id } = input as { id: string };
    const behaviour = behaviours[id];
    if (behaviour === undefined) throw new Error(`no behaviour of ${id}`);
    const nth = (calls.get(id) ?? 0) + 1;
    calls.set(id, nth);
    const at = options.clock().now();
    const effect: Effect = { id, branch: behaviour.branch, at, input, end: 'open', until: at };
    effects.push(effect);
    const call = { effect, nth };
    if (key !== undefined) known.set(key, call);
    return call;
  }

  const probe = async (input: unknown, signal: AbortSignal, key?: string): Promise<unknown> => {
    const clock = options.clock();
    const { effect, nth } = begin(input, key);
    const { delay, faults, fault, value } = behaviours[effect.id] as Behaviour;
    const done = (end: Effect['end']) => Object.assign(effect, { end, until: clock.now() });
    const left = effect.at + delay - clock.now();
    if (left > 0) {
      sleeping += 1;
      try {
        await sleep(clock, left, signal);
      } catch (error) {
        done('stopped');
        throw error;
      } finally {
        sleeping -= 1;
      }
    }
    if (effect.end === 'open') done(nth <= faults ? 'fault' : 'value');
    if (nth <= faults) throw options.raise(fault);
    return value;
  };
  return { probe, effects, sleeping: () => sleeping };
}
