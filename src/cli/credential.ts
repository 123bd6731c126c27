import { randomBytes } from 'node:crypto';
import { type CredentialEntry, makeCredential, parseAgentId } from '../../broker/index.ts';
import { fail } from '../errors.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';

/** `netagent credential ID`: the entry on standard output, the password on standard error, once. */
export async function runCredential({ values, positionals }: Parsed, output: Output): Promise<number> {
  const [id = '', ...more] = positionals;
  if (parseAgentId(id) === null || more.length > 0) {
    throw fail('CLI_USAGE', { problem: `"${id}": org/unit/agent is needed.`, verb: 'credential' });
  }
  const password = randomBytes(24).toString('base64url');
  const entry = await makeCredential(password, values.role as CredentialEntry['role']);
  output.text(`${id}: { role: ${entry.role}, hash: '${entry.hash}' }`);
  output.value({ id, ...entry, password });
  if (!output.json) process.stderr.write(`password of ${id}: ${password}\n`);
  return 0;
}
