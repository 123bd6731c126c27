import { Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import mqtt, { type IClientOptions, type IPublishPacket, MqttClient, Store } from 'mqtt';
import type { Log } from '../../machines/ports.ts';
import type { Bus } from '../embedded/host.ts';
import type { Member } from '../embedded/identity.ts';
import type { Lane } from '../embedded/lane.ts';
import { isLoopback } from '../embedded/listeners.ts';
import { failBus } from '../errors.ts';
import { gather } from '../gather.ts';

export interface Message {
  topic: string;
  payload: Buffer;
  properties: NonNullable<IPublishPacket['properties']>;
}

export interface Outgoing {
  topic: string;
  payload: string | Buffer;
  retain?: boolean;
  properties?: IPublishPacket['properties'];
}

/** One MQTT 5 connection of a member; it reconnects by itself until it is ended or refused. */
export interface Link {
  /** Resolves when the broker has acknowledged (QoS 1). Rejects with the broker's refusal. */
  publish(message: Outgoing): Promise<void>;
  subscribe(filters: readonly string[]): Promise<void>;
  onMessage(handler: (message: Message) => void): void;
  onState(handler: (state: LinkState) => void): void;
  /** Nobody between here and the broker can read along: in this process, on this machine, or by TLS. */
  readonly isPrivate: boolean;
  /** Sends DISCONNECT and ends the session at once. */
  end(): Promise<void>;
}

export type LinkState =
  /** `resumed`: the broker still has the session, so nothing of it was lost. */
  { type: 'CONNECTED'; resumed: boolean } | { type: 'LOST' } | { type: 'REFUSED'; problem: string };

export interface LinkOptions {
  clientId: string;
  via: Bus | string;
  will: IClientOptions['will'];
  log: Log;
  /** Of a link in this process; `agent` if absent. */
  role?: Member['role'];
}

/** Seconds for which requests and replies wait for a member that lost its connection. */
const SESSION_EXPIRY_S = 300;
const SESSION_TAKEN_OVER = 0x8e;
/** Of links in this process, whose messages go by their lanes. */
const NOTHING = new Store({ clean: false });
/** Messages that wait for a connection in this process; beyond it they are refused. */
const MAX_WAITING = 10_000;
/** CONNACK codes that another try cannot change: id, credentials, rights, ban, method. */
const FINAL_REFUSALS = new Set([0x85, 0x86, 0x87, 0x8a, 0x8c]);

function isPrivateUrl(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'mqtts:' || protocol === 'wss:' || isLoopback(hostname.replace(/^\[|\]$/g, ''));
}

/** Opens the connection; the outcome is told by `onState`. @throws BUS_CLOSED */
export function openLink({ clientId, via, will, log, role }: LinkOptions): Link {
  const inProcess = typeof via !== 'string';
  const options: IClientOptions = {
    clientId,
    protocolVersion: 5,
    // The first connect starts clean; later ones resume (below).
    clean: true,
    keepalive: inProcess ? 0 : 30,
    reconnectPeriod: 500,
    connectTimeout: 10_000,
    reconnectOnConnackError: false,
    properties: { sessionExpiryInterval: SESSION_EXPIRY_S },
    // The library formats its debug lines whether anybody reads them or not.
    log: () => undefined,
    ...(will === undefined ? {} : { will }),
    ...(inProcess ? { incomingStore: NOTHING, outgoingStore: NOTHING } : {}),
  };
  let handler: (message: Message) => void = () => undefined;
  const take = (message: Message) => {
    try {
      handler(message);
    } catch (error) {
      const { topic } = message;
      log.error({ client: clientId, topic, problem: String(error) }, 'a message could not be handled');
    }
  };
  let lane: Lane | undefined;
  // Thrown inside the client's reconnect timer, a closed bus would end the process.
  const streamTo = (bus: Bus): Duplex => {
    try {
      const stream = bus.connectInProcess(role);
      lane = bus.laneOf(stream);
      lane.open(take);
      return stream;
    } catch {
      queueMicrotask(() => refuse('the bus is closed'));
      return new PassThrough().destroy();
    }
  };
  const client = inProcess ? new MqttClient(() => streamTo(via), options) : mqtt.connect(via, options);

  const listeners = new Set<(state: LinkState) => void>();
  let last: LinkState | undefined;
  const tell = (state: LinkState) => {
    if (last?.type === 'REFUSED') return;
    last = state;
    if (state.type !== 'LOST') for (const release of waiting.splice(0)) release();
    for (const listener of listeners) listener(state);
  };
  /** What is to be published in this process and has no connection yet. */
  const waiting: Array<() => void> = [];
  let ended = false;
  const publishLocally = async (message: Outgoing): Promise<void> => {
    if (ended || last?.type === 'REFUSED') throw failBus('BUS_CLOSED');
    if (last?.type !== 'CONNECTED' || lane?.isOpen !== true) {
      if (waiting.length >= MAX_WAITING) throw failBus('BUS_CLOSED');
      await new Promise<void>((resolve) => waiting.push(resolve));
      return publishLocally(message);
    }
    const { topic, payload, retain = false, properties } = message;
    return lane.publish({ topic, payload, retain, properties });
  };
  const refuse = (problem: string) => {
    tell({ type: 'REFUSED', problem });
    client.end(true);
  };
  client.on('connect', ({ sessionPresent }) => {
    client.options.clean = false;
    // Nagle against delayed acknowledgement costs 40 ms a packet.
    if (client.stream instanceof Socket) {
      client.stream.setNoDelay(true);
      gather(client.stream);
    }
    tell({ type: 'CONNECTED', resumed: sessionPresent });
  });
  client.on('close', () => tell({ type: 'LOST' }));
  client.on('disconnect', (packet) => {
    if (packet.reasonCode === SESSION_TAKEN_OVER) refuse('another client took this id over');
  });
  client.on('error', (error) => {
    const code = 'code' in error ? error.code : undefined;
    log.debug({ client: clientId, problem: error.message }, 'connection problem');
    if (typeof code === 'number' && FINAL_REFUSALS.has(code)) refuse(error.message);
  });

  client.on('message', (topic, payload, packet) => {
    take({ topic, payload, properties: packet.properties ?? {} });
  });

  return {
    isPrivate: inProcess || isPrivateUrl(via),
    publish(message) {
      if (inProcess) return publishLocally(message);
      const { topic, payload, retain = false, properties } = message;
      return new Promise((resolve, reject) => {
        client.publish(
          topic,
          payload,
          { qos: 1, retain, ...(properties === undefined ? {} : { properties }) },
          (error) => (error ? reject(error) : resolve()),
        );
      });
    },
    async subscribe(filters) {
      const wanted = Object.fromEntries(filters.map((filter) => [filter, { qos: 1 as const, rap: true }]));
      const granted = await client.subscribeAsync(wanted);
      const refused = granted.filter(({ qos }) => qos >= 0x80).map(({ topic }) => topic);
      if (refused.length > 0) {
        throw failBus('BUS_REFUSED', { id: clientId, problem: `no right to read ${refused.join(', ')}` });
      }
    },
    onMessage(fn) {
      handler = fn;
    },
    onState(fn) {
      listeners.add(fn);
      if (last !== undefined) fn(last);
    },
    async end() {
      ended = true;
      for (const release of waiting.splice(0)) release();
      if (client.disconnected || last?.type !== 'CONNECTED') {
        await client.endAsync(true);
        return;
      }
      await client.endAsync(false, { properties: { sessionExpiryInterval: 0 } });
    },
  };
}
