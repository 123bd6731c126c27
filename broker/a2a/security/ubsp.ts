import type { AgentCard } from '@a2a-js/sdk';
import { CompactEncrypt, compactDecrypt, importJWK, type JWK } from 'jose';
import type { Clock, Ids } from '../../../machines/ports.ts';
import { PROPERTY, readProperties } from '../properties.ts';

/**
 * Payloads that the broker cannot read: `ubsp-v1` of the profile 0.1. A JWE (RFC 7516) to the key of the
 * receiver, by ECDH-ES and A256GCM, good once and for a short time.
 */

export const UBSP = {
  name: 'ubsp-v1',
  /** Extension of a card whose `params.keys` are the public keys (JWK) to which the agent wants it. */
  extension: 'urn:netagent:a2a-mqtt:ubsp:1',
  contentType: 'application/jose',
  profile: 'a2a-security-profile',
  requester: 'a2a-requester-agent-id',
  recipient: 'a2a-recipient-agent-id',
  kid: 'a2a-recipient-kid',
} as const;

export interface Encryption {
  /** Own private key: EC P-256 or OKP X25519, with `kid`. */
  key: JWK & { kid: string };
  /** The public key of an agent; undefined sends it plain text, unless `required`. */
  keyOf(agent: string): Promise<JWK | undefined>;
  /** Plain requests are refused, and none is sent. */
  required?: boolean;
}

const ALG = 'ECDH-ES';
const ENC = 'A256GCM';
const LIFETIME_S = 120;
const LEEWAY_S = 60;
/** Message ids that are remembered until they have expired. */
const MAX_SEEN = 100_000;

/** What a payload says, and its user properties if they were protected with it. */
export interface Opened {
  text: string;
  properties: Record<string, string> | undefined;
}

/** Why a payload is not taken; `again` for one that came before. */
export type UbspProblem = 'unreadable' | 'expired' | 'misdirected' | 'again' | 'full';

export class UbspRefusal extends Error {
  readonly problem: UbspProblem;
  constructor(problem: UbspProblem) {
    super(`The encrypted payload is not taken: ${problem}.`);
    this.problem = problem;
  }
}

/** The key that a card offers for encryption. */
export function encryptionKeyOf(card: AgentCard): JWK | undefined {
  const keys: unknown = card.capabilities?.extensions.find(({ uri }) => uri === UBSP.extension)?.params?.keys;
  return Array.isArray(keys) ? (keys as JWK[]).find(({ kty }) => kty === 'EC' || kty === 'OKP') : undefined;
}

/** What a card says so that others can encrypt; the private part of the key stays here. */
export function encryptionExtension({ key }: Pick<Encryption, 'key'>) {
  const { d: _, ...open } = key;
  const description = 'Payloads may be encrypted to these keys.';
  return { uri: UBSP.extension, description, required: false, params: { keys: [open] } };
}

/** Seals and opens the payloads of one agent. */
export class Ubsp {
  /** Id of the agent. */
  readonly self: string;
  readonly #clock: Clock;
  readonly #ids: Ids;
  readonly encryption: Encryption;
  /** Ids of messages that were opened, with the time at which they expire anyway, s. */
  readonly #seen = new Map<string, number>();

  constructor(self: string, encryption: Encryption, env: { clock: Clock; ids: Ids }) {
    this.self = self;
    this.encryption = encryption;
    this.#clock = env.clock;
    this.#ids = env.ids;
  }

  /** The user properties go into the protected header too: outside, the broker can change them. */
  async seal(text: string, to: string, key: JWK, properties: Record<string, string> = {}): Promise<Buffer> {
    const now = Math.floor(this.#clock.now() / 1_000);
    const header = {
      alg: ALG,
      enc: ENC,
      cty: 'application/json',
      ...(key.kid === undefined ? {} : { kid: key.kid }),
      iss: this.self,
      aud: to,
      iat: now,
      exp: now + LIFETIME_S,
      jti: this.#ids.uuid(),
      a2a: withoutToken(properties),
    };
    const jwe = await new CompactEncrypt(new TextEncoder().encode(text))
      .setProtectedHeader(header)
      .encrypt(await importJWK(key, ALG));
    return Buffer.from(jwe);
  }

  /** @throws UbspRefusal */
  async open(payload: Buffer, from: string): Promise<Opened> {
    let opened: Awaited<ReturnType<typeof compactDecrypt>>;
    try {
      opened = await compactDecrypt(compactOf(payload), await importJWK(this.encryption.key, ALG), {
        keyManagementAlgorithms: [ALG],
        contentEncryptionAlgorithms: [ENC],
      });
    } catch {
      throw new UbspRefusal('unreadable');
    }
    const { iss, aud, exp, jti, a2a } = opened.protectedHeader as Record<string, unknown>;
    if (aud !== this.self || iss !== from) throw new UbspRefusal('misdirected');
    const now = this.#clock.now() / 1_000;
    if (typeof exp !== 'number' || exp + LEEWAY_S < now || exp > now + LIFETIME_S + LEEWAY_S) {
      throw new UbspRefusal('expired');
    }
    if (typeof jti !== 'string' || this.#wasSeen(jti, exp + LEEWAY_S, now)) throw new UbspRefusal('again');
    return { text: new TextDecoder().decode(opened.plaintext), properties: textsOf(a2a) };
  }

  #wasSeen(jti: string, until: number, now: number): boolean {
    if (this.#seen.has(jti)) return true;
    for (const [old, end] of this.#seen) {
      if (end >= now) break;
      this.#seen.delete(old);
    }
    // Rather one refused than one taken twice.
    if (this.#seen.size >= MAX_SEEN) throw new UbspRefusal('full');
    this.#seen.set(jti, until);
    return false;
  }
}

/** A token is a property of its own, as the profile wants it, and never repeated. */
function withoutToken({ [PROPERTY.authorization]: _, ...rest }: Record<string, string>) {
  return rest;
}

function textsOf(value: unknown): Record<string, string> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  return readProperties(
    Object.fromEntries(Object.entries(value).filter(([, text]) => typeof text === 'string')),
  );
}

/** Compact, or with the content type `application/jose+json` the flattened or general form of one receiver. */
function compactOf(payload: Buffer): string {
  const text = payload.toString();
  if (!text.startsWith('{')) return text;
  const json = JSON.parse(text) as Record<string, unknown>;
  const [recipient] = (json.recipients as Array<{ encrypted_key?: string }> | undefined) ?? [];
  const encryptedKey = json.encrypted_key ?? recipient?.encrypted_key ?? '';
  return [json.protected, encryptedKey, json.iv, json.ciphertext, json.tag].join('.');
}
