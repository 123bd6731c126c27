import type { Goal, Guard, Interval } from './types.ts';

/** Two-sided 95 % quantiles of Student's t for 1 .. 30 degrees of freedom. */
const T95 = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/** Bounds of an interval that says nothing; JSON has no infinity. */
const ENDLESS = Number.MAX_VALUE;
/** Stands for all harm beyond it, and that of a guard that allows none. */
const MOST_HARM = 1e6;
/** Below this a value before counts as nothing, and differences are taken as they are. */
const TINY = 1e-9;

export const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

const varianceOf = (values: readonly number[]): number => {
  const mean = meanOf(values);
  return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
};

/**
 * Gain of paired observations in the direction of the goal, relative to the mean before, with its 95 %
 * confidence interval by Student's t. A single pair has an interval without end.
 */
export function pairedGain(
  before: readonly number[],
  after: readonly number[],
  direction: Goal['direction'],
): Interval {
  const n = before.length;
  const sign = direction === 'raise' ? 1 : -1;
  const base = Math.abs(meanOf(before));
  const scale = base > TINY ? base : 1;
  const gains = before.map((value, i) => (sign * ((after[i] as number) - value)) / scale);
  const mean = meanOf(gains);
  if (n < 2) return { mean, low: -ENDLESS, high: ENDLESS, n };
  const half = (T95[n - 2] ?? 1.96) * Math.sqrt(varianceOf(gains) / n);
  return { mean, low: mean - half, high: mean + half, n };
}

/**
 * The same of observations that are no pairs (Welch): before and after on a live network. One observation
 * on either side has an interval without end.
 */
export function unpairedGain(
  before: readonly number[],
  after: readonly number[],
  direction: Goal['direction'],
): Interval {
  const sign = direction === 'raise' ? 1 : -1;
  const base = Math.abs(meanOf(before));
  const scale = base > TINY ? base : 1;
  const mean = (sign * (meanOf(after) - meanOf(before))) / scale;
  const n = Math.min(before.length, after.length);
  if (n < 2) return { mean, low: -ENDLESS, high: ENDLESS, n };
  const half = doubtOf(before, after) / scale;
  return { mean, low: mean - half, high: mean + half, n };
}

/** Half of the 95 % interval of a difference of means (Welch); of two observations or more on either side. */
function doubtOf(before: readonly number[], after: readonly number[]): number {
  const a = varianceOf(before) / before.length;
  const b = varianceOf(after) / after.length;
  if (a + b === 0) return 0;
  const freedom = (a + b) ** 2 / (a ** 2 / (before.length - 1) + b ** 2 / (after.length - 1));
  return (T95[Math.max(0, Math.floor(freedom) - 1)] ?? 1.96) * Math.sqrt(a + b);
}

/** How much of what a guard allows a change uses up: above 1 it is broken; 0 where nothing got worse. */
export function harmOf(guard: Guard, before: readonly number[], after: readonly number[]): number {
  const sign = guard.direction === 'raise' ? 1 : -1;
  const worse = sign * (meanOf(before) - meanOf(after));
  if (worse <= TINY) return 0;
  return inAllowances(guard, before, worse);
}

/** By how much of what a guard allows two samples without pairs may differ for no reason. */
export function noiseOf(guard: Guard, before: readonly number[], after: readonly number[]): number {
  return before.length < 2 || after.length < 2 ? 0 : inAllowances(guard, before, doubtOf(before, after));
}

function inAllowances({ by, most }: Guard, before: readonly number[], amount: number): number {
  if (amount <= TINY) return 0;
  const base = by === 'difference' ? 1 : Math.max(TINY, Math.abs(meanOf(before)));
  return Math.min(MOST_HARM, amount / base / most);
}

/** Uniform numbers to a standard normal one (Box and Muller). */
export function normal(random: { next(): number }): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.next()));
  return radius * Math.cos(2 * Math.PI * random.next());
}
