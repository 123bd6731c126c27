import { type LightActor, lightActor } from '../../machines/light.ts';
import type { Env } from '../../machines/ports.ts';
import {
  type ProbeResult,
  type RequestContext,
  type RequestEvent,
  type RequestOutput,
  requestMachine,
} from '../../machines/protocols/request.machine.ts';
import { failBus, type NetAgentError } from '../errors.ts';
import { ChunkAssembler, isChunk } from './binary-artifact.ts';
import { bindingErrorOf, endsStreamReply, type Reply, ReplyEnvelope } from './envelope.ts';
import type { Link, Message } from './link.ts';
import { PROPERTY, readProperties } from './properties.ts';
import { UBSP, type Ubsp } from './security/ubsp.ts';
import { requestTopic } from './topics.ts';
import { beingAnswered, childOf, HOPS, isTraceparent, TRACEPARENT } from './trace.ts';

/** Timers and retry of the profile, in ms. */
export interface ExchangeTimers {
  firstReplyTimeoutMs: number;
  streamIdleTimeoutMs: number;
  maxAttempts: number;
  backoffMs: readonly number[];
}

export const PROFILE_TIMERS: ExchangeTimers = {
  firstReplyTimeoutMs: 15_000,
  streamIdleTimeoutMs: 30_000,
  maxAttempts: 3,
  backoffMs: [1_000, 2_000, 4_000],
};

export interface Call {
  /** Agent asked, `org/unit/agent`. */
  to: string;
  method: string;
  params: unknown;
  streaming: boolean;
  properties: Record<string, string>;
  signal?: AbortSignal | undefined;
  /** Asks for the task of a stream that has gone silent; rejects when the agent does not answer. */
  probe?: (deliver: (reply: Reply) => void) => Promise<ProbeResult>;
}

export interface ExchangeOptions {
  env: Env;
  link: Link;
  replyTopic: string;
  timers: ExchangeTimers;
  /** Encrypts what goes to agents whose key is known. */
  ubsp?: Ubsp | undefined;
}

type Actor = LightActor<typeof requestMachine>;

/** What hears of an operation: its replies in order, then how it ended (null: well). */
interface Sink {
  reply(reply: Reply): void;
  end(failure: unknown): void;
}

interface Operation {
  id: string;
  call: Call;
  sink: Sink;
  actor: Actor;
  correlations: string[];
  /** W3C trace context of all its attempts. */
  traceparent: string;
  /** How many agents have asked each other before it; none for one that a person or a clock began. */
  hops: number;
  chunks: ChunkAssembler | undefined;
  /** Its requests are encrypted; a plain reply is then none. */
  sealed: boolean;
  /** The end of what is being decrypted: replies keep their order. */
  opening: Promise<void>;
}

/**
 * The requester's side of A2A over MQTT: one reply topic for the member's whole life, one correlation
 * for every attempt. All attempts of an operation stay known until it ends, so that a late reply counts.
 */
export class Exchange {
  readonly #env: Env;
  readonly #link: Link;
  readonly #replyTopic: string;
  readonly #timers: ExchangeTimers;
  readonly #ubsp: Ubsp | undefined;
  readonly #operations = new Map<string, Operation>();
  readonly #byCorrelation = new Map<string, string>();
  #closed = false;
  /** Replies that no operation waited for. */
  stray = 0;

  constructor(options: ExchangeOptions) {
    this.#env = options.env;
    this.#link = options.link;
    this.#replyTopic = options.replyTopic;
    this.#timers = options.timers;
    this.#ubsp = options.ubsp;
  }

