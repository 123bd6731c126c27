import type { World } from './world.ts';

/** Running sums of a cell since the last `resetCounters`, from which the TS 28.552 measurements are made. */
const NAMES = [
  'ticks',
  'prbDl',
  'prbUl',
  'gbrPrbDl',
  'activeDl',
  'activeUl',
  'connectedSum',
  'connectedMax',
  'volumeDl',
  'volumeUl',
  'throughputDl',
  'throughputUl',
  'throughputDlCount',
  'throughputUlCount',
  'delayDl',
  'delayUl',
  'delayCount',
  'droppedDl',
  'setupAttempts',
  'setupSuccesses',
  'reestablishAttempts',
  'hoRequests',
  'hoSuccesses',
  'hoFailures',
  'hoTime',
  'ratChanges',
  'flowAttempts',
  'flowSuccesses',
  'flowFailures',
  'flowsPreempted',
  'blocksDl',
  'blockErrorsDl',
  'energyWs',
  'sleepTicks',
] as const;

/** Row of each sum; the distributions of CQI and MCS come after. */
export const COUNTER = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Record<
  (typeof NAMES)[number],
  number
>;
export const CQI_BINS = 16;
export const MCS_BINS = 29;
export const CQI_AT = NAMES.length;
export const MCS_AT = CQI_AT + CQI_BINS;
export const COUNTERS = MCS_AT + MCS_BINS;

/** Adds to a sum of a cell; nothing for a UE without one. */
export function count(world: World, cell: number, counter: number, amount: number): void {
  if (cell < 0) return;
  const at = cell * COUNTERS + counter;
  const { counters } = world.cells;
  counters[at] = (counters[at] as number) + amount;
}
