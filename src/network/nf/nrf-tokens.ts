import { generateKeyPair, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import type { Clock } from '../../../machines/ports.ts';
import { problem, type SbiAnswer, SbiProblem, type SbiServer } from '../../sbi/index.ts';
import { type Profile, servicesOf } from './nrf-profile.ts';
import type { TokenGuard } from './token-guard.ts';

const TTL_S = 3_600;
const ISSUER = '00000000-0000-4000-8000-000000000000';
/** Notifications come without a token: whoever subscribed named where. */
const OPEN = new Set(['nsmf-callback']);

const request = z.object({
  grant_type: z.string(),
  nfInstanceId: z.uuid(),
  scope: z.string().regex(/^[\w-]+( [\w-]+)*$/),
  nfType: z.string().optional(),
  targetNfType: z.string().optional(),
  targetNfInstanceId: z.uuid().optional(),
});

/** Access tokens of the NRF (TS 29.510 5.4): the endpoint, and the check at those who are asked. */
export async function startTokens(options: {
  clock: Clock;
  server: SbiServer;
  profile(id: string): Profile | undefined;
  profiles(): Iterable<Profile>;
}): Promise<TokenGuard> {
  const { clock, server } = options;
  const { privateKey, publicKey } = await generateKeyPair('ES256');

  const consumes = ['application/x-www-form-urlencoded'];
  const form = z.record(z.string(), z.string());
  server.route('POST', '/oauth2/token', { body: form, consumes }, async ({ body }) => {
    const read = request.safeParse(body);
    if (!read.success) {
      const [issue] = read.error.issues;
      return refusal('invalid_request', `${issue?.path.join('/')}: ${issue?.message}`);
    }
    const { grant_type, nfInstanceId, scope, nfType, targetNfType, targetNfInstanceId } = read.data;
    if (grant_type !== 'client_credentials') return refusal('unsupported_grant_type', grant_type);
    const consumer = options.profile(nfInstanceId);
    if (consumer === undefined) return refusal('invalid_client', `${nfInstanceId} is not registered`);
    if (nfType !== undefined && nfType !== consumer.nfType) {
      return refusal('invalid_client', `${nfInstanceId} is no ${nfType}`);
    }
    if (targetNfType === undefined && targetNfInstanceId === undefined) {
      return refusal('invalid_request', 'targetNfType or targetNfInstanceId is needed');
    }
    const targets = [...options.profiles()].filter(
      (one) =>
        one.nfType === (targetNfType ?? one.nfType) &&
        one.nfInstanceId === (targetNfInstanceId ?? one.nfInstanceId),
    );
    const services = targets.flatMap(servicesOf);
    const unknown = scope
      .split(' ')
      .find((name) => !services.some(({ serviceName }) => serviceName === name));
    if (unknown !== undefined) return refusal('invalid_scope', `${unknown} is no service of the target`);
    const barred = targets.every((one) => one.allowedNfTypes?.includes(consumer.nfType) === false);
    if (barred) return refusal('unauthorized_client', `${consumer.nfType} may not use the target`);
    const now = Math.floor(clock.now() / 1000);
    const access_token = await new SignJWT({ scope })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
      .setIssuer(ISSUER)
      .setSubject(nfInstanceId)
      .setAudience(targetNfInstanceId === undefined ? (targetNfType as string) : [targetNfInstanceId])
      .setIssuedAt(now)
      .setExpirationTime(now + TTL_S)
      .sign(privateKey);
    const granted = { access_token, token_type: 'Bearer', expires_in: TTL_S, scope };
    return { status: 200, body: granted, headers: UNCACHED };
  });

  return async ({ nf, instance, services }, headers) => {
    const service = (headers[':path'] ?? '').split('/')[1] ?? '';
    if (!services.includes(service) || OPEN.has(service)) return;
    const token = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) throw challenge(401, 'UNAUTHORIZED', '');
    const currentDate = new Date(clock.now());
    const audience = [nf, instance];
    const options = { issuer: ISSUER, audience, currentDate, algorithms: ['ES256'] };
    const { payload } = await jwtVerify(token, publicKey, options).catch(() => {
      throw challenge(401, 'UNAUTHORIZED', ', error="invalid_token"');
    });
    const scopes = String(payload.scope ?? '').split(' ');
    if (!scopes.includes(service)) throw challenge(403, 'FORBIDDEN', ', error="insufficient_scope"');
  };
}

const UNCACHED = { 'cache-control': 'no-store', pragma: 'no-cache' };

/** AccessTokenErr of TS 29.510 6.3.5.2.4, with the names of RFC 6749 5.2. */
function refusal(error: string, error_description: string): SbiAnswer {
  return { status: 400, body: { error, error_description }, headers: UNCACHED };
}

/** TS 29.500 6.7.3. */
function challenge(status: number, cause: string, error: string): SbiProblem {
  const { problem: body } = problem(status, cause, 'An access token of the NRF for this service is needed');
  return new SbiProblem(body, { 'www-authenticate': `Bearer realm="sbi"${error}` });
}
