import { standardError } from '../fault.ts';
import type { Arguments } from './arguments.ts';
import { isMap } from './media.ts';
import { follow, own } from './resources.ts';
import { scalarOf } from './uri.ts';

type Document = Record<string, unknown>;

/** Where and how messages of one operation travel. */
export interface Place {
  carrier: 'mqtt' | 'http';
  secure: boolean;
  /** MQTT 3.1.1 or 5. */
  version: 4 | 5;
  host: string;
  port: number;
  /** Path of the server, then the channel's address; the address alone over MQTT. */
  address: string;
  /** Of HTTP. */
  method: string;
  qos: 0 | 1 | 2;
  retain: boolean;
}

/** What `protocol` may be here, and the protocols of servers that it goes with. */
const CARRIERS: Readonly<Record<string, ReadonlySet<string>>> = {
  mqtt: new Set(['mqtt', 'mqtts', 'secure-mqtt', 'mqtt5', 'mqtts5', 'secure-mqtt5']),
  mqtt5: new Set(['mqtt', 'mqtts', 'secure-mqtt', 'mqtt5', 'mqtts5', 'secure-mqtt5']),
  http: new Set(['http', 'https']),
};

/** Why a protocol cannot be used here; null if it can. */
export function protocolProblem(protocol: string): string | null {
  return Object.hasOwn(CARRIERS, protocol)
    ? null
    : `the protocol ${protocol} is not carried here; ${Object.keys(CARRIERS).join(', ')} are`;
}

/** @throws RaisedError `configuration`, `validation` for values of the input that fit no address */
export function findPlace(document: Document, args: Arguments<'asyncapi'>, input: unknown): Place {
  if (args.protocol !== undefined) {
    const problem = protocolProblem(args.protocol);
    if (problem !== null) throw broken(problem);
  }
  const version = /^[23]\./.exec(String(document.asyncapi ?? ''))?.[0];
  if (version === undefined) throw broken('it is of neither AsyncAPI 2 nor 3');
  const found = version === '3.' ? operationOf(document, args) : channelOf(document, args);
  const server = chooseServer(document, found.servers, args);
  const bindings = (name: string) =>
    found.bindings.map((one) => (isMap(one) ? own(one, name) : undefined)).find(isMap) ?? {};
  const mqtt = bindings('mqtt');
  const address = found.address.replace(/\{([^{}]+)\}/g, (_, name: string) =>
    parameterOf(name, own(found.parameters, name), input, server.carrier, args.subscription !== undefined),
  );
  return {
    carrier: server.carrier,
    secure: server.secure,
    version: server.version,
    host: server.host,
    port: server.port,
    address: server.carrier === 'http' ? `${server.path}/${address.replace(/^\//, '')}` : address,
    method: String(bindings('http').method ?? 'POST').toUpperCase(),
    qos: mqtt.qos === 0 || mqtt.qos === 2 ? mqtt.qos : 1,
    retain: mqtt.retain === true,
  };
}

interface Found {
  address: string;
  parameters: Document;
  /** Of the operation, then of the channel. */
  bindings: unknown[];
  /** Empty: all of the document. */
  servers: Array<[string, Document]>;
}

const mapOf = (value: unknown): Document => (isMap(value) ? value : {});
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

function operationOf(document: Document, { operation: name }: Arguments<'asyncapi'>): Found {
  if (name === undefined) throw broken('in a document of AsyncAPI 3 an operation is called, not a channel');
  const operation = follow(document, own(mapOf(document.operations), name));
  if (!isMap(operation)) throw broken(`it has no operation ${name}`);
  const channel = follow(document, operation.channel);
  if (!isMap(channel)) throw broken(`the operation ${name} has no channel`);
  if (typeof channel.address !== 'string') throw broken(`the channel of ${name} has no address`);
  const servers = mapOf(document.servers);
  const wanted = listOf(channel.servers).map((one) => follow(document, one));
  return {
    address: channel.address,
    parameters: mapOf(channel.parameters),
    bindings: [follow(document, operation.bindings), follow(document, channel.bindings)],
    servers: Object.entries(servers)
      .map(([key, one]): [string, unknown] => [key, follow(document, one)])
      .filter((entry): entry is [string, Document] => wanted.includes(entry[1])),
  };
}

