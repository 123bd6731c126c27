import {
  type AgentCard,
  type Message,
  Message as MessageCodec,
  Part,
  type Task,
  TaskState,
} from '@a2a-js/sdk';
import { RequestMalformedError, toJsonRpcError } from '@a2a-js/sdk/errors';
import {
  type AgentExecutor,
  DefaultRequestHandler,
  defaultServerCallContextBuilder,
  JsonRpcTransportHandler,
  type ServerCallContext,
  type TaskStore,
  validateVersion,
} from '@a2a-js/sdk/server';
import type { Env } from '../../machines/ports.ts';
import { BINDING, BINDING_VERSION } from './card.ts';
import {
  bindingErrorReply,
  CODE,
  endsStreamReply,
  errorReply,
  isAtRest,
  type ReplyEnvelope,
  RequestEnvelope,
} from './envelope.ts';
import type { Link, Message as MqttMessage } from './link.ts';
import { LiveOperations } from './live-operations.ts';
import { PROPERTY, readProperties } from './properties.ts';
import { parseTopic } from './topics.ts';

/** RFC 9562 version 4: the requester of a new task makes its id (profile 0.1). */
const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i;
/** Operations at once; beyond it the requester is told to come back. */
const MAX_OPERATIONS = 1_000;

export interface ResponderOptions {
  env: Env;
  link: Link;
  card: AgentCard;
  executor: AgentExecutor;
  taskStore: TaskStore;
}

/** Where and how to answer one request. */
interface ReplyPath {
  topic: string;
  correlation: Buffer | undefined;
}

/** Serves one agent's request topic with the SDK's JSON-RPC handler. */
export class Responder {
  readonly #options: ResponderOptions;
  readonly #handler: JsonRpcTransportHandler;
  readonly #live = new LiveOperations();
  #draining = false;
  /** Requests without a way to answer. */
  dropped = 0;

  constructor(options: ResponderOptions) {
    this.#options = options;
    const { card, taskStore, executor } = options;
    this.#handler = new JsonRpcTransportHandler(new DefaultRequestHandler(card, taskStore, executor));
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
    const path: ReplyPath = { topic: responseTopic, correlation: correlationData };
    this.#serve(message, path).catch((error) => {
      this.#options.env.log.error({ problem: String(error) }, 'a request failed');
      this.#reply(path, errorReply(null, CODE.internal, 'Internal error.'));
    });
  }

  async #serve(message: MqttMessage, path: ReplyPath): Promise<void> {
    let json: unknown;
    try {
      json = JSON.parse(message.payload.toString());
    } catch {
      return this.#reply(path, errorReply(null, CODE.parse, 'The payload is not JSON.'));
    }
    const parsed = RequestEnvelope.safeParse(json);
    if (!parsed.success) {
      return this.#reply(
        path,
        errorReply(null, CODE.invalidRequest, 'The payload is no JSON-RPC 2.0 request.'),
      );
    }
    const request = parsed.data;
    const id = request.id ?? null;
    if (path.correlation === undefined) {
      return this.#reply(
        path,
        bindingErrorReply(id, 'transport_protocol_error', 'Correlation Data is missing.'),
      );
    }
    if (this.#draining || this.#live.size >= MAX_OPERATIONS) {
      const why = this.#draining ? 'The agent is stopping.' : 'The agent has too many operations open.';
      return this.#reply(path, bindingErrorReply(id, 'responder_unavailable', why));
    }
    const properties = readProperties(message.properties.userProperties);
    const wrong = contextProblem(request, properties);
    if (wrong !== null) {
      return this.#reply(path, bindingErrorReply(id, 'transport_protocol_error', wrong));
    }
    try {
      const context = contextOf(properties, path.topic);
      validateVersion(context.requestedVersion, this.#options.card, BINDING);
      await this.#dispatch(request, context, path);
    } catch (error) {
      this.#reply(path, { jsonrpc: '2.0', id, error: toJsonRpcError(error) } as ReplyEnvelope);
    }
  }

  async #dispatch(request: RequestEnvelope, context: ServerCallContext, path: ReplyPath): Promise<void> {
    const send = request.method === 'SendMessage' || request.method === 'SendStreamingMessage';
    if (!send) return this.#run(request, context, (reply) => this.#reply(path, reply));
    const message = messageOf(request);
    // One execution for all attempts: (owner, task, message) names it (profile 0.1, dedupe).
    const key = [context.user?.userName ?? '', message.taskId, message.messageId, request.method].join('\n');
    const rewrite = (reply: ReplyEnvelope | null) =>
      this.#reply(path, reply === null ? null : { ...reply, id: request.id ?? null });
    const running = this.#live.get(key);
    if (running !== undefined) {
      requireSame(running.message, message);
      running.attach(rewrite);
      return;
    }
    const operation = this.#live.open(key, message);
    operation.attach(rewrite);
    try {
      const next = await this.#admit(request, message, context);
      // The answer to a send is `{task}`, also when a question for the task stands in for it.
      const wrap = next.method === 'GetTask';
      await this.#run(next, context, (reply) =>
        operation.push(
          wrap && reply?.error === undefined ? { ...reply!, result: { task: reply!.result } } : reply,
        ),
      );
      if (wrap && request.method === 'SendStreamingMessage') operation.push(null);
    } catch (error) {
      const id = request.id ?? null;
      operation.push({ jsonrpc: '2.0', id, error: toJsonRpcError(error) } as ReplyEnvelope);
    } finally {
      this.#live.close(key);
    }
  }

  /** A first message plants the task that it names; a repeated one becomes a question for the task. */
  async #admit(
    request: RequestEnvelope,
    message: Message,
    context: ServerCallContext,
  ): Promise<RequestEnvelope> {
    const { taskStore, env } = this.#options;
    const stored = await taskStore.load(message.taskId, context);
    if (stored === undefined) {
      const stub: Task = {
        id: message.taskId,
        contextId: message.contextId === '' ? env.ids.uuid() : message.contextId,
        status: {
          state: TaskState.TASK_STATE_SUBMITTED,
          message: undefined,
          timestamp: new Date(env.clock.now()).toISOString(),
        },
        artifacts: [],
        // Empty: the handler appends the message itself.
        history: [],
        metadata: undefined,
      };
      await taskStore.save(stub, context);
      return request;
    }
    const earlier = stored.history.find(({ messageId }) => messageId === message.messageId);
    if (earlier === undefined) return request;
    requireSame(earlier, message);
    const follow = request.method === 'SendStreamingMessage' && !isAtRest(stored.status?.state);
    return { ...request, method: follow ? 'SubscribeToTask' : 'GetTask', params: { id: message.taskId } };
  }

  /** Runs to the end whatever becomes of the requester: the task is stored only while it is read. */
  async #run(
    request: RequestEnvelope,
    context: ServerCallContext,
    push: (reply: ReplyEnvelope | null) => void,
  ): Promise<void> {
    const out = await this.#handler.handle(request, context);
    if (!isStream(out)) {
      push(out as ReplyEnvelope);
      return;
    }
    let ended = false;
    try {
      for await (const item of out) {
        if (ended) continue;
        const reply = item as ReplyEnvelope;
        push(reply);
        ended = endsStreamReply(reply);
      }
    } catch (error) {
      if (ended) throw error;
      ended = true;
      push({ jsonrpc: '2.0', id: request.id ?? null, error: toJsonRpcError(error) } as ReplyEnvelope);
    }
    if (!ended) push(null);
  }

  /** Null is the end marker of a stream that had no final item. */
  #reply(path: ReplyPath, reply: ReplyEnvelope | null): void {
    this.#options.link
      .publish({
        topic: path.topic,
        payload: reply === null ? '' : JSON.stringify(reply),
        properties: {
          contentType: 'application/json',
          payloadFormatIndicator: true,
          ...(path.correlation === undefined ? {} : { correlationData: path.correlation }),
          ...(reply === null ? { userProperties: { [PROPERTY.streamEnd]: 'true' } } : {}),
        },
      })
      .catch((error) => this.#options.env.log.warn({ problem: String(error) }, 'a reply was not taken'));
  }
}