  readonly #actors = {
    probe: async ({ operation: id }: { operation: string }): Promise<ProbeResult> => {
      const operation = this.#operations.get(id);
      return (await operation?.call.probe?.((reply) => operation.sink.reply(reply))) ?? { state: 'live' };
    },
  };
  readonly #actions = {
    publish: (_: unknown, { operation }: { operation: string }) => this.#publish(operation),
    deliver: ({ context, event }: { context: RequestContext; event: RequestEvent }) => {
      // An empty envelope is the end marker, which only ends the wait.
      if (event.type === 'REPLY' && event.item !== END_MARKER) {
        this.#operations.get(context.operation)?.sink.reply(event.item as Reply);
      }
    },
    countUnexpected: () => {
      this.stray += 1;
    },
  };

  /** Hands in a message that arrived on the reply topic. */
  receive(message: Message): void {
    const correlation = message.properties.correlationData?.toString('latin1') ?? '';
    const operation = this.#operations.get(this.#byCorrelation.get(correlation) ?? '');
    if (operation === undefined) {
      this.stray += 1;
      return;
    }
    const properties = readProperties(message.properties.userProperties);
    if (!operation.sealed) this.#take(operation, message.payload, message, properties);
    else if (this.#ubsp === undefined || properties[UBSP.profile] !== UBSP.name) this.stray += 1;
    else operation.opening = operation.opening.then(() => this.#open(operation, message, properties));
  }

  async #open(operation: Operation, message: Message, properties: Record<string, string>): Promise<void> {
    try {
      const opened = await (this.#ubsp as Ubsp).open(message.payload, operation.call.to);
      const { text, properties: inside = properties } = opened;
      const ends = inside[PROPERTY.streamEnd] === 'true';
      // Anybody can encrypt to a public key; only who opened the request knows its id.
      const isOurs = (JSON.parse(text) as { id?: unknown }).id === operation.id;
      if (isOurs) this.#take(operation, Buffer.from(ends ? '' : text), message, inside);
      else this.stray += 1;
    } catch (error) {
      this.stray += 1;
      this.#env.log.warn(
        { agent: operation.call.to, problem: String(error) },
        'an encrypted reply is not taken',
      );
    }
  }

  #take(operation: Operation, payload: Buffer, message: Message, properties: Record<string, string>): void {
    if (isChunk(properties)) {
      operation.chunks ??= new ChunkAssembler();
      const whole = operation.chunks.add(payload, message.properties.contentType, properties);
      // A piece is a sign of life, and not yet an item.
      operation.actor.send({ type: 'REPLY', last: false, item: whole ?? END_MARKER });
      return;
    }
    const event = classify(operation.call, payload, properties);
    if (event === null) this.stray += 1;
    else operation.actor.send(event);
  }

  /** One reply. @throws BUS_NO_REPLY and the other errors of `failureOf`; the signal's reason. */
  ask(call: Call): Promise<Reply> {
    return new Promise((resolve, reject) => {
      let first: Reply | undefined;
      const stop = this.#begin(
        { ...call, streaming: false },
        {
          reply: (reply) => {
            first ??= reply;
          },
          end: (failure) => {
            stop();
            const { to: agent, method } = call;
            if (first !== undefined) resolve(first);
            else reject(failure ?? failBus('BUS_REPLY_INVALID', { agent, method, problem: 'it is empty' }));
          },
        },
      );
    });
  }

  /** The replies of one operation in their order. Ending the iteration early forgets the operation. */
  async *open(call: Call): AsyncGenerator<Reply, void, undefined> {
    const items: Reply[] = [];
    let wake: () => void = () => undefined;
    let ended: { failure: unknown } | undefined;
    const stop = this.#begin(call, {
      reply: (reply) => {
        items.push(reply);
        wake();
      },
      end: (failure) => {
        ended = { failure };
        wake();
      },
    });
    try {
      while (true) {
        const item = items.shift();
        if (item !== undefined) yield item;
        else if (ended === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        } else if (ended.failure === null) return;
        else throw ended.failure;
      }
    } finally {
      stop();
    }
  }

  /** Starts an operation; returns the way to forget it. @throws BUS_CLOSED, BUS_TOKEN_EXPOSED, the signal's reason */
  #begin(call: Call, sink: Sink): () => void {
    if (this.#closed) throw failBus('BUS_CLOSED');
    call.signal?.throwIfAborted();
    if (call.properties[PROPERTY.authorization] !== undefined && !this.#link.isPrivate) {
      throw failBus('BUS_TOKEN_EXPOSED', { agent: call.to });
    }
    const id = this.#env.ids.uuid();
    const { backoffMs, ...timers } = this.#timers;
    const actor: Actor = lightActor(requestMachine, {
      clock: this.#env.clock,
      input: {
        operation: id,
        ...timers,
        backoffMs: backoffMs.map((ms) => Math.round(ms * (0.8 + 0.4 * this.#env.random.next()))),
      },
      actions: this.#actions,
      actors: this.#actors,
      ended: (error) => {
        if (error !== undefined) sink.end(error);
        else sink.end(actor.output?.failure === null ? null : this.#failureOf(call, actor.output));
      },
    });
    const given = call.properties[TRACEPARENT];
    const operation: Operation = {
      id,
      call,
      sink,
      actor,
      correlations: [],
      traceparent: isTraceparent(given) ? given : childOf(beingAnswered()?.traceparent, this.#env.ids.uuid()),
      hops: (beingAnswered()?.hops ?? -1) + 1,
      chunks: undefined,
      sealed: false,
      opening: Promise.resolve(),
    };
    const abort = () => actor.send({ type: 'ABORT' });
    call.signal?.addEventListener('abort', abort, { once: true });
    this.#operations.set(id, operation);
    actor.start();
    return () => {
      actor.stop();
      call.signal?.removeEventListener('abort', abort);
      this.#operations.delete(id);
      for (const correlation of operation.correlations) this.#byCorrelation.delete(correlation);
    };
  }

  /** The connection is back without its session: what was sent meanwhile may be lost. */
  reconnected(): void {
    for (const { actor } of [...this.#operations.values()]) actor.send({ type: 'RECONNECTED' });
  }

  /** Ends every operation with BUS_CLOSED. */
  close(): void {
    this.#closed = true;
    for (const { actor } of [...this.#operations.values()]) actor.send({ type: 'ABORT' });
  }

  #publish(id: string): void {
    const operation = this.#operations.get(id);
    if (operation === undefined) return;
    const { call, actor, correlations, traceparent, hops } = operation;
    const correlation = this.#env.ids.uuid();
    correlations.push(correlation);
    this.#byCorrelation.set(correlation, id);
    const text = JSON.stringify({ jsonrpc: '2.0', id, method: call.method, params: call.params });
    const send = (payload: string | Buffer, contentType: string, more: Record<string, string>) =>
      this.#link.publish({
        topic: requestTopic(call.to),
        payload,
        properties: {
          contentType,
          payloadFormatIndicator: true,
          responseTopic: this.#replyTopic,
          correlationData: Buffer.from(correlation, 'latin1'),
          userProperties: {
            ...call.properties,
            [TRACEPARENT]: traceparent,
            ...(hops === 0 ? {} : { [HOPS]: String(hops) }),
            ...more,
          },
        },
      });
    const plain = () => send(text, 'application/json', {});
    const sent =
      this.#ubsp === undefined ? plain() : this.#sendSealed(operation, this.#ubsp, text, send, plain);
    sent.then(
      () => actor.send({ type: 'TAKEN' }),
      (problem) => actor.send({ type: 'NOT_TAKEN', problem }),
    );
  }

  async #sendSealed(
    operation: Operation,
    ubsp: Ubsp,
    text: string,
    send: (payload: Buffer, contentType: string, more: Record<string, string>) => Promise<void>,
    plain: () => Promise<void>,
  ): Promise<void> {
    const { to } = operation.call;
    const key = await ubsp.encryption.keyOf(to);
    if (key === undefined) {
      if (ubsp.encryption.required) throw failBus('BUS_KEY_UNKNOWN', { agent: to });
      return plain();
    }
    operation.sealed = true;
    const { call, traceparent, hops } = operation;
    const inside = { ...call.properties, [TRACEPARENT]: traceparent, [HOPS]: String(hops) };
    return send(await ubsp.seal(text, to, key, inside), UBSP.contentType, {
      [UBSP.profile]: UBSP.name,
      [UBSP.requester]: ubsp.self,
      [UBSP.recipient]: to,
      ...(key.kid === undefined ? {} : { [UBSP.kid]: key.kid }),
    });
  }

  #failureOf(call: Call, output: RequestOutput | undefined): NetAgentError | unknown {
    if (output === undefined) return failBus('BUS_CLOSED');
    const named = { agent: call.to, method: call.method, attempts: output.attempts };
    switch (output.failure) {
      case 'aborted':
        return this.#closed ? failBus('BUS_CLOSED') : call.signal?.reason;
      case 'stalled':
        return failBus('BUS_STREAM_STALLED', named);
      case 'busy': {
        const problem = (output.problem as ReplyEnvelope).error?.message ?? 'busy';
        return failBus('BUS_RESPONDER_UNAVAILABLE', { ...named, problem });
      }
      case 'not-published': {
        const problem = output.problem instanceof Error ? output.problem.message : String(output.problem);
        return failBus('BUS_PUBLISH_REFUSED', { ...named, problem }, { cause: output.problem });
      }
      default:
        return failBus('BUS_NO_REPLY', named);
    }
  }
}

const END_MARKER: Reply = { jsonrpc: '2.0', result: undefined };

/** What a reply means for the operation; null when it is not one. */
function classify(call: Call, payload: Buffer, properties: Record<string, string>) {
  if (payload.length === 0) {
    return properties[PROPERTY.streamEnd] === 'true'
      ? ({ type: 'REPLY', last: true, item: END_MARKER } as const)
      : null;
  }
  let json: unknown;
  try {
    json = JSON.parse(payload.toString());
  } catch {
    return null;
  }
  const parsed = ReplyEnvelope.safeParse(json);
  if (!parsed.success) return null;
  const reply: Reply = { ...parsed.data, properties };
  const binding = bindingErrorOf(reply);
  if (binding === 'responder_unavailable' || binding === 'request_expired') {
    return { type: 'BUSY', item: reply } as const;
  }
  try {
    return { type: 'REPLY', last: !call.streaming || endsStreamReply(reply), item: reply } as const;
  } catch {
    return null;
  }
}
