import { type Duplex, duplexPair } from 'node:stream';
import { Aedes } from 'aedes';
import type { Env } from '../../machines/ports.ts';
import { failBus } from '../errors.ts';
import { createGuard, type GuardCounts } from './guard.ts';
import { type IdentityProvider, type Member, openOnLoopback } from './identity.ts';
import { isLoopback, type Listener, listenTcp, listenWebSocket } from './listeners.ts';

export interface BusLimits {
  /** Bytes of one MQTT packet. */
  maxPacketBytes?: number;
  /** Connections from outside the process, on each of the two ports. */
  maxConnections?: number;
  /** Seconds that a session may outlive its connection. */
  maxSessionExpiryS?: number;
  /** Sessions that wait for their owner at once. */
  maxPendingSessions?: number;
}

export interface BusOptions extends BusLimits {
  env: Env;
  /** A loopback address unless `identity` authenticates. */
  host: string;
  /** 0 takes any free port. */
  tcpPort: number;
  wsPort: number;
  identity?: IdentityProvider;
}

export interface Bus {
  /** `mqtt://host:port` */
  mqttUrl: string;
  /** `ws://host:port` */
  wsUrl: string;
  /**
   * One end of a link to the broker without a socket: same protocol, same guard. As `dispatcher` it may read
   * the requests of pools and pass them on with the Response Topic and `a2a-client-id` of the asker.
   * @throws BUS_CLOSED
   */
  connectInProcess(role?: Member['role']): Duplex;
  /** Refusals and drops of the guard, by reason. */
  refusals(): GuardCounts;
  /** Disconnects everybody (0x8B) and frees the ports. Idempotent. */
  close(): Promise<void>;
}

const DEFAULTS = {
  maxPacketBytes: 4 * 1024 * 1024,
  maxConnections: 1_000,
  maxSessionExpiryS: 3_600,
  maxPendingSessions: 1_000,
} as const satisfies Required<BusLimits>;

/**
 * Starts the embedded MQTT 5 broker behind its guard.
 * @throws BUS_ADDRESS_OPEN, BUS_PORT_IN_USE, BUS_ADDRESS_UNUSABLE
 */
export async function startBus(options: BusOptions): Promise<Bus> {
  const { env, host } = options;
  const identity = options.identity ?? openOnLoopback();
  if (!identity.authenticates && !isLoopback(host)) throw failBus('BUS_ADDRESS_OPEN', { host });
  const limits = { ...DEFAULTS, ...definedOnly(options) };

  const ends = new WeakMap<Duplex, Member['role']>();
  const guard = createGuard({ identity, log: env.log, inProcess: (stream) => ends.get(stream) });
  const broker = await Aedes.createBroker({
    ...guard.hooks,
    maximumPacketSize: limits.maxPacketBytes,
    sessionExpiryIntervalLimit: limits.maxSessionExpiryS,
    pendingSessionsLimit: limits.maxPendingSessions,
    keepaliveLimit: 300,
    maxTopicLevels: 16,
    connectTimeout: 10_000,
    // One frozen subscriber holds up the others until this is over.
    drainTimeout: 10_000,
    queueLimit: 42,
  });
  const problem = (client: { id?: string } | null, error: Error) =>
    env.log.debug({ client: client?.id, problem: error.message }, 'connection problem');
  broker.on('clientError', problem);
  broker.on('connectionError', problem);
  broker.on('clientDisconnect', (client) => guard.forget(client));

  const listeners: Listener[] = [];
  try {
    const shared = { host, maxConnections: limits.maxConnections, maxPacketBytes: limits.maxPacketBytes };
    listeners.push(await listenTcp({ ...shared, port: options.tcpPort, accept: broker.handle }));
    listeners.push(await listenWebSocket({ ...shared, port: options.wsPort, accept: broker.handle }));
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    await closeBroker(broker);
    throw error;
  }
  const [tcp, ws] = listeners as [Listener, Listener];

  let closing: Promise<void> | undefined;
  return {
    mqttUrl: `mqtt://${urlHost(host)}:${tcp.port}`,
    wsUrl: `ws://${urlHost(host)}:${ws.port}`,
    connectInProcess(role = 'agent') {
      if (closing !== undefined) throw failBus('BUS_CLOSED');
      const [ours, theirs] = duplexPair();
      // The pair has no peer errors of its own; a destroyed end must end the other.
      ours.on('error', () => theirs.destroy()).on('close', () => theirs.destroy());
      theirs.on('error', () => ours.destroy()).on('close', () => ours.destroy());
      ends.set(theirs, role);
      broker.handle(theirs);
      return ours;
    },
    refusals: guard.counts,
    close() {
      closing ??= (async () => {
        for (const listener of listeners) listener.stop();
        await closeBroker(broker);
        await Promise.all(listeners.map((listener) => listener.close()));
      })();
      return closing;
    },
  };
}

function closeBroker(broker: Aedes): Promise<void> {
  return new Promise((resolve) => broker.close(resolve));
}

function definedOnly(limits: BusLimits): Partial<Required<BusLimits>> {
  return Object.fromEntries(
    Object.keys(DEFAULTS).flatMap((key) => {
      const value = limits[key as keyof BusLimits];
      return value === undefined ? [] : [[key, value]];
    }),
  );
}

const urlHost = (host: string) => (host.includes(':') ? `[${host}]` : host);
