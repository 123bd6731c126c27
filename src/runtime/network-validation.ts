import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Check, DATA_FILES, DRIVE_NAMES, validateNetwork } from '../network/validate/index.ts';

export type NetworkCheck = Check;

/**
 * Runs the checks of the simulated network with the data in `dir` (or its folder `radio`); what is not
 * there is skipped. @throws TRACE_MALFORMED for data files of another form.
 */
export function* runNetworkValidation(dir: string): Generator<NetworkCheck> {
  const root = existsSync(join(dir, 'radio')) ? join(dir, 'radio') : dir;
  const read = (file: string) => {
    const path = join(root, file);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  yield* validateNetwork({
    oracle: read(DATA_FILES.oracle),
    drives: Object.fromEntries(DRIVE_NAMES.map((name) => [name, read(DATA_FILES.drives(name))])),
    roundTrips: read(DATA_FILES.roundTrips),
  });
}
