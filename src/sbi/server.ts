import {
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { z } from 'zod';
import type { Log } from '../../machines/ports.ts';
import { DEPTH_LIMIT, isDeep } from './depth.ts';
import { invalidParamsOf } from './invalid.ts';
import { jsonPart, MULTIPART } from './multipart.ts';
import { PROBLEM_TYPE, problem, SbiProblem } from './problem.ts';
import {
  findRoute,
  type Method,
  patternOf,
  type Route,
  type RouteOptions,
  type SbiAnswer,
  type SbiCall,
} from './router.ts';

const BODY_LIMIT = 1024 * 1024;
const JSON_TYPES = ['application/json'] as const;

export interface SbiServer {
  /** NF type that this server speaks for. */
  readonly nf: string;
  /** API root, `http://host:port`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  route<B extends z.ZodType, Q extends z.ZodType = z.ZodType<Record<string, string>>>(
    method: Method,
    path: string,
    options: RouteOptions<B, Q>,
    handle: (call: SbiCall<z.output<B>, z.output<Q>>) => SbiAnswer | Promise<SbiAnswer>,
  ): void;
  /** Requests that were answered so far. */
  readonly answered: number;
  /** Every request passes here first; what it throws is the answer. */
  guard(check: (headers: IncomingHttpHeaders) => void | Promise<void>): void;
  /** Dies: the port is closed and every connection cut, whatever is under way. */
  kill(): Promise<void>;
  /** Listens again at the same port. */
  revive(): Promise<void>;
  /** Answers what is under way, then ends all connections. */
  close(): Promise<void>;
}

/**
 * Starts the producer side of an NF: HTTP/2 over TCP with prior knowledge (TS 29.500 5.2). Listens when
 * the promise resolves; routes may be added at any time. Errors are ProblemDetails. Rejects with the
 * socket's error where host and port cannot be had.
 */
export async function createSbiServer(options: {
  nf: string;
  host: string;
  port?: number;
  log?: Log;
}): Promise<SbiServer> {
  const { nf, host, log } = options;
  const routes: Route[] = [];
  const sessions = new Set<ServerHttp2Session>();
  const open = new Set<ServerHttp2Stream>();
  const reading = new Set<ServerHttp2Stream>();
  const working = new Set<Promise<void>>();
  let guard: ((headers: IncomingHttpHeaders) => void | Promise<void>) | undefined;
  let answered = 0;
  let server = createServer();

  const listen = async (port: number) => {
    server.on('session', onSession);
    server.on('stream', onStream);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    server.on('error', (error) => log?.error({ nf, error: error.message }, 'SBI server failed'));
    return (server.address() as AddressInfo).port;
  };
  function onSession(session: ServerHttp2Session): void {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', (error) => log?.debug({ nf, error: error.message }, 'SBI session failed'));
  }
  function onStream(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): void {
    stream.on('error', (error) => log?.debug({ nf, error: error.message }, 'SBI stream failed'));
    open.add(stream);
    stream.on('close', () => open.delete(stream));
    const work = serve(stream, headers).finally(() => working.delete(work));
    working.add(work);
  }

  async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    let answer: SbiAnswer;
    try {
      answer = await answerOf(stream, headers);
    } catch (error) {
      answer = answerOfError(error);
    }
    try {
      reply(stream, answer);
    } catch (error) {
      // The answer itself cannot be written: its body is no JSON, or a header has no such characters.
      if (stream.headersSent) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      else reply(stream, answerOfError(error));
    }
  }

  async function answerOf(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<SbiAnswer> {
    reading.add(stream);
    const raw = await readBody(stream, headers).finally(() => reading.delete(stream));
    answered += 1;
    await guard?.(headers);
    const url = urlOf(headers[':path'] ?? '/');
    const found = findRoute(routes, headers[':method'] ?? '', url.pathname);
    if (found === undefined) {
      throw problem(404, 'RESOURCE_URI_STRUCTURE_NOT_FOUND', `${nf} has no ${url.pathname}`);
    }
    if ('allow' in found) {
      const refused = problem(405, 'METHOD_NOT_ALLOWED', `${headers[':method']} is not for ${url.pathname}`);
      throw new SbiProblem(refused.problem, { allow: found.allow.join(', ') });
    }
    const { route, params } = found;
    return await route.handle({
      params,
      query: checked(route.query, Object.fromEntries(url.searchParams), 'query'),
      body: route.body === undefined ? undefined : checked(route.body, bodyOf(route, raw, headers), 'body'),
      headers,
    });
  }

  function answerOfError(error: unknown): SbiAnswer {
    if (error instanceof SbiProblem) {
      const { problem: body, headers } = error;
      return { status: body.status, body, headers, contentType: PROBLEM_TYPE };
    }
    log?.error({ nf, error: String(error) }, 'SBI handler failed');
    return {
      status: 500,
      body: { status: 500, cause: 'SYSTEM_FAILURE', title: 'Internal server error' },
      contentType: PROBLEM_TYPE,
    };
  }

  const port = await listen(options.port ?? 0);

  return {
    nf,
    host,
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    route(method, path, { body, query, consumes = JSON_TYPES }, handle) {
      routes.push({
        method,
        segments: patternOf(path),
        body,
        query,
        consumes,
        handle: handle as Route['handle'],
      });
    },
    get answered() {
      return answered;
    },
    guard(check) {
      guard = check;
    },
    async kill() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const session of sessions) session.destroy();
      await closed;
    },
    async revive() {
      if (server.listening) return;
      server = createServer();
      await listen(port);
    },
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const stream of reading) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.allSettled([...working]);
      // A peer that does not end its half of a stream must not hold the server.
      await Promise.all([...open].map(written));
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function readBody(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<Buffer> {
  const tooLarge = () => problem(413, 'PAYLOAD_TOO_LARGE', `A body has at most ${BODY_LIMIT} bytes`);
  return new Promise((resolve, reject) => {
    if (Number(headers['content-length'] ?? 0) > BODY_LIMIT) {
      stream.resume();
      reject(tooLarge());
      return;
    }
    const chunks: Buffer[] = [];
    let size = 0;
    stream.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > BODY_LIMIT) reject(tooLarge());
      else chunks.push(chunk);
    });
    stream.on('end', () => resolve(Buffer.concat(chunks)));
    stream.on('aborted', () => reject(problem(400, 'CLIENT_GONE')));
    stream.on('close', () => reject(problem(400, 'CLIENT_GONE')));
  });
}

