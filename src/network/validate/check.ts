/** One thing that was checked. `miss` is a figure outside its tolerance; `skip` could not be checked. */
export interface Check {
  group: string;
  name: string;
  value: string;
  goal: string;
  outcome: 'pass' | 'miss' | 'skip';
  /** `must` holds by construction; `compare` is a figure beside a measurement, with its tolerance. */
  level: 'must' | 'compare';
  /** Why it was skipped, or what stands behind a miss; may be empty. */
  detail: string;
}

export const judge = (
  group: string,
  name: string,
  value: string | number,
  goal: string,
  ok: boolean,
  detail = '',
  level: Check['level'] = 'must',
): Check => ({
  group,
  name,
  value: typeof value === 'number' ? rounded(value) : value,
  goal,
  outcome: ok ? 'pass' : 'miss',
  level,
  detail: ok ? '' : detail,
});

export const skipped = (group: string, name: string, goal: string, detail: string): Check => ({
  group,
  name,
  value: '-',
  goal,
  outcome: 'skip',
  level: 'must',
  detail,
});

/** Four significant digits: enough to compare with a tolerance, the same on every platform. */
export const rounded = (value: number): string => String(Number(value.toPrecision(4)));