/**
 * The caller is who the broker says it is; on a broker that does not stamp, who the reply topic names.
 * Not authenticated either way: an open broker believes the id.
 */
function contextOf(properties: Record<string, string>, responseTopic: string): ServerCallContext {
  const userName = properties[PROPERTY.clientId] ?? parseTopic(responseTopic)?.owner ?? '';
  const extensions = (properties[PROPERTY.extensions] ?? '')
    .split(',')
    .map((uri) => uri.trim())
    .filter((uri) => uri !== '');
  return defaultServerCallContextBuilder({
    extensions: extensions.length === 0 ? undefined : extensions,
    user: { isAuthenticated: false, userName },
    headers: properties,
    requestedVersion: properties[PROPERTY.version] ?? BINDING_VERSION,
  });
}

function contextProblem(request: RequestEnvelope, properties: Record<string, string>): string | null {
  const said = properties[PROPERTY.contextId];
  const message = request.params?.message as { contextId?: unknown } | undefined;
  return said !== undefined && said !== message?.contextId
    ? 'The property a2a-context-id differs from the payload.'
    : null;
}

function messageOf(request: RequestEnvelope): Message {
  const raw = request.params?.message;
  if (typeof raw !== 'object' || raw === null) throw new RequestMalformedError('params.message is required.');
  const message = MessageCodec.fromJSON(raw);
  if (message.messageId === '') throw new RequestMalformedError('message.messageId is required.');
  if (!UUID_4.test(message.taskId)) {
    throw new RequestMalformedError(
      'message.taskId is required: over MQTT the requester makes it, a UUID version 4.',
    );
  }
  return message;
}

/** The same ids with other content is a mistake or a replay, never a second task. */
function requireSame(known: Message, repeated: Message): void {
  const parts = (message: Message) => JSON.stringify(message.parts.map((part) => Part.toJSON(part)));
  const sameContext =
    known.contextId === '' || repeated.contextId === '' || known.contextId === repeated.contextId;
  if (!sameContext || parts(known) !== parts(repeated)) {
    throw new RequestMalformedError('This task id and message id were used with another message.');
  }
}

function isStream(out: object): out is AsyncGenerator<unknown> {
  return Symbol.asyncIterator in out;
}
