import { type Duplex, duplexPair } from 'node:stream';
import { Aedes, type Client } from 'aedes';
import type { Env } from '../../machines/ports.ts';
import { failBus } from '../errors.ts';
import { createGuard, type GuardCounts, KEEP_ALIVE_LIMIT_S } from './guard.ts';
import { type IdentityProvider, type Member, openOnLoopback } from './identity.ts';
import { type Lane, LocalLane } from './lane.ts';
import { type BusLimits, withDefaults } from './limits.ts';
import {
  isLoopback,
  type Listener,
  listenTcp,
  listenWebSocket,
  readTls,
  type TlsFiles,
} from './listeners.ts';
import { persistenceOf } from './persistence.ts';
import { keepPresence } from './presence.ts';
import type { SessionStore } from './session-store.ts';
import { Sessions } from './sessions.ts';

export type { BusLimits } from './limits.ts';

export interface BusOptions extends BusLimits {
  env: Env;
  /** A loopback address unless `identity` authenticates. */
  host: string;
  /** 0 takes any free port. */
  tcpPort: number;
  wsPort: number;
  identity?: IdentityProvider;
  /** Both ports speak TLS then. */
  tls?: TlsFiles;
  /** Where retained cards, sessions and queued messages survive; without it they live in memory. */
  sessions?: SessionStore;
}

export interface Bus {
  /** `mqtt://host:port`, with TLS `mqtts://` */
  mqttUrl: string;
  /** `ws://host:port`, with TLS `wss://` */
  wsUrl: string;
  /**
   * One end of a link to the broker without a socket: same protocol, same guard. As `dispatcher` it may read
   * the requests of pools and pass them on with the Response Topic and `a2a-client-id` of the asker.
   * @throws BUS_CLOSED
   */
  connectInProcess(role?: Member['role']): Duplex;
  /** The way beside such a link on which its messages need no bytes. @throws TypeError for another stream */
  laneOf(link: Duplex): Lane;
  /** Refusals and drops of the guard, by reason. */
  refusals(): GuardCounts;
  /** Disconnects everybody (0x8B) and frees the ports. Idempotent. */
  close(): Promise<void>;
}

/** QoS 2 messages that a client may have begun and not released. */
const MAX_RECEIVED = 1_000;

/**
 * Starts the embedded MQTT 5 broker behind its guard.
 * @throws BUS_ADDRESS_OPEN, BUS_PORT_IN_USE, BUS_ADDRESS_UNUSABLE
 */
export async function startBus(options: BusOptions): Promise<Bus> {
  const { env, host } = options;
  const identity = options.identity ?? openOnLoopback();
  if (!identity.authenticates && !isLoopback(host)) throw failBus('BUS_ADDRESS_OPEN', { host });
  const limits = withDefaults(options);
  const tls = options.tls === undefined ? undefined : readTls(options.tls);
  const { clock, log } = env;

  const ends = new WeakMap<Duplex, Member['role']>();
  const sessions = new Sessions({
    clock,
    limits,
    store: options.sessions,
    onDropped: (client, topic) => {
      guard.count('queue-dropped');
      log.warn({ action: 'queue', reason: 'full', client, topic }, 'oldest message given up');
    },
  });
  const inProcess = (stream: Duplex) => ends.get(stream);
  const lanes = new WeakMap<object, LocalLane>();
  const laneOf = (client: Client) => lanes.get(client);
  const guard = createGuard({ identity, log, clock, limits, sessions, inProcess, laneOf });
  const broker = await Aedes.createBroker({
    ...guard.hooks,
    persistence: persistenceOf({ sessions, accepts: guard.accepts, maxReceived: MAX_RECEIVED }),
    maximumPacketSize: limits.maxPacketBytes,
    sessionExpiryIntervalLimit: limits.maxSessionExpiryS,
    pendingSessionsLimit: limits.maxPendingSessions,
    receiveMaximum: MAX_RECEIVED,
    keepaliveLimit: KEEP_ALIVE_LIMIT_S,
    maxTopicLevels: 16,
    connectTimeout: 10_000,
    drainTimeout: limits.drainTimeoutMs,
    queueLimit: 42,
  });
  const problem = (client: Client, error: Error) => {
    if (error.message === 'drain timeout') guard.slow(client);
    log.debug({ client: client.id, problem: error.message }, 'connection problem');
  };
  broker.on('clientError', problem);
  broker.on('connectionError', (client, error) => {
    guard.failed(client.conn as Duplex, client.req);
    problem(client, error);
  });
  broker.on('error' as never, (error: unknown) => log.error({ problem: String(error) }, 'broker problem'));
  broker.on('client', (client) => sessions.connected(client.id, client.sessionExpiryInterval));
  broker.on('clientDisconnect', (client) => {
    guard.forget(client);
    sessions.disconnected(client.id, client.sessionExpiryInterval);
  });
  broker.on('ack', (_packet, client) => guard.acknowledged(client));
  broker.on('sessionLimitReached', () => guard.count('sessions-full'));
  const presence = keepPresence({ broker, sessions, clock, log, rejoinMs: limits.rejoinMs });

  const listeners: Listener[] = [];
  try {
    const { maxConnections, maxPacketBytes } = limits;
    const { handle: accept } = broker;
    const { admits, failed } = guard;
    const shared = { host, tls, maxConnections, maxPacketBytes, accept, admits, failed };
    listeners.push(await listenTcp({ ...shared, port: options.tcpPort }));
    listeners.push(await listenWebSocket({ ...shared, port: options.wsPort }));
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    presence.stop();
    await closeBroker(broker);
    throw error;
  }
  const [tcp, ws] = listeners as [Listener, Listener];

  let closing: Promise<void> | undefined;
  return {
    mqttUrl: `${tls === undefined ? 'mqtt' : 'mqtts'}://${urlHost(host)}:${tcp.port}`,
    wsUrl: `${tls === undefined ? 'ws' : 'wss'}://${urlHost(host)}:${ws.port}`,
    connectInProcess(role = 'agent') {
      if (closing !== undefined) throw failBus('BUS_CLOSED');
      const [ours, theirs] = duplexPair();
      // The pair has no peer errors of its own; a destroyed end must end the other.
      ours.on('error', () => theirs.destroy()).on('close', () => theirs.destroy());
      theirs.on('error', () => ours.destroy()).on('close', () => ours.destroy());
      ends.set(theirs, role);
      const client = broker.handle(theirs) as unknown as Client;
      const { authorizePublish } = guard.hooks;
      const { maxPacketBytes } = limits;
      const lane = new LocalLane({ broker, client, sessions, authorizePublish, maxPacketBytes });
      lanes.set(client, lane);
      lanes.set(ours, lane);
      return ours;
    },
    laneOf(link) {
      const lane = lanes.get(link);
      if (lane === undefined) throw new TypeError('no link of this bus');
      return lane;
    },
    refusals: guard.counts,
    close() {
      closing ??= (async () => {
        for (const listener of listeners) listener.stop();
        presence.stop();
        await closeBroker(broker);
        presence.settle();
        sessions.close();
        await sessions
          .committed()
          .catch((error) => log.error({ problem: String(error) }, 'sessions not kept'));
        await Promise.all(listeners.map((listener) => listener.close()));
      })();
      return closing;
    },
  };
}

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => broker.close(resolve));
}

const urlHost = (host: string) => (host.includes(':') ? `[${host}]` : host);
