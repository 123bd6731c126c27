import { toJsonRpcError } from '@a2a-js/sdk/errors';
import {
  defaultServerCallContextBuilder,
  JsonRpcTransportHandler,
  type ServerCallContext,
  type User,
  validateVersion,
} from '@a2a-js/sdk/server';
import type { JWK } from 'jose';
import { NetAgentError } from '../../machines/failure.ts';
import type { Env } from '../../machines/ports.ts';
import { ARTIFACT_MODE, chunksOf } from './binary-artifact.ts';
import { BINDING, BINDING_VERSION } from './card.ts';
import {
  type BindingError,
  bindingErrorReply,
  CODE,
  endsStreamReply,
  errorReply,
  type ReplyEnvelope,
  RequestEnvelope,
  type RequestId,
} from './envelope.ts';
import type { Link, Message as MqttMessage, Outgoing } from './link.ts';
import { PROPERTY, readProperties } from './properties.ts';
import { UBSP, type Ubsp, UbspRefusal } from './security/ubsp.ts';
import { failureOf, seqOf } from './tasks/context.ts';
import type { TaskService } from './tasks/service.ts';
import { parseTopic } from './topics.ts';
import { answering, hopsOf, isTraceparent, MAX_HOPS, TRACEPARENT } from './trace.ts';

/** Requests at once; beyond it the requester is told to come back. */
const MAX_OPERATIONS = 1_000;

/** A request as far as its sender has to be judged. */
export interface IncomingCall {
  method: string;
  params: Record<string, unknown>;
  properties: Record<string, string>;
  /** As the broker stamped it, or as the reply topic names it. */
  requester: string;
}

export interface ResponderOptions {
  env: Env;
  link: Link;
  service: TaskService;
  /** Judges who asks; throws what the requester gets. Without it the connection's identity is believed. */
  authenticate?: ((call: IncomingCall) => Promise<User> | User) | undefined;
  /** Opens encrypted requests and encrypts their replies. */
  ubsp?: Ubsp | undefined;
}

/** Thrown by a check of the MQTT metadata: becomes one of the profile's transport errors. */
export class BindingRefusal extends Error {
  readonly kind: BindingError;
  constructor(kind: BindingError, message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Where and how to answer one request. */
interface ReplyPath {
  topic: string;
  correlation: Buffer | undefined;
  properties: Record<string, string>;
  /** The requester reads artifacts as bytes. */
  binary: boolean;
  /** To whom replies are encrypted, and the last of them. */
  seal?: { to: string; key: JWK; sent: Promise<void> };
}

/** Serves one agent's request topic: MQTT metadata here, A2A in the task service. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #handler: JsonRpcTransportHandler;
  #open = 0;
  #draining = false;
  /** Requests without a way to answer. */
  dropped = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
    this.#handler = new JsonRpcTransportHandler(options.service);
  }

  /** Answers new requests with "unavailable" from now on. */
  drain(): void {
    this.#draining = true;
  }

