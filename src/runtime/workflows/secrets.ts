import { parse } from 'yaml';
import { z } from 'zod';
import { fail } from '../../errors.ts';
import { readText } from './read-text.ts';

const schema = z.record(z.string().min(1), z.unknown());

/**
 * Secrets of workflows by name, from a YAML file that only the operator can read.
 * @throws CLI_USAGE; the text of the file is never part of it
 */
export function readSecrets(file: string | undefined): ReadonlyMap<string, unknown> {
  if (file === undefined) return new Map();
  let value: unknown;
  try {
    value = parse(readText(file));
  } catch {
    throw fail('CLI_USAGE', { problem: `${file} is not readable YAML.`, verb: 'start' });
  }
  const read = schema.safeParse(value);
  if (!read.success)
    throw fail('CLI_USAGE', { problem: `${file} is no map of secrets by name.`, verb: 'start' });
  return new Map(Object.entries(read.data));
}
