/** Levels of arrays and objects in a body; much deeper ones exhaust the stack of who writes them again. */
export const DEPTH_LIMIT = 64;

type Container = Record<string, unknown> | unknown[];
const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;

/** Whether parsed JSON nests deeper than `DEPTH_LIMIT` levels; goes by levels, not by calls. */
export function isDeep(value: unknown): boolean {
  let level = [value].filter(isContainer);
  for (let depth = 0; depth < DEPTH_LIMIT && level.length > 0; depth++) {
    level = level.flatMap((one) => Object.values(one)).filter(isContainer);
  }
  return level.length > 0;
}
