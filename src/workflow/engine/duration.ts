import { fail } from '../../errors.ts';

const ISO =
  /^P(?:(\d+(?:\.\d+)?)Y)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)W)?(?:(\d+(?:\.\d+)?)D)?(?:T(?:(\d+(?:\.\d+)?)H)?(?:(\d+(?:\.\d+)?)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const DAY = 86_400_000;
/** Year, month, week, day, hour, minute, second, in ms; a year has 365 days and a month 30: durations know no calendar. */
const ISO_UNITS = [365 * DAY, 30 * DAY, 7 * DAY, DAY, 3_600_000, 60_000, 1_000];
const UNITS: Record<string, number> = {
  days: DAY,
  hours: 3_600_000,
  minutes: 60_000,
  seconds: 1_000,
  milliseconds: 1,
};

/** Milliseconds of a duration: ISO 8601 text, or an object of days to milliseconds. @throws WORKFLOW_EXPRESSION */
export function durationMs(duration: unknown): number {
  let ms = Number.NaN;
  if (typeof duration === 'string') {
    const match = ISO.exec(duration);
    if (match !== null && duration !== 'P' && !duration.endsWith('T')) {
      ms = match.slice(1).reduce((sum, value, unit) => sum + Number(value ?? 0) * (ISO_UNITS[unit] ?? 0), 0);
    }
  } else if (duration !== null && typeof duration === 'object') {
    ms = Object.entries(duration).reduce(
      (sum, [unit, value]) => sum + (UNITS[unit] ?? Number.NaN) * Number(value),
      0,
    );
  }
  if (Number.isFinite(ms) && ms >= 0) return Math.round(ms);
  throw fail('WORKFLOW_EXPRESSION', {
    expression: 'duration',
    problem: `${JSON.stringify(duration)} is no duration`,
  });
}
