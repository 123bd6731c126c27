import { decodeProtectedHeader, importJWK, type JWK, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { digestOf } from './canonical.ts';
import type { Receipts } from './receipts.ts';

/** What is approved: this tool, with these arguments, for this agent. Anything else is another plan. */
export interface Plan {
  agent: string;
  tool: string;
  args: Record<string, unknown>;
}

export const planHash = (plan: Plan): string => digestOf([plan.agent, plan.tool, plan.args]);

/** A human who may approve, by the public part of a key that only they hold. */
export interface Approver {
  name: string;
  key: JWK;
}

export type Redeemed = { approver: string } | { refused: string };

export interface Approvals {
  /** Whether `token` approves `plan` now. With `holder` it is spent: only the same holder may bring it again. */
  redeem(token: string, plan: Plan, holder: string | null): Promise<Redeemed>;
}

const AUDIENCE = 'netmcp/approval';
const TYPE = 'approval+jwt';
/** An approval is for now; one that was made to last longer is refused, ms. */
export const APPROVAL_MAX_MS = 3_600_000;
const algorithmOf = (key: JWK) => (key.kty === 'EC' ? 'ES256' : 'EdDSA');

const claimsSchema = z.object({
  iss: z.string(),
  sub: z.string(),
  plan: z.string(),
  jti: z.string().min(8).max(128),
  iat: z.number(),
  exp: z.number(),
});

/** Checks approvals against the keys of those who may give them (attack 26). */
export function createApprovals(options: {
  env: Env;
  approvers: readonly Approver[];
  receipts: Receipts;
}): Approvals {
  const { env, receipts } = options;
  const keys = new Map(options.approvers.map(({ name, key }) => [name, key]));

  async function claimsOf(token: string) {
    const { kid } = decodeProtectedHeader(token);
    const key = kid === undefined ? undefined : keys.get(kid);
    if (key === undefined) throw new Error('it is not by a known approver');
    const { payload } = await jwtVerify(token, await importJWK(key, algorithmOf(key)), {
      // By the key, never by the token.
      algorithms: [algorithmOf(key)],
      audience: AUDIENCE,
      typ: TYPE,
      issuer: kid as string,
      currentDate: new Date(env.clock.now()),
    });
    return claimsSchema.parse(payload);
  }

  return {
    async redeem(token, plan, holder) {
      let claims: z.infer<typeof claimsSchema>;
      try {
        claims = await claimsOf(token);
      } catch (error) {
        // What a forger reads here does not tell him what to change.
        const late = (error as { code?: string }).code === 'ERR_JWT_EXPIRED';
        env.log.warn({ tool: plan.tool, agent: plan.agent, error: String(error) }, 'approval refused');
        return { refused: late ? 'the approval is over its time' : 'the approval is not genuine' };
      }
      if ((claims.exp - claims.iat) * 1_000 > APPROVAL_MAX_MS)
        return { refused: `the approval was made to last longer than ${APPROVAL_MAX_MS / 60_000} min` };
      if (claims.iss === plan.agent) return { refused: 'an agent cannot approve its own call' };
      if (claims.sub !== plan.agent || claims.plan !== planHash(plan))
        return { refused: 'the approval is for another plan' };
      if (holder !== null && !receipts.take(claims.jti, holder, claims.exp * 1_000 + 60_000))
        return { refused: 'the approval was used before' };
      return { approver: claims.iss };
    },
  };
}

/** Signs an approval of the plan with this hash; on the side of the human, with their private key. */
export async function signApproval(options: {
  env: Pick<Env, 'clock' | 'ids'>;
  approver: string;
  key: JWK;
  agent: string;
  /** As the refused call named it. */
  plan: string;
  /** ms; 10 min if not given. */
  validMs?: number;
}): Promise<string> {
  const now = Math.floor(options.env.clock.now() / 1_000);
  const alg = algorithmOf(options.key);
  return new SignJWT({ plan: options.plan })
    .setProtectedHeader({ alg, typ: TYPE, kid: options.approver })
    .setIssuer(options.approver)
    .setSubject(options.agent)
    .setAudience(AUDIENCE)
    .setJti(options.env.ids.uuid())
    .setIssuedAt(now)
    .setExpirationTime(now + Math.ceil((options.validMs ?? 600_000) / 1_000))
    .sign(await importJWK(options.key, alg));
}
