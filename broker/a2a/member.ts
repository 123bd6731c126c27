import type { AgentCard } from '@a2a-js/sdk';
import { type Client, ClientFactory } from '@a2a-js/sdk/client';
import { UnsupportedOperationError } from '@a2a-js/sdk/errors';
import type { AgentExecutor, ServerCallContext } from '@a2a-js/sdk/server';
import type { JWK } from 'jose';
import { lightActor } from '../../machines/light.ts';
import type { Env } from '../../machines/ports.ts';
import { presenceMachine } from '../../machines/protocols/presence.machine.ts';
import type { Bus } from '../embedded/host.ts';
import { failBus } from '../errors.ts';
import { cardJson, withExtension } from './card.ts';
import { mqttTransportFactory } from './client-transport.ts';
import { type AgentPresence, Discovery } from './discovery.ts';
import { Exchange, type ExchangeTimers, PROFILE_TIMERS } from './exchange.ts';
import { openLink } from './link.ts';
import { poolCard, servesPool } from './pools/members.ts';
import { Routes } from './pools/routes.ts';
import { PROPERTY } from './properties.ts';
import { type EventPublisher, PushDelivery, type PushStore } from './push/delivery.ts';
import type { TargetPolicy } from './push/target.ts';
import { Responder } from './responder.ts';
import type { Admission, Standing } from './security/admission.ts';
import { bearerAuthenticator, type TokenPolicy } from './security/bearer.ts';
import { signCard } from './security/card-signature.ts';
import { type Encryption, encryptionExtension, encryptionKeyOf, Ubsp } from './security/ubsp.ts';
import type { TaskLedger, TaskRecord } from './tasks/ledger.ts';
import { memoryLedger } from './tasks/memory-ledger.ts';
import { type Recovery, TaskService } from './tasks/service.ts';
import {
  type AgentId,
  agentKey,
  DISCOVERY_FILTER,
  discoveryTopic,
  eventTopic,
  parseAgentId,
  parseTopic,
  poolKey,
  replyTopic,
  requestTopic,
  unitFilter,
} from './topics.ts';

export interface JoinOptions {
  id: AgentId | string;
  /** The embedded bus, or the URL of any MQTT 5 broker. */
  via: Bus | string;
  card: AgentCard;
  /**
   * `all`: the cards of everybody, as `agents` and `onPresence` need it. `named`: only of those that `client`
   * names, which is what thousands of agents on one bus can afford. `all` if absent.
   */
  discovers?: 'all' | 'named';
  /** Serves requests; without it the member only asks. */
  executor?: AgentExecutor;
  /** The tasks of this agent; in memory if absent. */
  ledger?: TaskLedger;
  /** What becomes of tasks that a killed process left behind; `fail` if absent. */
  recovery?: (record: TaskRecord) => Recovery;
  /** Push notifications, if the card offers them; only over the same ledger. */
  push?: { store?: PushStore; targets?: TargetPolicy };
  /** The card for a caller; undefined if there is none for it. */
  extendedCard?: (context: ServerCallContext) => AgentCard | undefined;
  /** Judges the cards of others; without it everybody may be asked. */
  admission?: Admission;
  /** Private key (JWK with `kid` and `alg`) that signs the card. */
  cardKey?: JWK;
  /**
   * Payloads that the broker cannot read; the key of an agent is that of its card. Nothing goes in plain words
   * unless `required` is false: who can take a card away could otherwise take the encryption away.
   */
  encryption?: Pick<Encryption, 'key' | 'required'>;
  /** Streams bring whole artifacts of bytes as bytes, not as base64, where the other side can. */
  binaryArtifacts?: boolean;
  /** What each request has to bring; without it the identity of the connection is believed. */
  tokens?: TokenPolicy;
  /** A token for requests to an agent; it travels only where nobody can read along. */
  token?: (agent: string) => Promise<string | undefined>;
  /** How long cancelled work may take to clean up before the task ends as canceled anyway, ms. */
  cancelGraceMs?: number;
  env: Env;
  timers?: Partial<ExchangeTimers>;
  /** How long `joinBus` and `client` wait for a connection or a card, ms. */
  patienceMs?: number;
}

export interface BusMember {
  /** `org/unit/agent` */
  id: string;
  /**
   * A client of that agent, or of a pool (`org/unit/pool/name`).
   * @throws BUS_AGENT_UNKNOWN, BUS_AGENT_UNAPPROVED, BUS_AGENT_UNTRUSTED
   */
  client(agent: AgentId | string | AgentCard): Promise<Client>;
  /** Everybody whose card is on the bus, by id. */
  agents(): AgentPresence[];
  /** What is known of an agent beside its card; undefined where cards are not judged. */
  standing(id: string): Standing | undefined;
  /** Returns the way to stop listening. */
  onPresence(listener: (presence: AgentPresence) => void): () => void;
  /** Publishes a changed card. */
  updateCard(card: AgentCard): void;
  /** Says offline, then leaves. Open calls end with BUS_CLOSED. Idempotent. */
  close(): Promise<void>;
}

