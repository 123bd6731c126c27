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

/** The function `probe` for one run, and the record of its calls in the order in which they began. */
export function createProbe(options: {
  behaviours: Behaviours;
  clock: Clock;
  raise(fault: Behaviour['fault']): Error;
}) {
  const { clock, behaviours } = options;
  const effects: Effect[] = [];
  const calls = new Map<string, number>();
  let sleeping = 0;
  const probe = async (input: unknown, signal: AbortSignal): Promise<unknown> => {
    const { id } = input as { id: string };
    const behaviour = behaviours[id];
    if (behaviour === undefined) throw new Error(`no behaviour of ${id}`);
    const nth = (calls.get(id) ?? 0) + 1;
    calls.set(id, nth);
    const at = clock.now();
    const effect: Effect = { id, branch: behaviour.branch, at, input, end: 'open', until: at };
    effects.push(effect);
    const done = (end: Effect['end']) => Object.assign(effect, { end, until: clock.now() });
    if (behaviour.delay > 0) {
      sleeping += 1;
      try {
        await sleep(clock, behaviour.delay, signal);
      } catch (error) {
        done('stopped');
        throw error;
      } finally {
        sleeping -= 1;
      }
    }
    if (nth <= behaviour.faults) {
      done('fault');
      throw options.raise(behaviour.fault);
    }
    done('value');
    return behaviour.value;
  };
  return { probe, effects, sleeping: () => sleeping };
}