function channelOf(document: Document, args: Arguments<'asyncapi'>): Found {
  const { channel: name } = args;
  if (name === undefined) throw broken('in a document of AsyncAPI 2 a channel is called, not an operation');
  const channel = follow(document, own(mapOf(document.channels), name));
  if (!isMap(channel)) throw broken(`it has no channel ${name}`);
  // AsyncAPI 2 speaks to its clients: `publish` is what they send.
  const operation = follow(document, args.message === undefined ? channel.subscribe : channel.publish);
  const names = listOf(channel.servers);
  return {
    address: name,
    parameters: mapOf(channel.parameters),
    bindings: [follow(document, mapOf(operation).bindings), follow(document, channel.bindings)],
    servers: Object.entries(mapOf(document.servers))
      .map(([key, one]): [string, unknown] => [key, follow(document, one)])
      .filter((entry): entry is [string, Document] => names.includes(entry[0]) && isMap(entry[1])),
  };
}

interface Server extends Pick<Place, 'carrier' | 'secure' | 'version' | 'host' | 'port'> {
  path: string;
}

function chooseServer(
  document: Document,
  ofChannel: Array<[string, Document]>,
  args: Arguments<'asyncapi'>,
): Server {
  const all = Object.entries(mapOf(document.servers))
    .map(([name, one]): [string, unknown] => [name, follow(document, one)])
    .filter((entry): entry is [string, Document] => isMap(entry[1]));
  const possible = ofChannel.length > 0 ? ofChannel : all;
  const named =
    args.server === undefined ? possible : possible.filter(([name]) => name === args.server?.name);
  if (named.length === 0) {
    throw broken(args.server === undefined ? 'it has no server' : `it has no server ${args.server.name}`);
  }
  const speaks = ([, { protocol }]: [string, Document]) =>
    Object.entries(CARRIERS).some(
      ([name, protocols]) =>
        (args.protocol === undefined || name === args.protocol) && protocols.has(String(protocol)),
    );
  const chosen = named.find(speaks);
  if (chosen === undefined) {
    const protocols = named.map(([, { protocol }]) => String(protocol)).join(', ');
    throw broken(`its servers speak ${protocols}; carried here are ${Object.keys(CARRIERS).join(', ')}`);
  }
  return serverOf(chosen[1], args);
}

function serverOf(server: Document, args: Arguments<'asyncapi'>): Server {
  const protocol = String(server.protocol);
  const variables = mapOf(server.variables);
  const filled = (text: string) =>
    text.replace(/\{([^{}]+)\}/g, (_, name: string) => {
      const variable = mapOf(own(variables, name));
      const value = own(mapOf(args.server?.variables), name) ?? variable.default;
      const allowed = listOf(variable.enum);
      if (value === undefined || (allowed.length > 0 && !allowed.includes(value))) {
        throw broken(`the variable ${name} of the server has no value, or none of its list`);
      }
      return String(value);
    });
  const written =
    typeof server.host === 'string'
      ? `${server.host}${typeof server.pathname === 'string' ? server.pathname : ''}`
      : String(server.url ?? '');
  // Written with a scheme or without; the protocol says what is spoken.
  const url = URL.parse(`x://${filled(written).replace(/^[a-z0-9+.-]+:\/\//i, '')}`);
  if (url === null || url.hostname === '' || url.username !== '' || url.password !== '') {
    throw broken(`the server ${written} is no address`);
  }
  const http = CARRIERS.http?.has(protocol) === true;
  const secure = protocol === 'https' || /^(mqtts|secure-mqtt)/.test(protocol);
  const five =
    args.protocol === 'mqtt5' || protocol.endsWith('5') || /^5/.test(String(server.protocolVersion ?? ''));
  return {
    carrier: http ? 'http' : 'mqtt',
    secure,
    version: five ? 5 : 4,
    host: url.hostname,
    port: url.port !== '' ? Number(url.port) : http ? (secure ? 443 : 80) : secure ? 8883 : 1883,
    path: url.pathname.replace(/\/$/, ''),
  };
}

/** The value of `{name}` in a channel's address: of the input, else its default; a subscription takes any. */
function parameterOf(
  name: string,
  parameter: unknown,
  input: unknown,
  carrier: Place['carrier'],
  subscribes: boolean,
): string {
  const described = mapOf(parameter);
  const fallback = described.default ?? mapOf(described.schema).default;
  const value = scalarOf(input, name) || (fallback === undefined ? '' : String(fallback));
  if (carrier === 'http') return encodeURIComponent(value);
  if (value === '' && subscribes) return '+';
  if (value === '' || /[/+#\0]/.test(value)) {
    throw standardError('validation', `The input's ${name} cannot stand in the address of a channel`);
  }
  return value;
}

const broken = (problem: string) =>
  standardError('configuration', 'The AsyncAPI document cannot be used', { detail: problem });
