import { readFileSync } from 'node:fs';
import type { JWK } from 'jose';
import { parse } from 'yaml';
import { z } from 'zod';
import {
  Admission,
  type AdmissionOptions,
  type RegistrationStore,
  type TrustedKey,
} from '../../broker/index.ts';
import type { Clock } from '../../machines/ports.ts';
import { fail } from '../errors.ts';

/** Whose cards are believed, and who is let in. */
export interface TrustOptions {
  /** Private key (JWK) that signs the cards of this runtime's agents. */
  cardKey?: string;
  /** Public keys that may sign cards: `keys`, as in a JWK set. */
  trusted?: string;
  signatures?: 'list' | 'require';
  approval?: 'auto' | 'manual';
}

const publicKey = z
  .looseObject({
    kty: z.enum(['EC', 'RSA', 'OKP']),
    kid: z.string().min(1),
    agents: z.array(z.string().regex(/^[^/]+\/[^/]+\/[^/]+$/)).optional(),
    nbf: z.number().optional(),
    exp: z.number().optional(),
  })
  .refine((key) => !('d' in key), 'a private key does not belong here');
const keySet = z.looseObject({ keys: z.array(publicKey).min(1) });
const privateKey = z.looseObject({
  kty: z.enum(['EC', 'RSA', 'OKP']),
  kid: z.string().min(1),
  alg: z.string(),
  d: z.string(),
});

/** @throws TRUST_FILE_INVALID */
export function readCardKey(file: string): JWK {
  return read(file, privateKey) as JWK;
}

/** @throws TRUST_FILE_INVALID */
export function admissionOf(
  options: TrustOptions,
  more: { clock: Clock; store: RegistrationStore; own: NonNullable<AdmissionOptions['own']> },
): Admission {
  const { trusted, signatures, approval } = options;
  const keys = trusted === undefined ? undefined : (read(trusted, keySet).keys as TrustedKey[]);
  return new Admission({
    ...more,
    ...(keys === undefined ? {} : { keys }),
    ...(signatures === undefined ? {} : { signatures }),
    ...(approval === undefined ? {} : { approval }),
  });
}

function read<T>(file: string, schema: z.ZodType<T>): T {
  let document: unknown;
  try {
    document = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw fail('TRUST_FILE_INVALID', { file, problem: code ?? message.split('\n')[0] });
  }
  const result = schema.safeParse(document);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const where = issue?.path.join('.');
  throw fail('TRUST_FILE_INVALID', { file, problem: `${where ? `${where}: ` : ''}${issue?.message}` });
}
