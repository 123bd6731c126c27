import {
  Client,
  type ClientReadableStream,
  type ClientWritableStream,
  credentials as channelCredentials,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';
import { standardError } from '../fault.ts';
import { readArguments } from './arguments.ts';
import { type Authenticate, scrubbed, upfront } from './auth/authenticator.ts';
import { MAX_ANSWER } from './outgoing.ts';
import type { Gate } from './policy.ts';
import { findMethod, loadProto, type Method, messageOf } from './proto.ts';
import type { Resources } from './resources.ts';
import type { CallHandler } from './types.ts';

export interface GrpcTools {
  gate: Gate;
  authenticate: Authenticate;
  resources: Resources;
  /** `host:port` of services that are called over TLS; those on port 443 always are. */
  tls: readonly string[];
  /** Certificates that are trusted, all of them; the system's if absent. */
  ca?: string[] | undefined;
}

/** HTTP statuses as the mapping of gRPC to HTTP of Google's APIs has them. */
const STATUS: ReadonlyMap<number, number> = new Map([
  [status.INVALID_ARGUMENT, 400],
  [status.FAILED_PRECONDITION, 400],
  [status.OUT_OF_RANGE, 400],
  [status.UNAUTHENTICATED, 401],
  [status.PERMISSION_DENIED, 403],
  [status.NOT_FOUND, 404],
  [status.ALREADY_EXISTS, 409],
  [status.ABORTED, 409],
  [status.RESOURCE_EXHAUSTED, 429],
  [status.CANCELLED, 499],
  [status.UNIMPLEMENTED, 501],
  [status.UNAVAILABLE, 503],
  [status.DEADLINE_EXCEEDED, 504],
]);
/** Messages of one stream; its output is kept whole. */
const MAX_MESSAGES = 10_000;
/** ms: for a document that set no timeout. */
const DEADLINE_MS = 300_000;

/** `call: grpc` (DSL 1.0.3, "gRPC Call"): one message out, one back, or a stream back as an array. */
export function grpcCalls({ gate, authenticate, resources, tls, ca }: GrpcTools): CallHandler {
  return async (given, context) => {
    const args = readArguments('grpc', given);
    const { name, host, port = 443, authentication } = args.service;
    const proto = await resources.read(args.proto, context);
    const definition = await loadProto(proto, (path) =>
      resources.readBeside(new URL(path, proto.url), args.proto, context),
    );
    const method = findMethod(definition, name, args.method);
    const message = messageOf(definition, method, args.arguments ?? {});
    const credentials = await authenticate(authentication ?? args.authentication, context);
    const metadata = new Metadata();
    const header = await upfront(credentials);
    if (header !== null) metadata.set('authorization', header);
    const key = context.idempotencyKey;
    if (/^[\x21-\x7e]{1,200}$/.test(key)) metadata.set('idempotency-key', key);

    const addresses = await gate.addresses(host, port);
    const [{ family }] = addresses;
    const target = addresses
      .filter((one) => one.family === family)
      .map(({ address }) => (family === 6 ? `[${address}]:${port}` : `${address}:${port}`));
    const secure = port === 443 || tls.includes(`${host}:${port}`);
    const client = new Client(
      `ipv${family}:${target.join(',')}`,
      secure
        ? channelCredentials.createSsl(ca ? Buffer.from(ca.join('\n')) : null)
        : channelCredentials.createInsecure(),
      {
        // The addresses are those that were judged; the name is for the peer and its certificate.
        'grpc.default_authority': `${host}:${port}`,
        ...(secure && { 'grpc.ssl_target_name_override': host }),
        'grpc.enable_http_proxy': 0,
        'grpc.max_receive_message_length': MAX_ANSWER,
      },
    );
    const patience = AbortSignal.timeout(DEADLINE_MS);
    try {
      return await exchange(client, method, message, metadata, AbortSignal.any([context.signal, patience]));
    } catch (error) {
      context.signal.throwIfAborted();
      if (patience.aborted) {
        throw standardError('communication', `${name}/${args.method} had no answer in time`, { status: 504 });
      }
      throw scrubbed(failureOf(error, `${name}/${args.method} at ${host}:${port}`), credentials);
    } finally {
      client.close();
    }
  };
}

function exchange(
  client: Client,
  { path, requestStream, responseStream, requestSerialize, responseDeserialize }: Method,
  message: object,
  metadata: Metadata,
  signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const answered = (error: ServiceError | null, value?: object) =>
      error === null ? resolve(value) : reject(error);
    const plain = [path, requestSerialize, responseDeserialize] as const;
    const call =
      requestStream && responseStream
        ? client.makeBidiStreamRequest(...plain, metadata)
        : requestStream
          ? client.makeClientStreamRequest(...plain, metadata, answered)
          : responseStream
            ? client.makeServerStreamRequest(...plain, message, metadata)
            : client.makeUnaryRequest(...plain, message, metadata, answered);
    signal.addEventListener('abort', () => call.cancel(), { once: true });
    if (responseStream) gather(call as ClientReadableStream<object>, resolve, reject);
    if (requestStream) {
      const out = call as ClientWritableStream<object>;
      out.write(message);
      out.end();
    }
  });
}

function gather(
  stream: ClientReadableStream<object>,
  resolve: (messages: object[]) => void,
  reject: (error: unknown) => void,
): void {
  const messages: object[] = [];
  let size = 0;
  stream.on('data', (message: object) => {
    messages.push(message);
    size += JSON.stringify(message).length;
    if (messages.length <= MAX_MESSAGES && size <= MAX_ANSWER) return;
    reject(standardError('communication', 'The stream has brought more than can be kept', { status: 502 }));
    stream.cancel();
  });
  stream.on('error', reject);
  stream.on('end', () => resolve(messages));
}

function failureOf(error: unknown, what: string): unknown {
  const { code, details } = (error ?? {}) as Partial<ServiceError>;
  if (typeof code !== 'number') return error;
  return standardError('communication', `${what} ended with ${status[code] ?? code}`, {
    status: STATUS.get(code) ?? 500,
    detail: (details ?? '').slice(0, 500),
  });
}
