import { createHash } from 'node:crypto';
import { visible } from './hidden.ts';

/** JSON with sorted keys: two equal contents are one text. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value)
      .filter(([, item]) => item !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonical(item)}`).join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

export const hashOf = (value: unknown) => createHash('sha256').update(canonical(value)).digest('hex');

export interface Difference {
  /** JSON pointer. */
  path: string;
  before: string;
  after: string;
}

const MAX_DIFFERENCES = 32;

/** What changed between two contents, leaf by leaf, with invisible characters shown. */
export function differenceOf(before: unknown, after: unknown): Difference[] {
  const found: Difference[] = [];
  const show = (value: unknown) => (value === undefined ? '' : visible(canonical(value)).slice(0, 300));
  const visit = (a: unknown, b: unknown, path: string): void => {
    if (found.length >= MAX_DIFFERENCES || canonical(a) === canonical(b)) return;
    if (isObject(a) && isObject(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
        visit(a[key], b[key], `${path}/${visible(key).slice(0, 64)}`);
      }
    } else found.push({ path: path || '/', before: show(a), after: show(b) });
  };
  visit(before, after, '');
  return found;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Positive if `a` is the later version; versions are numbers with dots. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number)) as [number[], number[]];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const order = (left[i] ?? 0) - (right[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}
