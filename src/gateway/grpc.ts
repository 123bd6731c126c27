import type { A2ARequestHandler } from '@a2a-js/sdk/server';
import { A2AService, grpcService } from '@a2a-js/sdk/server/grpc';
import {
  type Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from '@grpc/grpc-js';
import type { Env } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { Call, type Sink } from './call.ts';
import { outward } from './failure.ts';
import { type GatewayLimits, isValueTooDeep } from './limits.ts';
import type { UserBuilder } from './users.ts';

export interface GrpcOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  env: Env;
  limits: GatewayLimits;
  users: UserBuilder;
  forwardAuthorization: boolean;
}

export interface GrpcGateway {
  /** `host:port` */
  address: string;
  serve(handler: A2ARequestHandler): void;
  close(): void;
}

type AnyCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

/** A2A over gRPC for one agent. Binds first and serves later; until then calls are UNIMPLEMENTED. */
export async function openGrpc(options: GrpcOptions): Promise<GrpcGateway> {
  const { host, limits, env } = options;
  const server = new Server({
    'grpc.max_receive_message_length': limits.bodyBytes,
    'grpc.max_concurrent_streams': limits.streamsPerClient,
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error === null) resolve(bound);
      else reject(fail('GATEWAY_PORT_UNUSABLE', { host, port: options.port, problem: error.message }));
    });
  });

  return {
    address: `${host}:${port}`,
    serve(handler) {
      const userBuilder = async (raw: unknown): Promise<Call> => {
        try {
          return await callFrom(raw as AnyCall, options);
        } catch (error) {
          throw outward(error, 'grpc', env.log);
        }
      };
      server.addService(A2AService, grpcService({ requestHandler: handler, userBuilder }));
    },
    close: () => server.forceShutdown(),
  };
}

async function callFrom(raw: AnyCall, options: GrpcOptions): Promise<Call> {
  const { env, limits, users, forwardAuthorization } = options;
  if (isValueTooDeep(raw.request, limits.depth)) throw fail('GATEWAY_TOO_DEEP', { limit: limits.depth });
  const headers = headersOf(raw.metadata);
  // The port of a peer changes with every connection; its address is the client.
  const address = raw.getPeer().replace(/:\d+$/, '');
  const user = await users({ headers, address });
  const call = new Call({
    user,
    address,
    authorization: forwardAuthorization ? headers.authorization : undefined,
    sink: raw as unknown as Sink,
    cut: () => raw.emit('error', { code: status.RESOURCE_EXHAUSTED, details: 'The stream was not read.' }),
    clock: env.clock,
    slowReaderMs: limits.slowReaderMs,
  });
  raw.once('cancelled', () => call.leave());
  if (raw.cancelled) call.leave();
  return call;
}

function headersOf(metadata: Metadata): Record<string, string> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(metadata.getMap())) headers[name] = value.toString();
  return headers;
}
