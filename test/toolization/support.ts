import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createH2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { afterEach } from 'vitest';
import {
  connectNetMcp,
  type PolicyRule,
  startManagementServer,
  startToolServer,
} from '../../src/netmcp/index.ts';
import { type Bundle, importTools, toolsOfBundle, type Upstream } from '../../src/toolization/index.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { fakeSbi, ok } from '../netmcp/support/tools.ts';

export const DESCRIPTIONS = join(import.meta.dirname, 'descriptions');
/** Descriptions of 3GPP, CAMARA and TM Forum, where they are there. */
export const SHARED = resolve(import.meta.dirname, '../../../shared/data/openapi');

const closers: Array<() => Promise<unknown> | unknown> = [];
export const closing = (close: () => Promise<unknown> | unknown) => void closers.push(close);
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

export interface Seen {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: unknown;
}

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

/** A provider over HTTP/1.1 or h2c that answers as told and keeps what it was sent. */
export async function provider(
  answer: (seen: Seen) => Answer,
  { h2c = false } = {},
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  // The compatibility API of HTTP/2 has the same requests and responses as far as they are used here.
  const server = (h2c ? (createH2Server() as unknown as ReturnType<typeof createServer>) : createServer()).on(
    'request',
    (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const text = Buffer.concat(parts).toString();
        const one = {
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          body: text === '' ? undefined : JSON.parse(text),
        };
        seen.push(one);
        const { status, body, headers = {} } = answer(one);
        response.writeHead(status, { 'content-type': 'application/json', ...headers });
        response.end(body === undefined ? undefined : JSON.stringify(body));
      });
    },
  );
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  closing(() => new Promise((done) => server.close(done)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

export function sessions(upstream: Partial<Upstream> = {}): Bundle {
  return importTools({ root: DESCRIPTIONS, files: ['sessions.yaml'], upstream }).bundle;
}

/** A NetMCP world with one tool server that serves a bundle. */
export async function serving(
  bundle: Bundle,
  answer: Parameters<typeof fakeSbi>[0] = () => ok({}),
  policy: PolicyRule[] = [],
) {
  const env = testEnv();
  const host = '127.0.0.1';
  const sbi = fakeSbi(answer);
  const management = await startManagementServer({ env, host, port: 0 });
  closing(management.close);
  const made = toolsOfBundle(bundle, { env });
  closing(made.close);
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 'imported-tools',
    management: management.url,
    nrf: sbi.port,
    tools: made.tools,
    policy,
  });
  closing(server.close);
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closing(client.close);
  return { env, client, server, sbi };
}
