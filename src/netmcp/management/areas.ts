/**
 * Areas are names. Two meet if they are the same; if one is a region path that holds the other
 * (`cn/shanghai` holds `cn/shanghai/pudong`); if one is a PLMN, MCC-MNC, and the other a TAI of it,
 * MCC-MNC-TAC (TS 23.003 19.4.2.3); or if both are H3 cells and one holds the other in H3's hierarchy.
 */
export function meets(a: string, b: string): boolean {
  if (a === b || holds(a, b, '/') || holds(b, a, '/')) return true;
  if (PLMN.test(a) ? TAI.test(b) && holds(a, b, '-') : PLMN.test(b) && TAI.test(a) && holds(b, a, '-'))
    return true;
  const [one, two] = [cellOf(a), cellOf(b)];
  if (one === null || two === null) return false;
  const depth = Math.min(one.length, two.length);
  return one.slice(0, depth) === two.slice(0, depth);
}

const PLMN = /^\d{3}-\d{2,3}$/;
const TAI = /^\d{3}-\d{2,3}-[0-9a-f]{4,6}$/i;
const CELL = /^8[0-9a-f]{14}$/i;

const holds = (outer: string, inner: string, separator: string) => inner.startsWith(`${outer}${separator}`);

/** Base cell and digits of an H3 index down to its resolution, as text; null if it is none. */
function cellOf(name: string): string | null {
  if (!CELL.test(name)) return null;
  const index = BigInt(`0x${name}`);
  const resolution = Number((index >> 52n) & 15n);
  const digits = Array.from({ length: resolution }, (_, i) => (index >> BigInt(42 - 3 * i)) & 7n);
  return String.fromCharCode(Number((index >> 45n) & 127n), ...digits.map((digit) => 128 + Number(digit)));
}

/** Whether a server of these areas serves one of those that are asked for; no areas = everywhere. */
export function serves(own: readonly string[], asked: readonly string[] | undefined): boolean {
  if (own.length === 0 || asked === undefined || asked.length === 0) return true;
  return own.some((area) => asked.some((other) => meets(area, other)));
}
