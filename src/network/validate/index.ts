import { shadowing } from './channel.ts';
import type { Check } from './check.ts';
import { compareDrive, compareRoundTrips, DRIVES, type DriveName } from './comparison.ts';
import { invariants } from './invariants.ts';
import { goldenPathLoss, linkTables, oraclePathLoss, peakRate } from './standards.ts';

export type { Check } from './check.ts';

/** Texts of the data files that are there. */
export interface ValidationData {
  oracle?: string;
  drives: Partial<Record<DriveName, string>>;
  roundTrips?: string;
}

/** Where the data lie inside their folder. */
export const DATA_FILES = {
  oracle: 'tr38901-pathloss-oracle.csv',
  roundTrips: 'cicv5g/s2w_n78_v50_run01.txt',
  drives: (name: DriveName) => `ucc-5g-ireland/${name}.csv`,
} as const;

export const DRIVE_NAMES = Object.keys(DRIVES) as DriveName[];

/**
 * Holds the radio and traffic engine against published tables and measured traces; a check whose data
 * are missing is skipped and says so. Yields as it goes: all of it takes some seconds.
 * @throws TRACE_MALFORMED for data files of another form.
 */
export function* validateNetwork(data: ValidationData, seed = 1): Generator<Check> {
  yield goldenPathLoss();
  yield oraclePathLoss(data.oracle);
  yield* linkTables();
  yield peakRate();
  yield* shadowing(seed);
  yield* invariants(seed);
  for (const name of DRIVE_NAMES) yield* compareDrive(name, data.drives[name]);
  yield* compareRoundTrips(data.roundTrips);
}
