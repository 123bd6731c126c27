import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { type IClientOptions, type IPublishPacket, MqttClient } from 'mqtt';
import { type RaisedError, standardError } from '../fault.ts';
import { isJson } from './media.ts';
import { MAX_ANSWER } from './outgoing.ts';
import type { Gate } from './policy.ts';

export interface MqttOptions {
  host: string;
  port: number;
  secure: boolean;
  version: 4 | 5;
  clientId: string;
  /** Value of an `authorization` header: basic as name and password, a token as password. */
  authorization: string | null;
  signal: AbortSignal;
}

/** A message as the DSL has it (1.0.3, "AsyncAPI Inbound Message"). */
export interface Message {
  payload?: unknown;
  headers?: Record<string, unknown>;
  correlationId?: string;
}

/** One connection for one call. */
export interface MqttLink {
  /** Resolves when the broker has taken it over. */
  publish(topic: string, message: Message, how: { qos: 0 | 1 | 2; retain: boolean }): Promise<void>;
  /** Messages in order until `end` or until the connection is lost, which is thrown. */
  subscribe(topic: string, qos: 0 | 1 | 2, take: (message: Message) => void): Promise<void>;
  /** Rejects when the connection is lost. */
  lost: Promise<never>;
  end(): Promise<void>;
}

export type MqttConnect = (options: MqttOptions) => Promise<MqttLink>;

const CONNECT_MS = 10_000;
/** Reason codes and return codes of a CONNACK, as statuses of HTTP. */
const REFUSALS: ReadonlyMap<number, number> = new Map([
  [4, 401],
  [5, 403],
  [0x86, 401],
  [0x87, 403],
  [0x8a, 403],
  [0x8c, 401],
  [0x97, 429],
]);

/** Connects over TCP or TLS, to an address that the gate has judged. @throws RaisedError `communication` */
export function mqttConnector(gate: Gate, ca?: string[]): MqttConnect {
  return async (options) => {
    const { host, port, secure, version, clientId, signal } = options;
    gate.check(host, port);
    const where = `${host}:${port}`;
    const settings: IClientOptions = {
      clientId,
      protocolVersion: version,
      clean: true,
      keepalive: 30,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_MS,
      ...loginOf(options.authorization),
      ...(version === 5 && { properties: { maximumPacketSize: MAX_ANSWER } }),
      log: () => undefined,
    };
    const name = host.replace(/^\[|\]$/g, '');
    const to = { host: name, port, lookup: gate.lookup(port) };
    const stream = (): Socket =>
      secure
        ? connectTls({ ...to, ...(isIP(name) === 0 && { servername: name }), ...(ca && { ca }) })
        : connectTcp(to);
    const client = new MqttClient(() => {
      const socket = stream();
      socket.on('error', (error) => client.emit('error', error));
      return socket;
    }, settings);
    const lost = new Promise<never>((_, reject) => {
      client.on('error', (error) => reject(failureOf(error, where)));
      client.on('close', () =>
        reject(standardError('communication', `The connection to ${where} was closed`, { status: 503 })),
      );
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
    });
    lost.catch(() => {});
    const end = async () => {
      await client.endAsync(!client.connected).catch(() => {});
    };
    const connected = new Promise<void>((resolve) => client.once('connect', () => resolve()));
    try {
      await Promise.race([connected, lost]);
    } catch (error) {
      await end();
      throw error;
    }
    return {
      lost,
      end,
      async publish(topic, message, { qos, retain }) {
        const properties = version === 5 ? propertiesOf(message) : undefined;
        const sent = client.publishAsync(topic, JSON.stringify(message.payload ?? null), {
          qos,
          retain,
          ...(properties && { properties }),
        });
        await Promise.race([sent, lost]).catch((error) => {
          throw failureOf(error, where);
        });
      },
      async subscribe(topic, qos, take) {
        client.on('message', (_topic, payload, packet) => take(messageOf(payload, packet)));
        const granted = await Promise.race([client.subscribeAsync(topic, { qos }), lost]).catch((error) => {
          throw failureOf(error, where);
        });
        if (granted.some((one) => one.qos >= 0x80)) {
          throw standardError('communication', `${where} refuses the subscription`, { status: 403 });
        }
      },
    };
  };
}

function loginOf(authorization: string | null): Pick<IClientOptions, 'username' | 'password'> {
  const [scheme, value = ''] = authorization?.split(' ') ?? [];
  if (scheme === 'Basic') {
    const [username = '', ...rest] = Buffer.from(value, 'base64').toString('utf8').split(':');
    return { username, password: rest.join(':') };
  }
  return scheme === 'Bearer' ? { username: 'token', password: value } : {};
}

function propertiesOf({ headers = {}, correlationId }: Message): NonNullable<IPublishPacket['properties']> {
  const entries = Object.entries(headers).filter(([, value]) => value !== null && value !== undefined);
  return {
    contentType: 'application/json',
    payloadFormatIndicator: true,
    ...(correlationId !== undefined && { correlationData: Buffer.from(correlationId) }),
    ...(entries.length > 0 && {
      userProperties: Object.fromEntries(
        entries.map(([name, value]) => [
          name,
          typeof value === 'object' ? JSON.stringify(value) : String(value),
        ]),
      ),
    }),
  };
}

/** A payload is JSON if it reads as such, else text, else base64. */
function messageOf(payload: Buffer, { properties }: IPublishPacket): Message {
  const correlation = properties?.correlationData;
  return {
    payload: payloadOf(payload, properties?.contentType ?? null),
    ...(properties?.userProperties && { headers: { ...properties.userProperties } }),
    ...(correlation && { correlationId: correlation.toString('utf8') }),
  };
}

function payloadOf(payload: Buffer, type: string | null): unknown {
  const text = payload.toString('utf8');
  if (text.includes('\uFFFD')) return payload.toString('base64');
  if (type !== null && !isJson(type)) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function failureOf(error: unknown, where: string): RaisedError | unknown {
  if (!(error instanceof Error) || 'fault' in error) return error;
  const code = 'code' in error ? error.code : undefined;
  const status = (typeof code === 'number' ? REFUSALS.get(code) : undefined) ?? 503;
  return standardError('communication', `No connection to ${where}`, { status, detail: error.message });
}
