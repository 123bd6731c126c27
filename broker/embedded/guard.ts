import type { Duplex } from 'node:stream';
import type { AedesOptions, Client } from 'aedes';
import type { Log } from '../../machines/ports.ts';
import { PROPERTY, readProperties } from '../a2a/properties.ts';
import { parseAgentId, parseTopic } from '../a2a/topics.ts';
import { asksForReply, mayReceive, type Refusal, refusesPublish, refusesSubscribe } from './access.ts';
import type { Identity, IdentityProvider, Member, Verdict } from './identity.ts';

/** Refusals and drops since the start, by reason. */
export type GuardCounts = ReadonlyMap<string, number>;

export interface Guard {
  hooks: Pick<
    AedesOptions,
    'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
  >;
  counts(): GuardCounts;
  /** Forgets a connection; call when the broker reports its end. */
  forget(client: Client): void;
}

export interface GuardOptions {
  identity: IdentityProvider;
  log: Log;
  /** The role of a link made inside this process, by the broker's end of it; undefined for all others. */
  inProcess(stream: Duplex): Member['role'] | undefined;
}

/** Seconds that a session outlives its connection when a client wants to resume and gives no time. */
const DEFAULT_SESSION_EXPIRY = 60;
/** Reply topics that one client may have open at once; the oldest is forgotten beyond it. */
const MAX_OPEN_REPLIES = 4_096;

/** CONNACK codes that the broker maps to 0x85, 0x86 and 0x87. */
const RETURN_CODE = { identifier: 2, credentials: 4, policy: 5 } as const;

type AuthenticateError = Parameters<Parameters<NonNullable<AedesOptions['authenticate']>>[3]>[0];

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
 */
