import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import { parse } from 'yaml';
import type { Log } from '../../machines/ports.ts';
import { parseAgentId } from '../a2a/topics.ts';
import { failBus } from '../errors.ts';
import { type Claim, holding, type IdentityProvider, type Member, type Verdict } from './identity.ts';

/** One line of the file: who, as what, and the hash of the password. */
export interface CredentialEntry {
  role: Member['role'] | 'guest';
  /** `scrypt$N$r$p$salt$hash`, salt and hash in base64url. */
  hash: string;
}

export interface CredentialsFileOptions {
  file: string;
  log: Log;
  /** Milliseconds between looks at the file for changes. */
  watchMs?: number;
}

export interface CredentialsFile extends IdentityProvider {
  /** Whether there is an entry of that name now. */
  has(name: string): boolean;
  /** Reads the file again now; keeps what it had when the file is not valid. */
  reload(): void;
  close(): void;
}

/** OWASP's first choice for scrypt: 2^17 * 8 * 128 bytes = 128 MiB, some 300 ms. */
const STRONG = { N: 2 ** 17, r: 8, p: 1 };
/** What a file may ask for: an entry is no way to exhaust memory. */
const MAX_MEMORY = 256 * 1024 * 1024;
/** Hashes at work at once: each needs its memory. */
const MAX_AT_ONCE = 4;
const MAX_WAITING = 64;
const ROLES: ReadonlySet<unknown> = new Set<CredentialEntry['role']>(['agent', 'guest', 'dispatcher']);
const HASH = /^scrypt\$(\d{1,8})\$(\d{1,2})\$(\d{1,2})\$([\w-]{22,88})\$([\w-]{43,86})$/;

interface Parsed extends Pick<CredentialEntry, 'role'> {
  cost: { N: number; r: number; p: number };
  salt: Buffer;
  hash: Buffer;
}

/** An entry for the file; the password is not kept. `cost` is for tests. */
export async function makeCredential(
  password: string,
  role: CredentialEntry['role'] = 'agent',
  cost: typeof STRONG = STRONG,
): Promise<CredentialEntry> {
  const salt = randomBytes(16);
  const hash = await derive(Buffer.from(password), salt, 32, cost);
  const { N, r, p } = cost;
  const text = [N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
  return { role, hash: `scrypt$${text}` };
}

/**
 * Passwords by user name from a YAML or JSON file: `org/unit/agent: { role: agent, hash: scrypt$... }`. The
 * MQTT user name is the entry; without one it is the client id. The file is read again when it changes, so
 * a key is rotated without a restart.
 * @throws BUS_CREDENTIALS_INVALID when the file cannot be read or is not of that form
 */
export function credentialsFile({ file, log, watchMs = 2_000 }: CredentialsFileOptions): CredentialsFile {
  let entries = read(file);
  const reload = () => {
    try {
      entries = read(file);
      log.info({ file, entries: entries.size }, 'credentials read again');
    } catch (error) {
      log.error({ file, problem: String(error) }, 'credentials not read, the ones before stay in force');
    }
  };
  watchFile(file, { interval: watchMs, persistent: false }, reload);
  // Somebody unknown costs what an entry costs, and is compared with a hash that nothing has.
  const nobody = () => {
    const [any] = entries.values();
    const { cost } = any ?? { cost: STRONG };
    return { role: 'agent', cost, salt: randomBytes(16), hash: randomBytes(32) } satisfies Parsed;
  };
  const recent = remembered();
  const slots = semaphore();

  return {
    authenticates: true,
    has: (name) => entries.has(name),
    reload,
    close: () => unwatchFile(file, reload),
    async identify(claim: Claim): Promise<Verdict> {
      const { clientId, username = clientId, password } = claim;
      const refused: Verdict = { role: 'refused', reason: 'credentials' };
      if (password === undefined || password.length === 0 || password.length > 1_024) return refused;
      const known = entries.get(username);
      if (known !== undefined && recent.has(known.hash, password))
        return holding(claim, known.role, username);
      if (!(await slots.take())) return refused;
      let good: boolean;
      const entry = known ?? nobody();
      try {
        const hash = await derive(password, entry.salt, entry.hash.length, entry.cost);
        good = timingSafeEqual(hash, entry.hash) && known !== undefined;
      } finally {
        slots.release();
      }
      // The key may have been rotated meanwhile.
      if (!good || entries.get(username)?.hash.equals(entry.hash) !== true) return refused;
      recent.add(entry.hash, password);
      return holding(claim, entry.role, username);
    },
  };
}

function derive(
  password: Buffer,
  salt: Buffer,
  length: number,
  { N, r, p }: { N: number; r: number; p: number },
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const options = { N, r, p, maxmem: MAX_MEMORY + 1024 * 1024 };
  scrypt(password, salt, length, options, (error, key) => (error ? reject(error) : resolve(key)));
  return promise;
}

function read(file: string): Map<string, Parsed> {
  const invalid = (problem: string) => failBus('BUS_CREDENTIALS_INVALID', { file, problem });
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    // The parser quotes the text it stumbles on, which may be a hash.
    throw invalid((error as NodeJS.ErrnoException).code ?? 'it is neither YAML nor JSON');
  }
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw invalid('it is no table of entries');
  }
  const entries = new Map<string, Parsed>();
  for (const [name, entry] of Object.entries(content)) {
    const { role = 'agent', hash } = (entry ?? {}) as Partial<CredentialEntry>;
    const parsed = parseHash(hash);
    if (!ROLES.has(role)) throw invalid(`the role of ${name} is none of agent, guest, dispatcher`);
    if (parsed === undefined) throw invalid(`the hash of ${name} is not of the form scrypt$N$r$p$salt$hash`);
    if (role !== 'guest' && parseAgentId(name) === null) throw invalid(`${name} is not org/unit/agent`);
    entries.set(name, { role, ...parsed });
  }
  return entries;
}

function parseHash(text: unknown): Omit<Parsed, 'role'> | undefined {
  if (typeof text !== 'string') return undefined;
  const [, N, r, p, salt, hash] = HASH.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const isPower = cost.N >= 2 ** 10 && Number.isInteger(Math.log2(cost.N));
  if (!isPower || cost.r < 1 || cost.p < 1 || 128 * cost.N * cost.r > MAX_MEMORY) return undefined;
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

/**
 * Passwords that were right a moment ago, as keyed digests, so that a thousand agents that come back at
 * once do not need a thousand slow hashes. Bound to the hash of the entry: rotation ends it.
 */
function remembered() {
  const secret = randomBytes(32);
  const known = new Map<string, true>();
  const name = (hash: Buffer, password: Buffer) =>
    createHash('sha256').update(secret).update(hash).update(password).digest('base64');
  return {
    has: (hash: Buffer, password: Buffer) => known.has(name(hash, password)),
    add(hash: Buffer, password: Buffer) {
      known.set(name(hash, password), true);
      if (known.size > 10_000) known.delete(known.keys().next().value as string);
    },
  };
}

function semaphore() {
  let free = MAX_AT_ONCE;
  const waiting: Array<(taken: boolean) => void> = [];
  return {
    take(): Promise<boolean> | boolean {
      if (free > 0) {
        free -= 1;
        return true;
      }
      if (waiting.length >= MAX_WAITING) return false;
      return new Promise((resolve) => waiting.push(resolve));
    },
    release() {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next(true);
    },
  };
}
