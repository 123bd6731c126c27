import type { AgentCard } from '@a2a-js/sdk';
import { decodeProtectedHeader, FlattenedSign, flattenedVerify, importJWK, type JWK } from 'jose';
import { cardJson } from '../card.ts';

/** Signatures of agent cards: JWS over the canonical form (A2A 1.0, 8.4). */

/** A public key that is trusted to sign cards; more members of a JWK (RFC 7517, 4). */
export type TrustedKey = JWK & {
  kid: string;
  /** Agents whose cards it may sign, `org/unit/agent` with `*` for any part; all if absent. */
  agents?: string[];
  /** Times between which it is good, s since the epoch. */
  nbf?: number;
  exp?: number;
};

export type Trust = 'trusted' | 'unsigned' | 'untrusted';

export interface Verdict {
  trust: Trust;
  reason: string;
  /** Of the key whose signature is good. */
  kid?: string;
}

/** Asymmetric ones only; `none` and the shared-secret kind never verify. */
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512', 'EdDSA'];
const MAX_SIGNATURES = 8;

/** RFC 8785 for what JSON can hold: names in the order of their UTF-16 code units. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])}`).join(',')}}`;
}

/** What is signed: the card as it is published, without its signatures. */
export function signedText(card: Record<string, unknown>): string {
  const { signatures: _, ...rest } = card;
  return canonical(rest);
}

/** The card with one more signature, by a private key that has `kid` and `alg`. */
export async function signCard(card: AgentCard, key: JWK): Promise<AgentCard> {
  const { kid = '', alg = 'ES256' } = key;
  const jws = await new FlattenedSign(new TextEncoder().encode(signedText(cardJson(card))))
    .setProtectedHeader({ alg, kid, typ: 'JOSE' })
    .sign(await importJWK(key, alg));
  const signature = { protected: jws.protected ?? '', signature: jws.signature, header: undefined };
  return { ...card, signatures: [...card.signatures, signature] };
}

/**
 * Judges the card of an agent by the trusted keys. A `jku` is never followed: it would let the card name
 * its own judge, and this process fetch what it says.
 */
export async function judgeCard(
  id: string,
  card: Record<string, unknown>,
  keys: ReadonlyMap<string, TrustedKey>,
  now: number,
): Promise<Verdict> {
  const { signatures } = card;
  if (!Array.isArray(signatures) || signatures.length === 0) {
    return { trust: 'unsigned', reason: 'it has no signature' };
  }
  const payload = Buffer.from(signedText(card)).toString('base64url');
  let reason = 'no signature is good';
  for (const entry of signatures.slice(0, MAX_SIGNATURES)) {
    const { protected: head, signature } = (entry ?? {}) as { protected?: unknown; signature?: unknown };
    if (typeof head !== 'string' || typeof signature !== 'string') continue;
    try {
      const { kid = '', alg = '' } = decodeProtectedHeader({ protected: head });
      const key = keys.get(kid);
      const problem = whyNot(key, id, alg, now);
      if (key === undefined || problem !== undefined) {
        reason = problem ?? reason;
        continue;
      }
      const { agents: _, nbf: __, exp: ___, ...jwk } = key;
      const jws = { payload, protected: head, signature };
      await flattenedVerify(jws, await importJWK(jwk, alg), { algorithms: [alg] });
      return { trust: 'trusted', reason: `signed by ${kid}`, kid };
    } catch {
      reason = 'a signature does not fit the card';
    }
  }
  return { trust: 'untrusted', reason };
}

function whyNot(key: TrustedKey | undefined, id: string, alg: string, now: number): string | undefined {
  if (!ALGORITHMS.includes(alg)) return 'its algorithm is not allowed';
  if (key === undefined) return 'its key is not known';
  if (key.alg !== undefined && key.alg !== alg) return 'its algorithm is not that of the key';
  if (key.nbf !== undefined && now < key.nbf * 1_000) return 'its key is not good yet';
  if (key.exp !== undefined && now >= key.exp * 1_000) return 'its key is no longer good';
  if (key.agents !== undefined && !key.agents.some((pattern) => covers(pattern, id))) {
    return 'its key is not for this agent';
  }
  return undefined;
}

function covers(pattern: string, id: string): boolean {
  const parts = id.split('/');
  const wanted = pattern.split('/');
  return wanted.length === parts.length && wanted.every((part, i) => part === '*' || part === parts[i]);
}
