import type { Env } from '../../../machines/ports.ts';
import { asyncapiCalls } from './asyncapi.ts';
import { createAuthenticator } from './auth/authenticator.ts';
import { grpcCalls } from './grpc.ts';
import { httpCalls } from './http.ts';
import { type MqttConnect, mqttConnector } from './mqtt.ts';
import { openapiCalls } from './openapi.ts';
import { createOutgoing, type Fetch } from './outgoing.ts';
import { type CallPolicy, Gate, type Resolve } from './policy.ts';
import { createResources } from './resources.ts';

export interface CallsOptions {
  env: Env;
  policy: CallPolicy;
  /** `host:port` of gRPC services that are called over TLS; those on port 443 always are. */
  grpcTls?: readonly string[];
  /** Replaces the network of MQTT, for example by a bus of this process. */
  mqttConnect?: MqttConnect;
  /** Replaces the network of HTTP (tests). */
  fetch?: Fetch;
  /** Replaces the resolver of names (tests). */
  resolve?: Resolve;
}

/** Handlers of all calls over one policy, one HTTP client and one store of tokens. */
export function createCalls(options: CallsOptions) {
  const { env } = options;
  const gate = new Gate(options.policy, options.resolve);
  const outgoing = createOutgoing(gate, options.fetch);
  const authenticate = createAuthenticator({ env, outgoing });
  const tools = { env, outgoing, authenticate };
  const resources = createResources(tools);
  return {
    handlers: {
      http: httpCalls(tools),
      openapi: openapiCalls({ ...tools, resources }),
      grpc: grpcCalls({ gate, authenticate, resources, tls: options.grpcTls ?? [] }),
      asyncapi: asyncapiCalls({ ...tools, resources, connect: options.mqttConnect ?? mqttConnector(gate) }),
    },
    resources,
    close: () => outgoing.close(),
  };
}
