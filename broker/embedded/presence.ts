import type { Aedes, PublishPacket } from 'aedes';
import type { Clock, Log } from '../../machines/ports.ts';
import { PROPERTY, readProperties } from '../a2a/properties.ts';
import { discoveryTopic, parseAgentId, parseTopic } from '../a2a/topics.ts';
import type { QueuedPacket } from './delivery-queue.ts';
import { EARLIER } from './restore.ts';
import type { Sessions } from './sessions.ts';

export interface PresenceOptions {
  broker: Aedes;
  sessions: Sessions;
  clock: Clock;
  log: Log;
  /** Milliseconds in which agents of an earlier process may come back. */
  rejoinMs: number;
}

export interface Presence {
  /** Sets the cards of all who are not there offline in what is kept, without telling anybody. */
  settle(): void;
  stop(): void;
}

const SWEEP_MS = 10_000;

/**
 * The broker-managed status of the profile: a card says offline, from the source `broker`, when its agent is
 * gone and did not say so itself, nor by its will. Also ends what outlived the process that knew its time:
 * sessions, retained messages, wills.
 */
export function keepPresence({ broker, sessions, clock, log, rejoinMs }: PresenceOptions): Presence {
  const publish = (packet: PublishPacket) =>
    new Promise<void>((resolve) => {
      broker.publish(packet, (error) => {
        if (error) log.warn({ topic: packet.topic, problem: error.message }, 'status not published');
        resolve();
      });
    });
  const isThere = (key: string) => sessions.online.has(key);
  // A will that waits for its delay says it in its time (MQTT 3.1.3.2.2).
  const hasWillToCome = (key: string) =>
    (broker as unknown as { delayedWills: Map<string, unknown> }).delayedWills.has(key);

  const settleOne = (key: string) => {
    if (broker.closed || isThere(key) || hasWillToCome(key)) return;
    const offline = offlineCard(sessions.retained.get(discoveryTopic(key)));
    if (offline !== undefined) void publish(offline);
  };
  broker.on('clientDisconnect', ({ id }) => {
    // A connection that takes the session over is registered by then.
    if (parseAgentId(id) !== null) setImmediate(() => settleOne(id));
  });

  const publishWill = (client: string) => {
    const will = sessions.deleteWill(client);
    if (will === undefined) return;
    broker.authorizePublish(null, will, (error) => {
      if (!error) void publish(will);
    });
  };

  const timers: unknown[] = [];
  const later = (ms: number, work: () => void) => {
    timers.push(clock.setTimeout(work, ms));
  };
  const gone = [...sessions.wills].flatMap(([client, { brokerId }]) =>
    brokerId === EARLIER ? [client] : [],
  );
  const cards = [...sessions.retained.keys()].flatMap((topic) => {
    const name = parseTopic(topic);
    return name?.use === 'discovery' ? [name.owner] : [];
  });
  if (gone.length + cards.length > 0) {
    later(rejoinMs, () => {
      // MQTT 3.1.2.5: wills of clients that a failed server knew may be published after its restart.
      for (const client of gone) if (!isThere(client)) publishWill(client);
      for (const key of cards) settleOne(key);
    });
  }

  const sweep = () => {
    const now = clock.now();
    for (const client of sessions.expired(now)) sessions.forget(client);
    for (const [topic, { messageExpiry }] of sessions.retained) {
      if (messageExpiry !== undefined && messageExpiry <= now) {
        sessions.retain({ topic, payload: Buffer.alloc(0) } as QueuedPacket);
      }
    }
    timers.length = 0;
    later(SWEEP_MS, sweep);
  };
  later(Math.max(SWEEP_MS, rejoinMs), sweep);

  return {
    settle() {
      for (const [topic, packet] of sessions.retained) {
        const name = parseTopic(topic);
        const offline = name?.use === 'discovery' ? offlineCard(packet) : undefined;
        if (offline !== undefined) sessions.retain(offline as unknown as QueuedPacket);
      }
    },
    stop() {
      for (const timer of timers) clock.clearTimeout(timer);
    },
  };
}

/** The same card as offline; undefined when it says so already, or there is none. */
function offlineCard(packet: QueuedPacket | undefined): PublishPacket | undefined {
  if (packet === undefined) return undefined;
  const { topic, payload, properties } = packet;
  if (readProperties(properties?.userProperties)[PROPERTY.status] === 'offline') return undefined;
  const kept = Object.entries(properties?.userProperties ?? {}).filter(
    ([name]) => ![PROPERTY.status, PROPERTY.statusSource].includes(name.toLowerCase() as never),
  );
  const userProperties = {
    ...Object.fromEntries(kept),
    [PROPERTY.status]: 'offline',
    [PROPERTY.statusSource]: 'broker',
  };
  return {
    cmd: 'publish',
    topic,
    payload,
    qos: 1,
    retain: true,
    dup: false,
    properties: { ...properties, userProperties },
  };
}
