import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { AedesOptions, AedesPublishPacket, Client, PublishPacket } from 'aedes';
import type { Clock, Log } from '../../machines/ports.ts';
import { parseTopic } from '../a2a/topics.ts';
import { asksForReply, isWellFormed, mayReceive, refusesPublish, refusesSubscribe } from './access.ts';
import type { QueuedPacket } from './delivery-queue.ts';
import {
  type Identity,
  type IdentityProvider,
  type Member,
  openOnLoopback,
  type Verdict,
} from './identity.ts';
import type { LocalLane } from './lane.ts';
import type { SessionLimits } from './limits.ts';
import { type GuardLimits, PerMinute, PerSecond } from './limits.ts';
import { Outbox } from './outbox.ts';
import { addressOf, certificateOf } from './peer.ts';
import type { Sessions } from './sessions.ts';
import { sizeOf, stamp } from './stamp.ts';

/** Refusals and drops since the start, by reason. */
export type GuardCounts = ReadonlyMap<string, number>;

export interface Guard {
  hooks: Required<
    Pick<
      AedesOptions,
      'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
    >
  >;
  counts(): GuardCounts;
  /** Decides whether a connection from outside may begin; asked before a byte is read. */
  admits(stream: Duplex, request?: IncomingMessage): boolean;
  /** Notes a connection that broke off before it said who it is. */
  failed(stream: Duplex, request?: IncomingMessage): void;
  /** Notes a connection that was cut because it did not read. */
  slow(client: Client): void;
  /** Decides whether a filter of a SUBSCRIBE is kept with the session. */
  accepts(client: object, filter: string): boolean;
  count(reason: string): void;
  /** Notes an acknowledgement of a delivered message. */
  acknowledged(client: Client): void;
  /** Forgets a connection; call when the broker reports its end. */
  forget(client: Client): void;
}

export interface GuardOptions {
  identity: IdentityProvider;
  log: Log;
  clock: Clock;
  limits: GuardLimits & SessionLimits;
  sessions: Sessions;
  /** The role of a link made inside this process, by the broker's end of it; undefined for all others. */
  inProcess(stream: Duplex): Member['role'] | undefined;
  /** Of a link in this process that takes its messages by reference. */
  laneOf(client: Client): LocalLane | undefined;
}

/** Seconds that a session outlives its connection when a client wants to resume and gives no time. */
const DEFAULT_SESSION_EXPIRY = 60;
/** Reply topics that one client may have open at once; the oldest is forgotten beyond it. */
const MAX_OPEN_REPLIES = 4_096;

/** CONNACK codes that the broker maps to 0x85, 0x86 and 0x87. */
const RETURN_CODE = { identifier: 2, credentials: 4, policy: 5 } as const;
/** Longest keep alive, s: a client that is gone is noticed within one and a half times that. */
export const KEEP_ALIVE_LIMIT_S = 300;
const isWithin = (keepalive = 0) => keepalive > 0 && keepalive <= KEEP_ALIVE_LIMIT_S;
/** MQTT 5, 2.4. */
const MESSAGE_RATE_TOO_HIGH = 0x96;

type AuthenticateError = Parameters<Parameters<NonNullable<AedesOptions['authenticate']>>[3]>[0];
/** Fields of a connection that the pinned `aedes` has and does not declare. */
type ClientState = {
  subscriptions?: object;
  clean: boolean;
  sessionExpiryInterval: number;
  _sessionExpiryClamped?: boolean;
  _will?: PublishPacket | null;
  _nextId: number;
};
const stateOf = (client: Client) => client as unknown as ClientState;

