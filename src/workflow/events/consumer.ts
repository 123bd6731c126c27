import { standardError } from '../fault.ts';
import { begin, type ConsumptionState, MAX_HELD, type Offer, type Step, step } from './consumption.ts';
import { matchFilter } from './filter.ts';
import { type ConsumptionStrategy, filtersOf, untilOf } from './strategy.ts';
import type { CloudEvent, EventScope, ReadAs } from './types.ts';

/** An event as a workflow reads it; `raw` is the data as text, base64 where it came so. */
export function readEvent(event: CloudEvent, as: ReadAs): unknown {
  if (as === 'envelope') return event;
  const { data = null, data_base64: bytes } = event;
  if (as === 'data') return bytes ?? data;
  return bytes ?? (typeof data === 'string' ? data : JSON.stringify(data));
}

/** What came of the events of a strategy: the array that a `listen` gives, or that starts a workflow. */
export const outputOf = (state: ConsumptionState, as: ReadAs = 'data'): unknown[] =>
  state.held.map((event) => readEvent(event, as));

export interface ConsumerOptions {
  strategy: ConsumptionStrategy;
  scope: EventScope;
  read?: ReadAs;
  /** Where a consumption goes on after a restart. */
  state?: ConsumptionState;
  maxHeld?: number;
  /**
   * Is told of each event that changes the state, before it counts: what is written here can be replayed by `step`.
   * If it rejects, the event does not count and `offer` rejects.
   */
  journal?: (offer: Offer, next: ConsumptionState) => void | Promise<void>;
  /** Expressions of filters that failed on an event. */
  onProblem?: (problem: unknown, event: CloudEvent) => void;
}

export interface Consumer {
  /**
   * Takes an event, after those offered before it.
   * @throws RaisedError `runtime` when it would hold more events than it may; the error of a failing `until`
   */
  offer(event: CloudEvent): Promise<Pick<Step, 'taken' | 'done'>>;
  state(): ConsumptionState;
}

/** What the edge needs to judge an event and to offer it. */
export interface ConsumeOptions {
  strategy: ConsumptionStrategy;
  scope: EventScope;
  read?: ReadAs | undefined;
  maxHeld?: number | undefined;
  /** Told of expressions of filters that failed on the event. */
  onProblem?: ((problem: unknown) => void) | undefined;
}

/**
 * Offers a judged event to a consumption: evaluates `until` where the event is taken, and lets the reducer decide.
 * @throws RaisedError `runtime` when it would hold more events than it may; the error of a failing `until`
 */
export async function consume(
  state: ConsumptionState,
  judged: Offer,
  { strategy, scope, read = 'data', maxHeld = MAX_HELD }: ConsumeOptions,
): Promise<{ offer: Offer; next: Step }> {
  let offer = judged;
  let next = step(state, strategy, offer, { maxHeld });
  const until = untilOf(strategy);
  if (next.taken && typeof until === 'string') {
    const untilMet = await scope.evaluate(until, outputOf(next.state, read), scope.variables);
    offer = { ...offer, untilMet: untilMet !== false && untilMet !== null };
    next = step(state, strategy, offer, { maxHeld });
  }
  if (next.full) {
    throw standardError('runtime', 'Too many events are waited for and held.', {
      detail: `More than ${maxHeld} events.`,
    });
  }
  return { offer, next };
}

/** Which filters of a strategy an event meets, and the values of its correlations. */
export async function judge(
  event: CloudEvent,
  { strategy, scope, onProblem }: ConsumeOptions,
): Promise<Offer> {
  const matched: number[] = [];
  const correlations: Record<number, Record<string, unknown>> = {};
  for (const { index, filter } of filtersOf(strategy)) {
    const found = await matchFilter(filter, event, scope, onProblem);
    if (!found.matched) continue;
    matched.push(index);
    if (Object.keys(found.correlations).length > 0) correlations[index] = found.correlations;
  }
  return { event, matched, correlations };
}

/** A consumption with its state: takes events one after the other. */
export function createConsumer(options: ConsumerOptions): Consumer {
  const { strategy, scope, read, maxHeld, journal, onProblem } = options;
  let state = options.state ?? begin(strategy);
  let last: Promise<unknown> = Promise.resolve();

  const take = async (event: CloudEvent) => {
    if (state.done) return { taken: false, done: true };
    const how = {
      strategy,
      scope,
      read,
      maxHeld,
      onProblem: (problem: unknown) => onProblem?.(problem, event),
    };
    const { offer, next } = await consume(state, await judge(event, how), how);
    if (next.changed) {
      await journal?.(offer, next.state);
      state = next.state;
    }
    return { taken: next.taken, done: next.done };
  };
  return {
    offer: (event) => {
      const turn = last.then(() => take(event));
      last = turn.catch(() => {});
      return turn;
    },
    state: () => state,
  };
}
