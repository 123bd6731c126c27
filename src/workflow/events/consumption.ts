import { isDeepStrictEqual } from 'node:util';
import { identityOf } from './cloud-event.ts';
import { type ConsumptionStrategy, type SimpleStrategy, simpleFilters, untilOf } from './strategy.ts';
import type { CloudEvent } from './types.ts';

/** What has been consumed so far; JSON. */
export interface ConsumptionState {
  /** The events of the output, in the order in which they came. */
  held: CloudEvent[];
  /** Which filters each held event could have stood for. */
  fits: number[][];
  /** The same of events that count towards `until` and are no part of the output. */
  ending: { identity: string; fits: number[] }[];
  /** Values that first events fixed, by the name of the correlation; filters of a strategy share them. */
  correlations: Record<string, unknown>;
  done: boolean;
}

/** One event with what the edge found out about it. */
export interface Offer {
  event: CloudEvent;
  /** Indexes (see `filtersOf`) of the filters that it meets. */
  matched: number[];
  /** By the index of the filter: values of correlations without `expect`. */
  correlations?: Record<number, Record<string, unknown>>;
  /** Whether an `until` that is an expression holds with this event consumed. */
  untilMet?: boolean;
}

export interface Step {
  state: ConsumptionState;
  /** Whether the event is part of the output from now on. */
  taken: boolean;
  /** Whether the state is another one, and has to be kept. */
  changed: boolean;
  done: boolean;
  /** The limit of held events kept this one out. */
  full: boolean;
}

/** Events that one consumption holds. */
export const MAX_HELD = 10_000;

/** The state before the first event; `all: []` waits for nothing and is done. */
export function begin(strategy: ConsumptionStrategy): ConsumptionState {
  return {
    held: [],
    fits: [],
    ending: [],
    correlations: {},
    done: 'all' in strategy && strategy.all.length === 0,
  };
}

/**
 * Takes one event into account; pure. The same `source` and `id` counts once.
 * - `one` and `any` without `until`: done with the first event that meets a filter.
 * - `any` with `until`: takes events until the expression holds, or until the inner strategy is done; an event that
 *   counts towards the inner strategy is no part of the output.
 * - `all`: done when each filter has an event of its own. An event that fits several is given to whichever leaves the
 *   most filters served, so that the order of arrival does not matter.
 */
export function step(
  state: ConsumptionState,
  strategy: ConsumptionStrategy,
  offer: Offer,
  { maxHeld = MAX_HELD }: { maxHeld?: number } = {},
): Step {
  const same: Step = { state, taken: false, changed: false, done: state.done, full: false };
  const identity = identityOf(offer.event);
  if (state.done || offer.matched.length === 0) return same;
  if (state.ending.some((one) => one.identity === identity)) return same;
  const { id, source } = offer.event;
  if (state.held.some((one) => one.id === id && one.source === source)) return same;

  const until = untilOf(strategy);
  const first = simpleFilters(strategy).length;
  if (typeof until === 'object') {
    const fit = fitting(state, offer, (index) => index >= first);
    const served = state.ending.map(({ fits }) => fits);
    if (fit !== undefined && counts(until, served, fit.fits)) {
      const done = isDone(until, [...served, fit.fits]);
      const next = {
        ...state,
        ending: [...state.ending, { identity, fits: fit.fits }],
        correlations: { ...state.correlations, ...fit.correlations },
        done,
      };
      return { state: next, taken: false, changed: true, done, full: false };
    }
  }

  const fit = fitting(state, offer, (index) => index < first);
  if (fit === undefined || !counts(strategy, state.fits, fit.fits)) return same;
  if (state.held.length >= maxHeld) return { ...same, full: true };
  const fits = [...state.fits, fit.fits];
  const done = until === undefined ? isDone(strategy, fits) : offer.untilMet === true;
  const next = {
    ...state,
    held: [...state.held, offer.event],
    fits,
    correlations: { ...state.correlations, ...fit.correlations },
    done,
  };
  return { state: next, taken: true, changed: true, done, full: false };
}

/**
 * The filters that an event can stand for: those that it meets with correlations that agree with what is fixed. If
 * they would fix different values, the first filter decides, and only those that fix the same remain.
 */
function fitting(
  state: ConsumptionState,
  { matched, correlations = {} }: Offer,
  among: (index: number) => boolean,
): { fits: number[]; correlations: Record<string, unknown> } | undefined {
  const agreeing = matched
    .filter(among)
    .sort((a, b) => a - b)
    .filter((index) =>
      Object.entries(correlations[index] ?? {}).every(
        ([name, value]) =>
          !Object.hasOwn(state.correlations, name) || isDeepStrictEqual(state.correlations[name], value),
      ),
    );
  const [chosen] = agreeing;
  if (chosen === undefined) return undefined;
  const fixes = correlations[chosen] ?? {};
  const fits = agreeing.filter((index) => isDeepStrictEqual(correlations[index] ?? {}, fixes));
  return { fits, correlations: fixes };
}

/** Whether one more event helps: with `all` only if one more filter is served. */
function counts(strategy: SimpleStrategy | ConsumptionStrategy, served: number[][], fits: number[]): boolean {
  return !('all' in strategy) || servedBy([...served, fits]) > served.length;
}

/** Whether a strategy is done with these events, its `until` aside. */
function isDone(strategy: SimpleStrategy | ConsumptionStrategy, served: number[][]): boolean {
  return 'all' in strategy ? served.length === strategy.all.length : served.length > 0;
}

/** The most filters that can each have an event of their own (augmenting paths). */
function servedBy(fits: number[][]): number {
  const eventOf = new Map<number, number>();
  const serve = (event: number, tried: Set<number>): boolean => {
    for (const filter of fits[event] ?? []) {
      if (tried.has(filter)) continue;
      tried.add(filter);
      const holder = eventOf.get(filter);
      if (holder === undefined || serve(holder, tried)) {
        eventOf.set(filter, event);
        return true;
      }
    }
    return false;
  };
  return fits.filter((_, event) => serve(event, new Set())).length;
}
