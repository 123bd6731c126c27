import { afterEach } from 'vitest';
import type { ToolMeta } from '../../../src/netmcp/schema/index.ts';
import { authWorld, SECRETS } from './auth.ts';
import { create, read } from './tools.ts';

/** Closed when the test ends, last opened first. */
export const open: Array<{ close(): Promise<void> }> = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

export const allowed = <T extends { meta: ToolMeta }>(tool: T, permission: ToolMeta['permission']): T => ({
  ...tool,
  meta: { ...tool.meta, permission },
});
export const needs = (...scopes: string[]) => ({ mode: 'token' as const, scopes });
export const tools = [
  allowed(create, needs('things:write')),
  allowed(read as never, needs('things:read')),
] as never[];

/** A management server and an authorisation server. */
export async function world() {
  const made = await authWorld();
  open.push(made);
  return { ...made, issuer: made.server.issuer };
}

export const initialize = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-11-25',
    capabilities: {},
    clientInfo: { name: 'netagent/test/strong', version: '1' },
  },
};

/** One POST by hand, with a token or without. */
export async function post(
  url: string,
  token: string | null,
  body: object,
  headers: Record<string, string> = {},
) {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return {
    status: response.status,
    challenge: response.headers.get('www-authenticate') ?? '',
    session: response.headers.get('mcp-session-id') ?? '',
    text: await response.text(),
  };
}

export async function tokenOf(issuer: string, id: string, resource: string, scope?: string) {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: id,
      client_secret: SECRETS[id] as string,
      resource,
      ...(scope !== undefined && { scope }),
    }),
  });
  return (await response.json()) as { access_token: string; scope: string; error?: string };
}