export function createGuard({ identity, log, inProcess }: GuardOptions): Guard {
  const counts = new Map<string, number>();
  const identities = new WeakMap<Client, Identity>();
  const assigned = new WeakSet<Client>();
  const local = new Map<string, Client>();
  const openReplies = new Map<string, Set<string>>();

  const count = (reason: string) => counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const note = (action: string, reason: Refusal, who: string | undefined, topic: string) => {
    count(reason);
    log.warn({ action, reason, client: who, topic: topic.slice(0, 200) }, 'refused by the bus guard');
  };
  const remember = (key: string, topic: string) => {
    const open = openReplies.get(key) ?? new Set<string>();
    openReplies.set(key, open);
    open.delete(topic);
    open.add(topic);
    if (open.size > MAX_OPEN_REPLIES) open.delete(open.values().next().value as string);
  };

  async function admit(
    client: Client,
    username: string | undefined,
    password: Buffer | undefined,
  ): Promise<Verdict> {
    const given = inProcess(client.conn as Duplex);
    const own = given !== undefined;
    const verdict = await identity.identify({
      clientId: client.id,
      assigned: assigned.has(client),
      protocolVersion: client.version,
      username,
      password,
      inProcess: own,
    });
    if (verdict.role === 'guest' || verdict.role === 'refused') return verdict;
    if (!own) return local.has(verdict.key) ? { role: 'refused', reason: 'policy' } : verdict;
    local.set(verdict.key, client);
    return { role: given, key: verdict.key };
  }

  return {
    hooks: {
      // Edits only: an error here would close the connection without a CONNACK.
      preConnect(client, packet, done) {
        // The release looks filters up in a plain object: `constructor` would be found there.
        const held = (client as unknown as { subscriptions?: object }).subscriptions;
        if (held !== undefined) Object.setPrototypeOf(held, null);
        if (packet.clientId === '') assigned.add(client);
        if (packet.protocolVersion === 5 && packet.clean === false) {
          const properties = packet.properties ?? {};
          // Without an expiry the release resumes the session but drops its queue.
          if (!properties.sessionExpiryInterval) properties.sessionExpiryInterval = DEFAULT_SESSION_EXPIRY;
          packet.properties = properties;
        }
        done(null, true);
      },

      authenticate(client, username, password, done) {
        const refuse = (reason: keyof typeof RETURN_CODE) => {
          count(`connect-${reason}`);
          log.warn({ client: client.id.slice(0, 200), reason }, 'connection refused by the bus guard');
          const error = Object.assign(new Error(`BUS_REFUSED ${reason}`), {
            returnCode: RETURN_CODE[reason],
          });
          done(error as unknown as AuthenticateError, false);
        };
        admit(client, username, password).then(
          (verdict) => {
            if (verdict.role === 'refused') return refuse(verdict.reason);
            identities.set(client, verdict);
            done(null, true);
          },
          (error) => {
            log.error({ problem: String(error) }, 'identity provider failed');
            refuse('policy');
          },
        );
      },

      authorizePublish(client, packet, done) {
        // A will outlives its connection: then there is no client, and only cards are published so.
        const name = parseTopic(packet.topic);
        const who: Identity | undefined =
          client === null
            ? name?.use === 'discovery'
              ? { role: 'agent', key: name.owner }
              : undefined
            : identities.get(client);
        const refusal =
          who === undefined
            ? 'foreign-topic'
            : refusesPublish(
                who,
                {
                  topic: packet.topic,
                  retain: packet.retain ?? false,
                  payload: packet.payload,
                  responseTopic: packet.properties?.responseTopic,
                },
                (topic) => who.role !== 'guest' && (openReplies.get(who.key)?.has(topic) ?? false),
              );
        if (refusal !== null || who === undefined) {
          note('publish', refusal ?? 'foreign-topic', client?.id, packet.topic);
          return done(new Error('BUS_REFUSED')); // the text reaches the client as Reason String
        }
        const properties = packet.properties;
        if (properties !== undefined) {
          // MQTT-3.3.2.3: not a property of PUBLISH, yet the release copies it from the will.
          delete (properties as { willDelayInterval?: number }).willDelayInterval;
        }
        if (who.role !== 'guest' && asksForReply(packet.topic)) stamp(packet, who);
        done(null);
      },

      authorizeSubscribe(client, subscription, done) {
        const who = identities.get(client);
        const refusal = who === undefined ? 'guest' : refusesSubscribe(who, subscription.topic);
        if (refusal === null) return done(null, subscription);
        note('subscribe', refusal, client.id, subscription.topic);
        done(null, null);
      },

      authorizeForward(client, packet) {
        const who = identities.get(client);
        if (who === undefined || !mayReceive(who, packet.topic)) {
          count('delivery-foreign');
          return null;
        }
        const limit = client.maximumPacketSize;
        if (limit !== undefined && sizeOf(packet) > limit) {
          count('delivery-too-large');
          log.warn(
            { client: client.id, topic: packet.topic, limit },
            'message larger than the client accepts',
          );
          return null;
        }
        const reply = packet.properties?.responseTopic;
        // Only of a request: a card or event with a Response Topic gives nobody leave to write there.
        if (reply !== undefined && who.role !== 'guest' && asksForReply(packet.topic)) {
          remember(who.key, reply);
        }
        return packet;
      },
    },
    counts: () => counts,
    forget(client) {
      const who = identities.get(client);
      if (who !== undefined && who.role !== 'guest' && local.get(who.key) === client) local.delete(who.key);
    },
  };
}

/** Writes who asks over whatever was sent; a dispatcher says for whom it asks. */
function stamp(
  packet: Parameters<NonNullable<AedesOptions['authorizePublish']>>[1],
  { role, key }: Member,
): void {
  const sent = readProperties(packet.properties?.userProperties)[PROPERTY.clientId];
  const asker = role === 'dispatcher' && sent !== undefined && parseAgentId(sent) !== null ? sent : key;
  const kept = Object.entries(packet.properties?.userProperties ?? {}).filter(
    ([name]) => name.toLowerCase() !== PROPERTY.clientId,
  );
  packet.properties = {
    ...packet.properties,
    userProperties: { ...Object.fromEntries(kept), [PROPERTY.clientId]: asker },
  };
}

/** Payload, topic and an allowance for the properties; the exact size is known only after encoding. */
function sizeOf(packet: {
  topic: string;
  payload: Buffer | string;
  properties?: object | undefined;
}): number {
  const properties = packet.properties === undefined ? 0 : JSON.stringify(packet.properties).length;
  return Buffer.byteLength(packet.payload) + Buffer.byteLength(packet.topic) + properties + 16;
}