  receive(message: MqttMessage): void {
    const { responseTopic, correlationData } = message.properties;
    if (responseTopic === undefined) {
      this.dropped += 1;
      return;
    }
    const properties = readProperties(message.properties.userProperties);
    const path: ReplyPath = {
      topic: responseTopic,
      correlation: correlationData,
      properties: {},
      binary: properties[ARTIFACT_MODE] === 'binary' && properties[UBSP.profile] === undefined,
    };
    // Malformed, it is as if there were none (Trace Context 3.2.2).
    if (isTraceparent(properties[TRACEPARENT])) path.properties[TRACEPARENT] = properties[TRACEPARENT];
    else delete properties[TRACEPARENT];
    this.#open += 1;
    this.#opened(message.payload, properties, path)
      .then((opened) => (opened === null ? undefined : this.#traced(opened.payload, opened.properties, path)))
      .catch((error) => {
        this.#options.env.log.error({ problem: String(error) }, 'a request failed');
        this.#reply(path, errorReply(null, CODE.internal, 'Internal error.'));
      })
      .finally(() => {
        this.#open -= 1;
      });
  }

  #traced(payload: Buffer, properties: Record<string, string>, path: ReplyPath): Promise<void> {
    const origin = { traceparent: properties[TRACEPARENT], hops: hopsOf(properties) };
    return answering(origin, () => this.#serve(payload, properties, path));
  }

  /** The payload in the clear; null when there is nothing to serve. */
  async #opened(
    payload: Buffer,
    properties: Record<string, string>,
    path: ReplyPath,
  ): Promise<{ payload: Buffer; properties: Record<string, string> } | null> {
    const { ubsp } = this.#options;
    const profile = properties[UBSP.profile];
    if (profile === undefined && !ubsp?.encryption.required) return { payload, properties };
    const refuse = (text: string) => {
      this.#reply(path, bindingErrorReply(null, 'transport_protocol_error', text));
      return null;
    };
    if (profile === undefined) return refuse('This agent takes encrypted requests only.');
    if (ubsp === undefined || profile !== UBSP.name) return refuse('This security profile is not supported.');
    if (properties[UBSP.recipient] !== ubsp.self)
      return refuse('The request is encrypted for another agent.');
    const requester = properties[UBSP.requester] ?? '';
    if (requester !== requesterOf(properties, path)) return refuse('The requester is another than it says.');
    try {
      const { text, properties: inside } = await ubsp.open(payload, requester);
      const key = await ubsp.encryption.keyOf(requester);
      if (key === undefined) return refuse('No key of the requester is known; its card has none.');
      path.seal = { to: requester, key, sent: Promise.resolve() };
      return { payload: Buffer.from(text), properties: protectedOf(properties, inside) };
    } catch (error) {
      // What the broker delivers twice is answered once.
      if (error instanceof UbspRefusal && error.problem === 'again') return null;
      return refuse(error instanceof UbspRefusal ? error.message : 'The request cannot be opened.');
    }
  }

  async #serve(payload: Buffer, properties: Record<string, string>, path: ReplyPath): Promise<void> {
    let json: unknown;
    try {
      json = JSON.parse(payload.toString());
    } catch {
      return this.#reply(path, errorReply(null, CODE.parse, 'The payload is not JSON.'));
    }
    const parsed = RequestEnvelope.safeParse(json);
    if (!parsed.success) {
      const text = 'The payload is no JSON-RPC 2.0 request.';
      return this.#reply(path, errorReply(null, CODE.invalidRequest, text));
    }
    const request = parsed.data;
    try {
      this.#requireServable(request, properties, path);
      const context = await this.#contextOf(request, properties, path);
      validateVersion(context.requestedVersion, await this.#options.service.getAgentCard(), BINDING);
      await this.#answer(request, context, path);
    } catch (error) {
      this.#reply(path, failureReply(request.id ?? null, error));
    }
  }

  /** @throws BindingRefusal */
  #requireServable(
    request: RequestEnvelope,
    properties: Record<string, string>,
    { correlation }: ReplyPath,
  ): void {
    if (correlation === undefined) {
      throw new BindingRefusal('transport_protocol_error', 'Correlation Data is missing.');
    }
    if (hopsOf(properties) > MAX_HOPS) {
      const text = `More than ${MAX_HOPS} agents have asked each other: they may be asking in a circle.`;
      throw new BindingRefusal('transport_protocol_error', text);
    }
    if (this.#draining) throw new BindingRefusal('responder_unavailable', 'The agent is stopping.');
    if (this.#open > MAX_OPERATIONS) {
      throw new BindingRefusal('responder_unavailable', 'The agent has too many operations open.');
    }
    const said = properties[PROPERTY.contextId];
    const message = request.params?.message as { contextId?: unknown } | undefined;
    if (said !== undefined && said !== message?.contextId) {
      const text = 'The property a2a-context-id differs from the payload.';
      throw new BindingRefusal('transport_protocol_error', text);
    }
  }

  /**
   * The caller is who the broker says it is; on a broker that does not stamp, who the reply topic names.
   * Not authenticated either way: an open broker believes the id.
   */
  async #contextOf(
    request: RequestEnvelope,
    properties: Record<string, string>,
    path: ReplyPath,
  ): Promise<ServerCallContext> {
    const requester = requesterOf(properties, path);
    const { method, params = {} } = request;
    const trace = properties[TRACEPARENT];
    this.#options.env.log.debug({ requester, method, ...(trace ? { traceparent: trace } : {}) }, 'request');
    const user = (await this.#options.authenticate?.({ method, params, properties, requester })) ?? {
      isAuthenticated: false,
      userName: requester,
    };
    const card = await this.#options.service.getAgentCard();
    if (method === 'GetExtendedAgentCard' && card.capabilities?.extendedAgentCard && !user.isAuthenticated) {
      // A2A 1.0, 3.1.11: who is connected is not enough, for it is not known how the broker judges that.
      throw new BindingRefusal('transport_protocol_error', 'The extended card needs an authorized request.');
    }
    // Once judged, it is no business of whoever works on the task.
    const headers = this.#options.authenticate === undefined ? properties : { ...properties };
    if (headers !== properties) delete headers[PROPERTY.authorization];
    const named = properties[PROPERTY.extensions];
    const extensions = named === undefined ? [] : named.split(',').map((uri) => uri.trim());
    return defaultServerCallContextBuilder({
      extensions: extensions.length === 0 ? undefined : extensions.filter((uri) => uri !== ''),
      user,
      headers,
      requestedVersion: properties[PROPERTY.version] ?? BINDING_VERSION,
    });
  }

