/** What a change sets: one parameter of one resource. Values are JSON and compare by their content. */
export interface Claim {
  /** `cell:ID`, `subscriber:SUPI`, `slice:SST-SD`, `path:DNAI`, or another kind with an id. */
  resource: string;
  /** What is set there, for example `priority` or `sleep`. */
  parameter: string;
  value: unknown;
}

/** Network time, ms; open ends are infinite. */
export interface Window {
  start?: number | undefined;
  end?: number | undefined;
}

/** Two parameters of one resource that must not be set side by side. */
export interface Opposition {
  /** Kind of the resource: what stands before the colon. */
  kind: string;
  left: Setting;
  right: Setting;
  why: string;
}
interface Setting {
  parameter: string;
  /** Only with one of these values; any if not given. */
  values?: readonly unknown[];
}

/** Which orders undo each other although they set different parameters. */
export const OPPOSITIONS: readonly Opposition[] = [
  {
    kind: 'cell',
    left: { parameter: 'sleep', values: [true] },
    right: { parameter: 'reservation' },
    why: 'a sleeping cell keeps no reservation',
  },
  {
    kind: 'cell',
    left: { parameter: 'sleep', values: [true] },
    right: { parameter: 'load', values: ['in'] },
    why: 'load cannot be moved into a sleeping cell',
  },
  {
    kind: 'cell',
    left: { parameter: 'sleep', values: [true] },
    right: { parameter: 'coverage', values: ['more'] },
    why: 'a sleeping cell covers nothing',
  },
  {
    kind: 'cell',
    left: { parameter: 'barred', values: [true] },
    right: { parameter: 'reservation' },
    why: 'nobody enters a barred cell to use a reservation',
  },
  {
    kind: 'cell',
    left: { parameter: 'barred', values: [true] },
    right: { parameter: 'load', values: ['in'] },
    why: 'load cannot be moved into a barred cell',
  },
  {
    kind: 'subscriber',
    left: { parameter: 'rat' },
    right: { parameter: 'handover' },
    why: 'a preset handover may move the subscriber back at once',
  },
  {
    kind: 'path',
    left: { parameter: 'drain', values: [true] },
    right: { parameter: 'anchor' },
    why: 'traffic cannot be led to a path that is drained',
  },
];

/** Whether two windows share an instant. */
export function overlap(a: Window | null, b: Window | null): boolean {
  const start = Math.max(a?.start ?? -Infinity, b?.start ?? -Infinity);
  return start < Math.min(a?.end ?? Infinity, b?.end ?? Infinity);
}

/** Why two claims cannot both hold; null if they can. Windows are looked at by the caller. */
export function conflictOf(a: Claim, b: Claim, oppositions: readonly Opposition[]): string | null {
  if (a.resource !== b.resource) return null;
  const [kind] = a.resource.split(':', 1);
  // A parameter may be one of many of its sort, `reservation/imsi-1`: oppositions know the sort.
  const matches = (claim: Claim, { parameter, values }: Setting) =>
    (claim.parameter === parameter || claim.parameter.startsWith(`${parameter}/`)) &&
    (values === undefined || values.some((value) => canonical(value) === canonical(claim.value)));
  if (a.parameter === b.parameter) {
    return canonical(a.value) === canonical(b.value)
      ? null
      : `it sets ${a.parameter} to ${canonical(b.value)}, not ${canonical(a.value)}`;
  }
  const opposed = oppositions.find(
    (one) =>
      one.kind === kind &&
      ((matches(a, one.left) && matches(b, one.right)) || (matches(a, one.right) && matches(b, one.left))),
  );
  return opposed?.why ?? null;
}

/** JSON with its keys in order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)))
      : inner,
  );
}