/**
 * The policy of the embedded broker, and the defence against the known defects of the pinned release
 * of `aedes`. What it decides, in the default mode (open on loopback):
 *
 * - **Agents** are MQTT 5 clients whose id is `org/unit/agent`. An agent may publish its own card
 *   (retained, JSON, at most 64 KiB), its own events, requests to anybody whose Response Topic is its
 *   own, and replies where it was asked. It may subscribe to its own request topic and reply prefix,
 *   and to anybody's cards and events.
 * - **Guests** are clients without an agent id: an id assigned by the broker, or the one that a known
 *   tool makes up (`mosq-...`, `mqttjs_...`), in MQTT 5 or 3.1.1. A guest may read discovery and nothing
 *   else, keeps no session and has no will. So `mosquitto_sub -V 5 -t '$a2a/v1/discovery/+/+/+'` works
 *   as it is; `mosquitto_rr` needs `-i org/unit/agent` and a reply topic under that id.
 * - **Everybody else** is refused with 0x85, so no id or filter can equal a name of Object.prototype,
 *   which would end the process.
 * - A **dispatcher** is an agent that also reads the topics of pools and asks in the name of others; the
 *   runtime makes one inside the process, or the credentials say so.
 * - Requests carry the caller's id in `a2a-client-id`, written here over whatever the caller sent.
 * - An id held from inside the process cannot be taken over from outside.
 * - Every delivery is checked again, since the broker stores all filters of a mixed SUBSCRIBE.
 *
 * Every refusal is counted and is one line of the log: who, from where, what, why; never a secret.
 */
