import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Env } from '../../../machines/ports.ts';
import type { CallContext } from '../../../src/workflow/calls/types.ts';
import { RaisedError } from '../../../src/workflow/fault.ts';
import { testEnv } from '../kit.ts';

/** A clock whose time is set; its timers are those of the wall, for what waits on peers. */
export function settableEnv(): Env & { set(now: number): void } {
  const env = testEnv();
  let now = 1_800_000_000_000;
  return {
    ...env,
    clock: { ...env.clock, now: () => now },
    set: (at) => {
      now = at;
    },
  };
}

/** The context of one call; `${ $secrets.NAME }` is filled in, other expressions are not known here. */
export function callContext(
  given: Partial<CallContext> & { secrets?: Record<string, unknown> } = {},
): CallContext {
  const { secrets = {}, ...rest } = given;
  const fill = async (value: unknown): Promise<unknown> => {
    if (typeof value === 'string') {
      const name = /^\$\{\s*\$secrets\.(\w+)\s*\}$/.exec(value)?.[1];
      return name === undefined ? value : secrets[name];
    }
    if (Array.isArray(value)) return Promise.all(value.map(fill));
    if (value === null || typeof value !== 'object') return value;
    const filled = Object.entries(value).map(async ([key, item]) => [key, await fill(item)]);
    return Object.fromEntries(await Promise.all(filled));
  };
  return {
    signal: new AbortController().signal,
    instanceId: 'instance-1',
    pointer: '/do/0/call',
    idempotencyKey: 'instance-1/do/0/call/1',
    meta: {},
    input: {},
    authentications: {},
    fill,
    evaluate: async (expression) => {
      throw new Error(`no evaluator: ${expression}`);
    },
    secret: (name) => secrets[name],
    authorized: () => {},
    progress: () => {},
    ...rest,
  };
}

/** How long a test waits for what a peer does: long, since nothing depends on it. */
export const PATIENCE = { timeout: 20_000, interval: 5 };

export interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: string;
}

export interface TestServer {
  url: string;
  port: number;
  seen: Seen[];
  close(): Promise<void>;
}

/** A server on a free port of this machine that remembers what it was asked. */
export async function serve(
  answer: (seen: Seen, response: ServerResponse, request: IncomingMessage) => void,
): Promise<TestServer> {
  const seen: Seen[] = [];
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body: Buffer.concat(chunks).toString('utf8'),
      };
      seen.push(one);
      answer(one, response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    seen,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export const json = (response: ServerResponse, value: unknown, status = 200) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));

/** The error that a call ends with: last word of its type, status, title and detail. */
export async function faultOf(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof RaisedError)) throw error;
    const { type, status, title, detail } = error.fault;
    return { kind: type.split('/').at(-1), status, title, detail };
  }
  throw new Error('the call did not fail');
}
