import { writeFileSync } from 'node:fs';
import { exportJWK, generateKeyPair } from 'jose';
import { fail } from '../errors.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';

/** `netagent key NAME --out FILE`: the private key into the file, the public one on standard output. */
export async function runKey({ values, positionals }: Parsed, output: Output): Promise<number> {
  const [kid = '', ...more] = positionals;
  const file = values.out;
  if (!/^[\w.-]{1,64}$/.test(kid) || more.length > 0 || file === undefined) {
    throw fail('CLI_USAGE', { problem: 'a name for the key and --out FILE are needed.', verb: 'key' });
  }
  const pair = await generateKeyPair('ES256', { extractable: true });
  const named = { kid, alg: 'ES256' };
  const secret = { ...(await exportJWK(pair.privateKey)), ...named };
  try {
    // Never over another key, and for nobody else to read.
    writeFileSync(file, `${JSON.stringify(secret, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const problem = (error as NodeJS.ErrnoException).code ?? String(error);
    throw fail('TRUST_FILE_INVALID', { file, problem });
  }
  const open = { ...(await exportJWK(pair.publicKey)), ...named };
  output.text(`- ${JSON.stringify(open)}`);
  output.value(open);
  return 0;
}