/**
 * Joins a bus under an id: announces the card, answers requests with `executor`, and can ask others.
 * Resolves when the member is online. @throws BUS_ID_INVALID, BUS_REFUSED, BUS_UNREACHABLE, BUS_CLOSED
 */
export async function joinBus(options: JoinOptions): Promise<BusMember> {
  const { env, via } = options;
  const key = agentKey(options.id);
  const patienceMs = options.patienceMs ?? 10_000;
  const { admission, cardKey } = options;
  const { encryption } = options;
  const signed = async (given: AgentCard) => {
    const plain = encryption === undefined ? given : withExtension(given, encryptionExtension(encryption));
    return cardKey === undefined ? plain : signCard(plain, cardKey);
  };
  let card = await signed(options.card);
  const published = (status: 'online' | 'offline', source: 'agent' | 'lwt') => ({
    topic: discoveryTopic(key),
    payload: JSON.stringify(cardJson(card)),
    retain: true,
    properties: {
      contentType: 'application/json',
      payloadFormatIndicator: true,
      userProperties: { [PROPERTY.status]: status, [PROPERTY.statusSource]: source },
    },
  });
  const will = published('offline', 'lwt');
  const link = openLink({
    clientId: key,
    via,
    log: env.log,
    will: { ...will, payload: Buffer.from(will.payload), qos: 1 },
  });

  const replies = replyTopic(key, env.ids.uuid());
  const watched = new Set<string>(options.discovers === 'named' ? [] : [DISCOVERY_FILTER]);
  /** Reads cards; what is not granted now is asked for again at the next announcement. */
  const watch = async (filter: string) => {
    if (watched.has(DISCOVERY_FILTER) || watched.has(filter)) return;
    const wanted = watched.size < MAX_WATCHED ? filter : DISCOVERY_FILTER;
    watched.add(wanted);
    await link.subscribe([wanted]).catch((error) => {
      env.log.debug({ member: key, problem: String(error) }, 'cards cannot be read now');
    });
  };
  const discovery = new Discovery(env, admission);
  const keyOf = async (agent: string) => {
    if (parseAgentId(agent) === null) return undefined;
    await watch(discoveryTopic(agent));
    const found = await discovery.card(agent, KEY_PATIENCE_MS).catch(() => undefined);
    return found === undefined || admission?.refuses(agent) ? undefined : encryptionKeyOf(found);
  };
  const ubsp =
    encryption === undefined ? undefined : new Ubsp(key, { required: true, ...encryption, keyOf }, env);
  const asking = lazily(() => {
    const timers = { ...PROFILE_TIMERS, ...options.timers };
    const exchange = new Exchange({ env, ubsp, link, replyTopic: replies, timers });
    const { token, binaryArtifacts } = options;
    const routes = new Routes((agent) => discovery.isAway(agent));
    const transport = mqttTransportFactory({ exchange, ids: env.ids, routes, token, binaryArtifacts });
    return { exchange, factory: new ClientFactory({ transports: [transport] }) };
  });
  const serving = lazily(() => {
    const ledger = options.ledger ?? memoryLedger();
    const events: EventPublisher = {
      topic: eventTopic(key),
      publish: (payload, userProperties) =>
        link.publish({
          topic: eventTopic(key),
          payload,
          properties: { contentType: 'application/a2a+json', payloadFormatIndicator: true, userProperties },
        }),
    };
    const push =
      options.push === undefined ? undefined : new PushDelivery({ env, ledger, events, ...options.push });
    const service = new TaskService({
      env,
      card: () => card,
      executor: options.executor ?? asksOnly,
      ledger,
      push,
      extendedCard: options.extendedCard,
      cancelGraceMs: options.cancelGraceMs,
    });
    const authenticate =
      options.tokens === undefined ? undefined : bearerAuthenticator(options.tokens, env.clock);
    return { push, service, responder: new Responder({ env, link, service, ubsp, authenticate }) };
  });
  link.onMessage((message) => {
    const use = parseTopic(message.topic)?.use;
    if (use === 'reply') asking().exchange.receive(message);
    else if (use === 'request') serving().responder.receive(message);
    else if (use === 'discovery') discovery.receive(message);
  });

  let problem = 'no answer';
  let left: () => void = () => undefined;
  const isOff = new Promise<void>((resolve) => {
    left = resolve;
  });
  let settled: (failure?: Error) => void = () => undefined;
  const online = new Promise<void>((resolve, reject) => {
    const timer = env.clock.setTimeout(() => {
      settled(failBus('BUS_UNREACHABLE', { url: typeof via === 'string' ? via : via.mqttUrl, problem }));
    }, patienceMs);
    settled = (failure) => {
      env.clock.clearTimeout(timer);
      if (failure === undefined) resolve();
      else reject(failure);
      settled = () => undefined;
    };
  });
  const presence = lightActor(presenceMachine, {
    input: undefined,
    clock: env.clock,
    actors: {
      announce: async () => {
        await link.subscribe([requestTopic(key), replies, ...watched]);
        await link.publish(published('online', 'agent'));
      },
      withdraw: () => link.publish(published('offline', 'agent')),
    },
    actions: { countUnexpected: () => env.log.debug({ member: key }, 'unexpected presence event') },
    changed: (state) => {
      if (state === 'online') settled();
      if (state === 'refused') settled(failBus('BUS_REFUSED', { id: key, problem }));
    },
    ended: (error) => {
      if (error !== undefined) settled(error instanceof Error ? error : new Error(String(error)));
      left();
    },
  }).start();
  link.onState((state) => {
    if (state.type === 'REFUSED') problem = state.problem;
    if (state.type === 'LOST') problem = 'the connection is refused or lost';
    if (state.type === 'CONNECTED' && !state.resumed) asking.made?.exchange.reconnected();
    presence.send({ type: state.type });
  });
  try {
    await online;
  } catch (error) {
    presence.stop();
    await link.end();
    throw error;
  }

  let closing: Promise<void> | undefined;
  // Not before the caller has the member in hand: what runs again may ask others by it.
  env.clock.setTimeout(() => {
    if (closing !== undefined || (options.ledger === undefined && options.push === undefined)) return;
    const recovered = serving().service.recover(options.recovery ?? (() => 'fail'));
    if (recovered > 0) env.log.info({ member: key, tasks: recovered }, 'tasks taken up after a restart');
  }, 0);
  const admit = async (id: string, client: Promise<Client>) => {
    const refusal = admission?.refuses(id) ?? null;
    if (refusal !== null) throw refusal;
    return client;
  };
  const clients = new Map<string, { made: Promise<Client>; card: string }>();
  // A client holds the card it was made with.
  discovery.onPresence(({ id, card }) => {
    if (clients.get(id)?.card !== JSON.stringify(card)) clients.delete(id);
  });

  return {
    id: key,
    async client(agent) {
      if (closing !== undefined) throw failBus('BUS_CLOSED');
      if (typeof agent !== 'string' && 'supportedInterfaces' in agent)
        return asking().factory.createFromAgentCard(agent);
      const pool = typeof agent === 'string' ? poolKey(agent) : null;
      if (pool !== null) {
        await watch(unitFilter(pool));
        const serves = (presence: AgentPresence) =>
          servesPool(presence, pool) && !admission?.refuses(presence.id);
        const one = await discovery.find(serves, pool, patienceMs);
        return asking().factory.createFromAgentCard(poolCard(pool, one.card));
      }
      const id = agentKey(agent);
      const kept = clients.get(id);
      if (kept !== undefined) return admit(id, kept.made);
      await watch(discoveryTopic(id));
      const found = await discovery.card(id, patienceMs);
      const made = clients.get(id)?.made ?? asking().factory.createFromAgentCard(found);
      clients.set(id, { made, card: JSON.stringify(found) });
      return admit(id, made);
    },
    agents: () => discovery.list(),
    onPresence: (listener) => discovery.onPresence(listener),
    standing: (id) => admission?.standing(id),
    updateCard(changed) {
      signed(changed).then(
        (each) => {
          card = each;
          presence.send({ type: 'CARD_CHANGED' });
        },
        (error) => env.log.error({ member: key, problem: String(error) }, 'the card cannot be signed'),
      );
    },
    close() {
      closing ??= (async () => {
        serving().responder.drain();
        asking.made?.exchange.close();
        presence.send({ type: 'LEAVE' });
        await isOff;
        await serving().push?.close();
        await link.end();
      })();
      return closing;
    },
  };
}

/** Made with the first use: most agents of a crowd are neither asked nor ask, for most of the time. */
function lazily<T>(make: () => T): { (): T; made?: T } {
  const get: { (): T; made?: T } = () => {
    get.made ??= make();
    return get.made;
  };
  return get;
}

/** How long the card of who has to be encrypted for is waited for, ms. */
const KEY_PATIENCE_MS = 2_000;

/** Single cards that are watched; beyond it all are. */
const MAX_WATCHED = 50;

/** A member that only asks refuses what it is asked. */
const asksOnly: AgentExecutor = {
  execute: () => Promise.reject(new UnsupportedOperationError('This agent takes no tasks.')),
  cancelTask: () => Promise.resolve(),
};
