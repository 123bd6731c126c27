import type { AgentCard } from '@a2a-js/sdk';
import {
  type Client,
  ClientFactory,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from '@a2a-js/sdk/client';
import { GrpcTransportFactory } from '@a2a-js/sdk/client/grpc';
import type { AgentExecutor } from '@a2a-js/sdk/server';
import { type Admission, agentCard, type Bus, type BusMember, type JoinOptions } from '../../broker/index.ts';
import {
  type Gateway,
  type GatewayAgents,
  type GatewayOptions,
  openGateway,
} from '../../src/gateway/index.ts';
import { env, join, newBus } from '../bus/support.ts';

export const CENTRAL = 'netagent/test/central';
export const OTHER = 'netagent/test/other';

export interface Stage {
  bus: Bus;
  gateway: Gateway;
  door: BusMember;
  members: BusMember[];
  /** Joins one more agent. */
  add(id: string, executor?: AgentExecutor, more?: Partial<JoinOptions>): Promise<BusMember>;
  close(): Promise<void>;
}

/** A bus with a central agent, and a gateway before it. */
export async function stage(
  executor: AgentExecutor,
  options: Partial<GatewayOptions> & { card?: Partial<AgentCard> } & Pick<
      GatewayAgents,
      'admission' | 'network' | 'workflows'
    > = {},
): Promise<Stage> {
  const { card, admission, network, workflows, ...more } = options;
  const bus = await newBus();
  const members: BusMember[] = [];
  const add: Stage['add'] = async (id, work, settings) => {
    const member = await join(bus, id, work, settings);
    members.push(member);
    return member;
  };
  const own = agentCard({
    id: CENTRAL,
    name: 'central',
    description: 'For tests.',
    version: '1.0.0',
    skills: [{ id: 'echo', name: 'Echo', description: 'Says it again.' }],
    mqttUrl: bus.mqttUrl,
  });
  await add(CENTRAL, executor, { card: { ...own, ...card } });
  const judged = admission === undefined ? {} : { admission: admission as Admission };
  const door = await join(bus, 'netagent/gateway/http', undefined, judged);
  const gateway = await openGateway({ host: '127.0.0.1', port: 0, grpcPort: 0, env, ...more });
  await gateway.serve({
    door,
    joinAs: (agent) => join(bus, `netagent/gateway/${agent}`),
    central: CENTRAL,
    state: () => ({ parts: { bus: true }, draining: false }),
    endpoints: () => ({}),
    ...judged,
    ...(network && { network }),
    ...(workflows && { workflows }),
  });
  return {
    bus,
    gateway,
    door,
    members,
    add,
    async close() {
      await gateway.close();
      for (const member of [door, ...members]) await member.close();
      await bus.close();
    },
  };
}

export type Binding = 'JSONRPC' | 'HTTP+JSON' | 'GRPC';
const LEGACY = { legacyCompat: { enabled: true } };

/** A client of the SDK for the agent at `base`, over one binding. */
export async function clientFor(
  base: string,
  binding: Binding,
  headers: Record<string, string> = {},
): Promise<Client> {
  const fetchImpl: typeof fetch = (input, init) =>
    fetch(input, { ...init, headers: { ...(init?.headers as Record<string, string>), ...headers } });
  const transports = {
    JSONRPC: new JsonRpcTransportFactory({ fetchImpl }),
    'HTTP+JSON': new RestTransportFactory({ fetchImpl }),
    GRPC: new GrpcTransportFactory(),
  };
  return new ClientFactory({ transports: [transports[binding]] }).createFromUrl(
    `${base}/.well-known/agent-card.json`,
    '',
  );
}

/** A client that speaks version 0.3 only. */
export async function legacyClientFor(base: string, binding: 'JSONRPC' | 'HTTP+JSON'): Promise<Client> {
  const response = await fetch(`${base}/.well-known/agent-card.json`);
  const card = (await response.json()) as Record<string, unknown>;
  // What a reader of 0.3 knows of the card.
  delete card.supportedInterfaces;
  const { parseLegacyAgentCard } = await import('@a2a-js/sdk/compat/v0_3/client');
  const transports = {
    JSONRPC: new JsonRpcTransportFactory(LEGACY),
    'HTTP+JSON': new RestTransportFactory(LEGACY),
  };
  return new ClientFactory({ transports: [transports[binding]] }).createFromAgentCard(
    parseLegacyAgentCard(card),
  );
}

/** Posts to a JSON-RPC path. */
export async function rpc(
  url: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; headers: Headers; body: RpcAnswer }> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'a2a-version': '1.0', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: JSON.parse(text) as RpcAnswer };
}

export interface RpcAnswer {
  id?: unknown;
  result?: { task?: { id: string } };
  error?: { code: number; message: string; data?: Array<{ reason: string }> };
}

/** Resolves when `look` is true; asks at every presence that the member hears of. */
export function until(member: BusMember, look: () => boolean): Promise<void> {
  if (look()) return Promise.resolve();
  return new Promise((resolve) => {
    const stop = member.onPresence(() => {
      if (!look()) return;
      stop();
      resolve();
    });
  });
}

export const statusOf = (member: BusMember, id: string) =>
  member.agents().find((agent) => agent.id === id)?.status;