  async #answer(request: RequestEnvelope, context: ServerCallContext, path: ReplyPath): Promise<void> {
    const out = await this.#handler.handle(request, context);
    const more = (): Record<string, string> => {
      const active = context.activatedExtensions ?? [];
      const seq = seqOf(context);
      return {
        ...(active.length === 0 ? {} : { [PROPERTY.extensions]: active.join(',') }),
        ...(seq === undefined ? {} : { [PROPERTY.seq]: String(seq) }),
      };
    };
    if (!(Symbol.asyncIterator in out)) {
      const reply = out as ReplyEnvelope;
      // The SDK makes an internal error of what it does not know; a full disk is "come back later".
      const failure = failureOf(context);
      if (failure !== undefined) throw failure;
      return this.#reply(path, reply, more());
    }
    for await (const item of out as AsyncGenerator<ReplyEnvelope>) {
      const chunks = path.binary ? chunksOf(item) : null;
      if (chunks === null) this.#reply(path, item, more());
      else this.#replyChunks(path, chunks, more());
      if (endsStreamReply(item)) return;
    }
    this.#reply(path, null, {}, request.id ?? null);
  }

  /** Null is the end marker of a stream that had no final item. */
  #reply(
    path: ReplyPath,
    reply: ReplyEnvelope | null,
    more: Record<string, string> = {},
    id: RequestId = null,
  ): void {
    const userProperties = {
      ...path.properties,
      ...more,
      ...(reply === null ? { [PROPERTY.streamEnd]: 'true' } : {}),
    };
    const payload = reply === null ? '' : JSON.stringify(reply);
    const { seal } = path;
    const { ubsp } = this.#options;
    if (seal === undefined || ubsp === undefined) {
      this.#publish(path, payload, 'application/json', userProperties);
      return;
    }
    // An end marker too has to show that it is from who opened the request.
    const text = reply === null ? JSON.stringify({ jsonrpc: '2.0', id }) : payload;
    seal.sent = seal.sent.then(async () => {
      const sealed = await ubsp.seal(text, seal.to, seal.key, userProperties);
      this.#publish(path, sealed, UBSP.contentType, {
        ...userProperties,
        [UBSP.profile]: UBSP.name,
        [UBSP.requester]: seal.to,
        [PROPERTY.responder]: ubsp.self,
      });
    });
  }

  /** The last chunk carries the number of the item. */
  #replyChunks(
    path: ReplyPath,
    chunks: NonNullable<ReturnType<typeof chunksOf>>,
    more: Record<string, string>,
  ) {
    for (const [i, { payload, properties }] of chunks.entries()) {
      const { userProperties, ...rest } = properties ?? {};
      const last = i === chunks.length - 1;
      this.#publish(
        path,
        payload,
        undefined,
        { ...path.properties, ...(last ? more : {}), ...(userProperties as Record<string, string>) },
        rest,
      );
    }
  }

  #publish(
    path: ReplyPath,
    payload: string | Buffer,
    contentType: string | undefined,
    userProperties: Record<string, string>,
    rest: Outgoing['properties'] = { payloadFormatIndicator: true },
  ): void {
    this.#options.link
      .publish({
        topic: path.topic,
        payload,
        properties: {
          ...(contentType === undefined ? {} : { contentType }),
          ...rest,
          ...(path.correlation === undefined ? {} : { correlationData: path.correlation }),
          ...(Object.keys(userProperties).length === 0 ? {} : { userProperties }),
        },
      })
      .catch((error) => this.#options.env.log.warn({ problem: String(error) }, 'a reply was not taken'));
  }
}

/** Who the broker says it is; on a broker that does not stamp, who the reply topic names. */
const requesterOf = (properties: Record<string, string>, path: ReplyPath) =>
  properties[PROPERTY.clientId] ?? parseTopic(path.topic)?.owner ?? '';

/**
 * The properties of an encrypted request: those that came protected, if it has them, but the token and
 * who the broker says that is connected, which are outside by their nature.
 */
function protectedOf(
  outside: Record<string, string>,
  inside: Record<string, string> | undefined,
): Record<string, string> {
  if (inside === undefined) return outside;
  const all: Record<string, string> = Object.assign(Object.create(null), inside);
  if (!isTraceparent(all[TRACEPARENT])) delete all[TRACEPARENT];
  for (const name of [PROPERTY.clientId, PROPERTY.authorization]) {
    delete all[name];
    if (outside[name] !== undefined) all[name] = outside[name];
  }
  return all;
}

function failureReply(id: RequestId, error: unknown): ReplyEnvelope {
  if (error instanceof BindingRefusal) return bindingErrorReply(id, error.kind, error.message);
  if (error instanceof NetAgentError && error.class === 'retryable') {
    return bindingErrorReply(id, 'responder_unavailable', error.message);
  }
  return { jsonrpc: '2.0', id, error: toJsonRpcError(error) } as ReplyEnvelope;
}
