import { z } from 'zod';
import { fail } from '../errors.ts';

const readySchema = z.object({
  endpoints: z.object({
    netmcp: z.object({
      management: z.string(),
      servers: z.array(z.string()),
      issuer: z.string().optional(),
    }),
  }),
});
const agentsSchema = z.array(
  z.object({
    id: z.string(),
    status: z.enum(['online', 'offline']),
    source: z.string(),
    trust: z.enum(['trusted', 'unsigned', 'untrusted']).optional(),
    reason: z.string().optional(),
    approval: z.enum(['registered', 'approved', 'revoked']).optional(),
    name: z.string(),
    description: z.string(),
    skills: z.array(z.string()),
  }),
);

/** What a running runtime says of itself. @throws RUNTIME_NOT_FOUND */
export const endpointsOf = async (url: string) => (await get(url, '/readyz', readySchema)).endpoints;
export const agentsOf = (url: string) => get(url, '/agents', agentsSchema);

const standingSchema = z.object({ id: z.string(), approval: z.string(), trust: z.string() });

/** Lets an agent in, or shuts it out. @throws RUNTIME_NOT_FOUND, AGENT_UNREACHABLE */
export async function decide(url: string, id: string, verdict: 'approve' | 'revoke') {
  const standing = await get(
    url,
    `/approvals/${id}/${verdict}`,
    z.union([standingSchema, z.object({ error: z.unknown() }), z.object({ code: z.unknown() })]),
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
  );
  if ('id' in standing) return standing;
  throw fail('AGENT_UNREACHABLE', { agent: id, problem: 'no card of it was seen' });
}

const heldSchema = z.array(
  z.object({
    server: z.string(),
    name: z.string(),
    provider: z.string(),
    hash: z.string(),
    reasons: z.array(z.string()),
    difference: z.array(z.string()),
  }),
);

/** Tools that wait for the operator. @throws RUNTIME_NOT_FOUND */
export const heldOf = (url: string) => get(url, '/tools/held', heldSchema);

/** @throws RUNTIME_NOT_FOUND, NETMCP_NOT_PENDING */
export async function decideTool(url: string, name: string, verdict: 'approve' | 'reject', hash: string) {
  const answer = await get(
    url,
    `/tools/${encodeURIComponent(name)}/${verdict}/${encodeURIComponent(hash)}`,
    z.union([z.object({ name: z.string(), hash: z.string() }), z.object({ error: z.unknown() })]),
    { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' },
  );
  if ('error' in answer) throw fail('NETMCP_NOT_PENDING', { tool: name, hash });
}

const faultSchema = z.looseObject({ id: z.string(), kind: z.string() });
const networkSchema = z.object({
  functions: z.record(z.string(), z.string()),
  faults: z.array(faultSchema),
});
const refusedSchema = z.object({ error: z.string(), message: z.string() });

/** Functions and faults of a running network. @throws RUNTIME_NOT_FOUND */
export const networkOf = (url: string) => get(url, '/network', networkSchema);

/** @throws RUNTIME_NOT_FOUND, NETWORK_FAULT_INVALID */
export async function injectFault(url: string, fault: { kind: string | undefined }) {
  const answer = await get(url, '/network/faults', z.union([faultSchema, refusedSchema]), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(fault),
  });
  if ('kind' in answer) return answer as z.output<typeof faultSchema>;
  const { message } = refusedSchema.parse(answer);
  const problem = message.replace(/^The fault .* is refused: /, '').replace(/\.$/, '');
  throw fail('NETWORK_FAULT_INVALID', { kind: fault.kind, problem });
}

/** @throws RUNTIME_NOT_FOUND, NETWORK_FAULT_INVALID for no such fault */
export async function clearFault(url: string, id: string): Promise<void> {
  const answer = await fetch(`${url}/network/faults/${encodeURIComponent(id)}`, {
    method: 'DELETE',
    headers: { 'content-type': 'application/json' },
  }).catch((error: unknown) => {
    throw fail('RUNTIME_NOT_FOUND', { url, problem: (error as Error).message });
  });
  if (answer.status !== 204)
    throw fail('NETWORK_FAULT_INVALID', { kind: id, problem: 'there is no such fault' });
}

async function get<T>(url: string, path: string, schema: z.ZodType<T>, init: RequestInit = {}): Promise<T> {
  const missing = (problem: string) => fail('RUNTIME_NOT_FOUND', { url, problem });
  let body: unknown;
  try {
    const response = await fetch(new URL(path, url), { ...init, signal: AbortSignal.timeout(5_000) });
    body = await response.json();
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string } };
    throw missing(cause?.code ?? message.split('\n')[0] ?? '');
  }
  const read = schema.safeParse(body);
  if (!read.success) throw missing('something else answers there');
  return read.data;
}
