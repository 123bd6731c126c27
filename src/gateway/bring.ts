import { AgentCard } from '@a2a-js/sdk';
import {
  type Client,
  ClientFactory,
  DefaultAgentCardResolver,
  JsonRpcTransportFactory,
  RestTransportFactory,
} from '@a2a-js/sdk/client';
import type { AgentExecutor } from '@a2a-js/sdk/server';
import { type AgentId, agentCard, agentKey, type BusMember } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import { fail, NetAgentError } from '../errors.ts';
import { Forwarder } from './forward.ts';
import { memoryTaskLinks, type TaskLinks } from './links.ts';

export interface BringOptions {
  env: Env;
  /** Where the agent's card is: its origin, or the card's whole address if it ends in `.json`. */
  url: string;
  /** Who it becomes on the bus. */
  id: AgentId | string;
  /** `mqtt://host:port` of the bus. */
  mqttUrl: string;
  /** Joins the bus: `joinBus` with the ledger and recovery that the tasks shall have. */
  join: (member: { id: string; card: AgentCard; executor: AgentExecutor }) => Promise<BusMember>;
  /** Our ids and theirs; in memory if absent. */
  links?: TaskLinks;
  /** Carries credentials where the agent wants them. */
  fetch?: typeof fetch;
  /** Origins beside that of `url` that its card may send us to. */
  origins?: readonly string[];
  /** Between looks at a task that cannot be watched, ms. */
  pollMs?: number;
  /** Looks in a row that may fail before a task is given up. */
  looks?: number;
}

export interface BroughtAgent {
  /** `org/unit/agent` */
  id: string;
  member: BusMember;
  /** Reads the card again and publishes it. @throws GATEWAY_REMOTE_UNREADABLE, and the old one stays */
  refresh(): Promise<void>;
  /** Leaves the bus. Tasks go on over there. */
  close(): Promise<void>;
}

const CARD_BYTES = 64 * 1024;
const CARD_MS = 10_000;
const LEGACY = { legacyCompat: { enabled: true } };

/**
 * Brings an agent that lives behind HTTP onto the bus under an id of ours. Its card is published with the
 * address on the bus in place of its own; JSON-RPC and REST are spoken with it, versions 1.0 and 0.3.
 * @throws GATEWAY_REMOTE_UNREADABLE and what `join` throws
 */
export async function bringAgent(options: BringOptions): Promise<BroughtAgent> {
  const { env, url } = options;
  const id = agentKey(options.id);
  let remote = await reach(options);
  const forwarder = new Forwarder({
    env,
    url,
    client: () => remote.client,
    streams: () => remote.card.capabilities?.streaming === true,
    links: options.links ?? memoryTaskLinks(),
    pollMs: options.pollMs ?? 1_000,
    looks: options.looks ?? 6,
  });
  const member = await options.join({
    id,
    card: onBus(remote.card, id, options.mqttUrl),
    executor: forwarder,
  });
  return {
    id,
    member,
    async refresh() {
      remote = await reach(options);
      member.updateCard(onBus(remote.card, id, options.mqttUrl));
    },
    async close() {
      forwarder.close();
      await member.close();
    },
  };
}

/** The card as the bus sees it. Its signatures were made over other addresses. */
function onBus(card: AgentCard, id: string, mqttUrl: string): AgentCard {
  const { name, description, version } = card;
  const own = agentCard({ id, name, description, version, skills: [], mqttUrl });
  return {
    ...card,
    supportedInterfaces: own.supportedInterfaces,
    // Streams, push and its configurations are the bus member's, whatever the agent has over there.
    capabilities: {
      streaming: true,
      pushNotifications: false,
      extendedAgentCard: false,
      extensions: card.capabilities?.extensions ?? [],
    },
    securitySchemes: {},
    securityRequirements: [],
    signatures: [],
  };
}

/** Reads the card and makes a client for it. */
async function reach(options: BringOptions): Promise<{ card: AgentCard; client: Client }> {
  const { url, fetch: fetchImpl = fetch } = options;
  const unreadable = (problem: string, cause?: unknown) =>
    fail('GATEWAY_REMOTE_UNREADABLE', { url, problem }, { cause });
  try {
    const resolver = new DefaultAgentCardResolver({ fetchImpl: boundedFetch(fetchImpl, options), ...LEGACY });
    const raw = await (url.endsWith('.json') ? resolver.resolve(url, '') : resolver.resolve(url));
    const card = AgentCard.fromJSON(raw);
    if (card.name === '') throw unreadable('it is no agent card');
    const trusted = new Set([new URL(url).origin, ...(options.origins ?? [])]);
    // A card must not send us anywhere it likes.
    card.supportedInterfaces = card.supportedInterfaces.filter((at) => trusted.has(originOf(at.url)));
    if (card.supportedInterfaces.length === 0) throw unreadable('its card names no address of this origin');
    const transports = [
      new JsonRpcTransportFactory({ fetchImpl, ...LEGACY }),
      new RestTransportFactory({ fetchImpl, ...LEGACY }),
    ];
    return { card, client: await new ClientFactory({ transports }).createFromAgentCard(card) };
  } catch (error) {
    if (error instanceof NetAgentError) throw error;
    throw unreadable(error instanceof Error ? error.message : String(error), error);
  }
}

/** Reads no more than a card, and waits no longer than for one. */
function boundedFetch(fetchImpl: typeof fetch, { env }: BringOptions): typeof fetch {
  return async (input, init) => {
    const late = new AbortController();
    const timer = env.clock.setTimeout(() => late.abort(new Error('no answer in time')), CARD_MS);
    try {
      const response = await fetchImpl(input, { ...init, signal: late.signal });
      const chunks: Uint8Array[] = [];
      let size = 0;
      for await (const chunk of response.body ?? []) {
        size += chunk.length;
        if (size > CARD_BYTES) throw new Error(`it is larger than ${CARD_BYTES} bytes`);
        chunks.push(chunk);
      }
      const { status, headers } = response;
      return new Response(Buffer.concat(chunks), {
        status,
        headers: { 'content-type': headers.get('content-type') ?? '' },
      });
    } finally {
      env.clock.clearTimeout(timer);
    }
  };
}

function originOf(url: string): string {
  try {
    return new URL(url).origin;
  } catch {
    return '';
  }
}
