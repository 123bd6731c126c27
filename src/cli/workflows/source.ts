import { readFileSync } from 'node:fs';
import { fail } from '../../errors.ts';

const usage = (problem: string, verb = 'workflows') => fail('CLI_USAGE', { problem, verb });

/** Whether a name on the command line is that of a document: `-`, a path, or a name with an ending of YAML or JSON. */
export const isFile = (name: string): boolean =>
  name === '-' || /\.(ya?ml|json)$/i.test(name) || /^\.{0,2}\//.test(name);

/** Text of a file, or of standard input for `-`. @throws CLI_USAGE */
export function readText(file: string, verb?: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const problem =
      code === 'ENOENT'
        ? 'there is no such file'
        : code === 'EISDIR'
          ? 'it is a folder'
          : (code ?? String(error));
    throw usage(`${file} cannot be read: ${problem}.`, verb);
  }
}

/** A value of a flag: JSON, `@FILE` with JSON, or `-` for JSON on standard input. @throws CLI_USAGE */
export function jsonOf(flag: string, given: string): unknown {
  const file = given === '-' ? '-' : given.startsWith('@') ? given.slice(1) : undefined;
  const text = file === undefined ? given : readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    const what = file === undefined ? `--${flag}` : `--${flag} ${given}`;
    throw usage(`${what} is no JSON: ${(error as Error).message}.`);
  }
}
