import { z } from 'zod';

const redirectUri = z
  .string()
  .max(512)
  .refine(isSafeRedirect, 'redirect URIs are https, http on loopback, or of a private scheme');

/** What a third party may say of itself (RFC 7591 2); everything else is dropped. */
const requestSchema = z.object({
  client_name: z.string().max(100).optional(),
  redirect_uris: z.array(redirectUri).min(1).max(8),
  grant_types: z
    .array(z.enum(['authorization_code', 'refresh_token']))
    .min(1)
    .max(2)
    .default(['authorization_code', 'refresh_token']),
  response_types: z.array(z.literal('code')).max(1).default(['code']),
  token_endpoint_auth_method: z.enum(['none', 'client_secret_basic', 'client_secret_post']).default('none'),
});

/**
 * Registration metadata as we store it, or the error to answer (RFC 7591 3.2.2). A third party never gets a
 * grant that works without a person: those are the operator's to give.
 */
export function registrationOf(
  body: unknown,
): { metadata: Record<string, unknown> } | { error: string; error_description: string } {
  const read = requestSchema.safeParse(body);
  if (!read.success) {
    const [issue] = read.error.issues;
    const field = String(issue?.path[0] ?? '');
    return {
      error: field === 'redirect_uris' ? 'invalid_redirect_uri' : 'invalid_client_metadata',
      error_description: `${field || 'the request'}: ${issue?.message ?? 'not valid'}`,
    };
  }
  const native = read.data.redirect_uris.every((uri) => !uri.startsWith('https:'));
  return { metadata: { ...read.data, application_type: native ? 'native' : 'web' } };
}

/** RFC 8252 7 and 8.3. */
function isSafeRedirect(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.hash !== '' || url.username !== '' || url.password !== '') return false;
  if (url.protocol === 'https:') return url.hostname !== '';
  if (url.protocol === 'http:') return ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  // A private-use scheme is a reversed domain name: no `javascript:`, `data:` or `file:`.
  return /^[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+:$/.test(url.protocol);
}
