import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { Collection } from '../../durable/index.ts';

/** Signing keys of the authorisation server. */
export interface KeyRing {
  /** For `oidc-provider`: private, the signing key first. */
  signing(): JWK[];
  kid(): string;
  /** What anybody may read. */
  published(): { keys: JWK[] };
  /**
   * The next key signs from now on. It has been published since it was made, so no verifier has to learn it
   * first; the one before stays published until its last token is over.
   */
  rotate(): Promise<void>;
}

interface Stored {
  /** Signs now, signs next, has signed. */
  standing: 'current' | 'next' | 'past';
  jwk: JWK;
  /** ms since the epoch after which a past key is forgotten. */
  until: number | null;
}

/** Opens the ring, with two new ES256 keys where there are none. `graceMs`: longest life of a token. */
export async function openKeyRing(options: {
  keys: Collection<Stored>;
  now(): number;
  uuid(): string;
  graceMs: number;
}): Promise<KeyRing> {
  const { keys, now, uuid, graceMs } = options;
  const put = (jwk: JWK, standing: Stored['standing'], until: number | null = null) =>
    keys.put(jwk.kid as string, { jwk, standing, until });
  const make = async (): Promise<JWK> => {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    return { ...(await exportJWK(privateKey)), kid: uuid(), alg: 'ES256', use: 'sig' };
  };
  const all = () => keys.list().map(({ value }) => value);
  const of = (standing: Stored['standing']) => all().find((entry) => entry.standing === standing)?.jwk;
  for (const standing of ['current', 'next'] as const) {
    if (of(standing) === undefined) put(await make(), standing);
  }
  const ordered = () => {
    for (const { jwk, until } of all()) if (until !== null && until <= now()) keys.delete(jwk.kid as string);
    const rank = { current: 0, next: 1, past: 2 };
    return all()
      .sort((a, b) => rank[a.standing] - rank[b.standing])
      .map(({ jwk }) => jwk);
  };
  return {
    signing: ordered,
    kid: () => of('current')?.kid as string,
    published: () => ({ keys: ordered().map(({ d: _, ...open }) => open) }),
    async rotate() {
      const fresh = await make();
      const [current, next] = [of('current') as JWK, of('next') as JWK];
      put(current, 'past', now() + graceMs);
      put(next, 'current');
      put(fresh, 'next');
    },
  };
}

export type { Stored as StoredKey };
