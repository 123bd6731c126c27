import { readFileSync } from 'node:fs';
import { fail } from '../../errors.ts';

/** @throws CLI_USAGE for a file that cannot be read */
export function readText(file: string | URL): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw fail('CLI_USAGE', {
      problem: `${String(file)} cannot be read (${code ?? message}).`,
      verb: 'start',
    });
  }
}
