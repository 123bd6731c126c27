const UNITS: Record<string, number> = {
  milliseconds: 1,
  seconds: 1_000,
  minutes: 60_000,
  hours: 3_600_000,
  days: 86_400_000,
};
const ISO = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/;
const PARTS = [7 * 86_400_000, 86_400_000, 3_600_000, 60_000, 1_000];

/** Milliseconds of a duration of the DSL; undefined if it is none. */
export function parseDuration(value: unknown): number | undefined {
  if (typeof value === 'string') {
    const found = ISO.exec(value);
    if (found === null || !/\d/.test(value)) return undefined;
    return Math.round(PARTS.reduce((sum, unit, index) => sum + unit * Number(found[index + 1] ?? 0), 0));
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const parts = Object.entries(value);
  if (parts.length === 0 || parts.some(([unit, count]) => !(unit in UNITS) || typeof count !== 'number'))
    return undefined;
  return parts.reduce((sum, [unit, count]) => sum + (UNITS[unit] ?? 0) * Number(count), 0);
}