export function createGuard(options: GuardOptions): Guard {
  const { identity, log, clock, limits, sessions, inProcess, laneOf } = options;
  const counts = new Map<string, number>();
  const identities = new WeakMap<object, Identity>();
  const assigned = new WeakSet<Client>();
  const givenExpiry = new WeakSet<Client>();
  const cutOff = new WeakSet<Client>();
  const writing = new WeakMap<Client, Promise<void>>();
  const local = new Map<string, Client>();
  const openReplies = new Map<string, Set<string>>();
  const rates = new WeakMap<Client, PerSecond>();
  const failures = new PerMinute();
  const cards = new PerMinute();
  const trusted = openOnLoopback();
  const outbox = new Outbox({
    sessions,
    limits,
    count: (reason) => void count(reason),
    cut: (client) => cut(client, 'slow-subscriber'),
  });

  const count = (reason: string) => counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const note = (action: string, reason: string, client: Client | null, topic?: string) => {
    count(action === 'connect' ? `connect-${reason}` : reason);
    const address = client === null ? undefined : addressOf(client.conn as Duplex, client.req);
    const about = { action, reason, client: client?.id?.slice(0, 200), address };
    log.warn(
      topic === undefined ? about : { ...about, topic: topic.slice(0, 200) },
      'refused by the bus guard',
    );
  };
  const fail = (stream: Duplex, request?: IncomingMessage) => {
    const address = addressOf(stream, request);
    if (address !== undefined) failures.add(address, clock.now());
  };
  const cut = (client: Client, reason: 'slow-subscriber' | 'publish-rate') => {
    if (cutOff.has(client)) return;
    cutOff.add(client);
    note('cut', reason, client);
    if (reason === 'publish-rate') client.disconnect({ reasonCode: MESSAGE_RATE_TOO_HIGH });
    // A socket that is full takes no DISCONNECT.
    else client.conn.destroy(new Error('BUS_SLOW_SUBSCRIBER'));
  };
  const remember = (key: string, topic: string) => {
    const open = openReplies.get(key) ?? new Set<string>();
    openReplies.set(key, open);
    open.delete(topic);
    open.add(topic);
    if (open.size > MAX_OPEN_REPLIES) open.delete(open.values().next().value as string);
  };
  const isMember = (who: Identity | undefined): who is Member => who !== undefined && who.role !== 'guest';
  const refusal = (who: Identity, packet: PublishPacket) =>
    refusesPublish(
      who,
      { ...packet.properties, topic: packet.topic, retain: packet.retain, payload: packet.payload },
      (topic) => isMember(who) && (openReplies.get(who.key)?.has(topic) ?? false),
    );

  async function admit(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
  ): Promise<Verdict> {
    const given = inProcess(client.conn as Duplex);
    const own = given !== undefined;
    if (username !== undefined && !isWellFormed(username)) return { role: 'refused', reason: 'credentials' };
    const verdict = await (own ? trusted : identity).identify({
      clientId: client.id,
      assigned: assigned.has(client),
      protocolVersion: client.version,
      username,
      password,
      certificate: certificateOf(client.conn as Duplex, client.req),
      inProcess: own,
    });
    if (verdict.role === 'refused' || verdict.role === 'guest') return verdict;
    // Whatever a provider says: a connection acts under its own id and no other.
    if (verdict.key !== client.id) return { role: 'refused', reason: 'policy' };
    const who: Member = { role: own ? given : verdict.role, key: verdict.key };
    const will = stateOf(client)._will;
    if (will && refusal(who, will) !== null) return { role: 'refused', reason: 'policy' };
    if (!own) return local.has(who.key) ? { role: 'refused', reason: 'policy' } : who;
    local.set(who.key, client);
    return who;
  }

  /** Limits that depend on what the broker holds, for a message that the sender may publish. */
  const overLimit = (who: Member, client: Client, { topic, retain, payload, qos }: PublishPacket) => {
    const own = inProcess(client.conn as Duplex) !== undefined;
    if (retain && payload.length > 0) {
      const before = sessions.retained.get(topic);
      if (before === undefined && sessions.retained.size >= limits.maxRetained) return 'retained-full';
      // A change of presence repeats the card: that is no registration.
      const isSame = before !== undefined && Buffer.from(payload).equals(Buffer.from(before.payload));
      if (!own && !isSame && parseTopic(topic)?.use === 'discovery') {
        if (cards.add(who.key, clock.now()) > limits.maxCardsPerMinute) return 'card-rate';
      }
    }
    // The sender of a request hears at once that the receiver has too much waiting. Of cards and events
    // the oldest give way.
    const isDirect = asksForReply(topic) || parseTopic(topic)?.use === 'reply';
    return qos > 0 && isDirect && sessions.isFull(topic) ? 'queue-full' : null;
  };

  return {
    hooks: {
      // Edits only: an error here would close the connection without a CONNACK.
      preConnect(client, packet, done) {
        // The release looks filters up in a plain object: `constructor` would be found there.
        const held = stateOf(client).subscriptions;
        if (held !== undefined) Object.setPrototypeOf(held, null);
        if (packet.clientId === '') assigned.add(client);
        // The release refuses a longer one by a return code that MQTT 3.1.1 does not have (3.2.2.3).
        if (packet.protocolVersion !== 5 && !isWithin(packet.keepalive))
          packet.keepalive = KEEP_ALIVE_LIMIT_S;
        if (packet.protocolVersion === 5 && packet.clean === false) {
          const properties = packet.properties ?? {};
          // Without an expiry the release resumes the session but drops its queue.
          if (!properties.sessionExpiryInterval) {
            properties.sessionExpiryInterval = DEFAULT_SESSION_EXPIRY;
            // MQTT-3.2.2-21: told in the CONNACK when it is not what the client asked for.
            givenExpiry.add(client);
          }
          packet.properties = properties;
        }
        done(null, true);
      },

      authenticate(client, username, password, done) {
        const state = stateOf(client);
        if (givenExpiry.delete(client)) state._sessionExpiryClamped = true;
        const refuse = (reason: keyof typeof RETURN_CODE) => {
          note('connect', reason, client);
          fail(client.conn as Duplex, client.req);
          const error = Object.assign(new Error(`BUS_REFUSED ${reason}`), {
            returnCode: RETURN_CODE[reason],
          });
          done(error as unknown as AuthenticateError, false);
        };
        admit(client, username, password).then(
          (verdict) => {
            if (verdict.role === 'refused') return refuse(verdict.reason);
            identities.set(client, verdict);
            if (verdict.role === 'guest') {
              if (client.version === 5 && !client.clean) state._sessionExpiryClamped = true;
              Object.assign(state, { clean: true, sessionExpiryInterval: 0, _will: null });
            }
            done(null, true);
          },
          (error) => {
            log.error({ problem: String(error) }, 'identity provider failed');
            refuse('policy');
          },
        );
      },

      authorizePublish(client, packet, done) {
        const refuse = (reason: string) => {
          note('publish', reason, client, packet.topic);
          done(new Error('BUS_REFUSED')); // the text reaches the client as Reason String
        };
        // A will outlives its connection: then there is no client, and only cards are published so.
        const name = parseTopic(packet.topic);
        const isWill = client === null || client.closed;
        const who: Identity | undefined =
          client === null
            ? name?.use === 'discovery'
              ? { role: 'agent', key: name.owner }
              : undefined
            : identities.get(client);
        const reason = who === undefined ? 'foreign-topic' : refusal(who, packet);
        if (reason !== null || !isMember(who)) return refuse(reason ?? 'foreign-topic');
        // MQTT-3.3.2.3: not a property of PUBLISH, yet the release copies it from the will.
        if (packet.properties !== undefined) {
          delete (packet.properties as { willDelayInterval?: number }).willDelayInterval;
        }
        if (asksForReply(packet.topic)) stamp(packet, who);
        if (isWill) return done(null);

        if (inProcess(client.conn as Duplex) === undefined) {
          const rate = rates.get(client) ?? new PerSecond(limits.maxPublishesPerSecond, clock.now());
          rates.set(client, rate);
          if (!rate.take(clock.now())) {
            cut(client, 'publish-rate');
            return done(new Error('BUS_REFUSED'));
          }
        }
        const over = overLimit(who, client, packet);
        if (over !== null) return refuse(over);
        (packet as QueuedPacket).clientId = client.id; // lets "no local" hold for what is queued
        const journaled = packet.qos === 1 ? sessions.journal(packet) : null;
        const before = writing.get(client);
        if (journaled === null && before === undefined) return done(null);
        // MQTT 4.6: what this client sent first goes on first, though only that had to be written.
        const written = Promise.all([journaled, before?.catch(() => undefined)]).then(() => undefined);
        writing.set(client, written);
        const settle = () => {
          if (writing.get(client) === written) writing.delete(client);
        };
        written.then(
          () => {
            settle();
            done(null);
          },
          (error) => {
            settle();
            log.error({ problem: String(error) }, 'the sessions of the bus cannot be written');
            refuse('not-journaled');
          },
        );
      },

      authorizeSubscribe(client, subscription, done) {
        const who = identities.get(client);
        const held = Object.keys(stateOf(client).subscriptions ?? {});
        const reason =
          who === undefined
            ? 'guest'
            : (refusesSubscribe(who, subscription.topic) ??
              (held.length >= limits.maxSubscriptions && !held.includes(subscription.topic)
                ? 'too-many-subscriptions'
                : null));
        if (reason === null) return done(null, subscription);
        note('subscribe', reason, client, subscription.topic);
        done(null, null);
      },

      authorizeForward(client, packet) {
        const who = identities.get(client);
        const drop = (reason: string) => {
          count(reason);
          sessions.discard(client.id, packet as QueuedPacket);
          return null;
        };
        if (who === undefined || !mayReceive(who, packet.topic)) return drop('delivery-foreign');
        const limit = client.maximumPacketSize;
        if (limit !== undefined && sizeOf(packet) > limit) {
          log.warn(
            { client: client.id, topic: packet.topic, limit },
            'message larger than the client accepts',
          );
          return drop('delivery-too-large');
        }
        if (client.conn.writableLength > limits.maxBufferedBytes) {
          cut(client, 'slow-subscriber');
          return null; // what is queued for it stays, up to the limits of its session
        }
        const reply = packet.properties?.responseTopic;
        // Only of a request: a card or event with a Response Topic gives nobody leave to write there.
        if (reply !== undefined && isMember(who) && asksForReply(packet.topic)) remember(who.key, reply);
        if (laneOf(client)?.takes(packet)) return null;
        if (sessions.isResent(packet)) packet.dup = true;
        if (outbox.holds(client, packet)) return null;
        return numbered(client, packet);
      },
    },

    counts: () => counts,
    count,
    admits(stream, request) {
      const address = addressOf(stream, request);
      if (address === undefined) return true;
      if (failures.count(address, clock.now()) < limits.maxFailuresPerMinute) return true;
      count('connect-rate');
      log.warn({ action: 'connect', reason: 'rate', address }, 'refused by the bus guard');
      return false;
    },
    failed: fail,
    acknowledged: (client) => outbox.acknowledged(client),
    slow: (client) => cut(client, 'slow-subscriber'),
    accepts(client, filter) {
      const who = identities.get(client);
      return who !== undefined && refusesSubscribe(who, filter) === null;
    },
    forget(client) {
      const who = identities.get(client);
      if (isMember(who) && local.get(who.key) === client) local.delete(who.key);
    },
  };

  /** A live retained message to a session that lasts: see `Sessions.identify`. */
  function numbered(client: Client, packet: AedesPublishPacket): AedesPublishPacket {
    if (!packet.retain || client.clean || packet.qos === 0) return packet;
    const isLive = Boolean(packet.brokerId) && packet.messageId === undefined;
    if (!isLive) return packet;
    const state = stateOf(client);
    const messageId = sessions.identify(client.id, packet as QueuedPacket, state._nextId);
    if (messageId === undefined) return packet;
    state._nextId = (messageId % 65_535) + 1;
    return { ...packet, messageId };
  }
}
