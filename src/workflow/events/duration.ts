import { z } from 'zod';

const UNITS = {
  days: 86_400_000,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
} as const;
const ISO =
  /^P(?!$)(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?=\d)(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const SIZES = [7 * UNITS.days, UNITS.days, UNITS.hours, UNITS.minutes, UNITS.seconds];

/** A duration of the DSL: ISO 8601 text or an object of units. */
export type Duration = string | Partial<Record<keyof typeof UNITS, number>>;

const units = Object.fromEntries(
  Object.keys(UNITS).map((unit) => [unit, z.number().nonnegative().optional()]),
);

export const durationSchema = z.union([
  z
    .string()
    .regex(
      ISO,
      'is not an ISO 8601 duration of weeks or less: months and years have no fixed length, use cron',
    ),
  z.strictObject(units).refine((one) => Object.keys(one).length > 0, 'names no unit'),
]) as z.ZodType<Duration>;

/** Milliseconds of a duration that `durationSchema` took. */
export function millisecondsOf(duration: Duration): number {
  if (typeof duration !== 'string') {
    return Object.entries(duration).reduce(
      (sum, [unit, count]) => sum + UNITS[unit as keyof typeof UNITS] * count,
      0,
    );
  }
  const counts = ISO.exec(duration)?.slice(1) ?? [];
  return Math.round(counts.reduce((sum, count, index) => sum + Number(count ?? 0) * (SIZES[index] ?? 0), 0));
}