const FORM = 'application/x-www-form-urlencoded';

function bodyOf(route: Route, raw: Buffer, headers: IncomingHttpHeaders): unknown {
  const fullType = headers['content-type'] ?? '';
  const type = fullType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (raw.length > 0 && !route.consumes.includes(type)) {
    throw problem(415, 'UNSUPPORTED_MEDIA_TYPE', `Send ${route.consumes.join(' or ')}`);
  }
  if (raw.length === 0) return undefined;
  const text = type === MULTIPART ? jsonPart(raw, fullType) : raw.toString('utf8');
  if (text === undefined) throw problem(400, 'INVALID_MSG_FORMAT', 'The first part of the body is no JSON');
  if (type === FORM) return Object.fromEntries(new URLSearchParams(text));
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw problem(400, 'INVALID_MSG_FORMAT', 'The body is no JSON');
  }
  if (isDeep(value)) throw problem(400, 'INVALID_MSG_FORMAT', `The body nests over ${DEPTH_LIMIT} levels`);
  return value;
}

/** Behind an authority that is always the same: a path that begins with `//` must not name one. */
const urlOf = (path: string) => new URL(`http://sbi${path.startsWith('/') ? '' : '/'}${path}`);

function checked(schema: z.ZodType | undefined, value: unknown, where: 'body' | 'query'): unknown {
  if (schema === undefined) return value;
  const read = schema.safeParse(value);
  if (read.success) return read.data;
  const invalidParams = invalidParamsOf(read.error, where);
  throw new SbiProblem({
    status: 400,
    cause: where === 'query' ? 'MANDATORY_QUERY_PARAM_INCORRECT' : 'MANDATORY_IE_INCORRECT',
    title: `The ${where} is not valid`,
    detail: invalidParams.map(({ param, reason }) => `${param}: ${reason}`).join('; '),
    invalidParams,
  });
}

function reply(stream: ServerHttp2Stream, answer: SbiAnswer): void {
  if (stream.destroyed || stream.closed) return;
  const text = answer.body === undefined ? undefined : JSON.stringify(answer.body);
  stream.respond(
    {
      ':status': answer.status,
      ...answer.headers,
      ...(text !== undefined && { 'content-type': answer.contentType ?? 'application/json' }),
    },
    { endStream: text === undefined },
  );
  if (text !== undefined) stream.end(text);
}

function written(stream: ServerHttp2Stream): Promise<void> {
  if (stream.writableFinished || stream.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    stream.once('finish', resolve);
    stream.once('close', resolve);
  });
}
