import { createActor, fromPromise } from 'xstate';
import type { Env } from '../../machines/ports.ts';
import {
  type ProbeResult,
  type RequestOutput,
  requestMachine,
} from '../../machines/protocols/request.machine.ts';
import { failBus, type NetAgentError } from '../errors.ts';
import { bindingErrorOf, endsStreamReply, type Reply, ReplyEnvelope } from './envelope.ts';
import type { Link, Message } from './link.ts';
import { PROPERTY, readProperties } from './properties.ts';
import { requestTopic } from './topics.ts';

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

interface Operation extends Call {
  id: string;
  rpcId: string;
  correlations: string[];
  deliver(reply: Reply): void;
  reply(payload: Buffer, properties: Record<string, string>): void;
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
  readonly #operations = new Map<string, Operation>();
  readonly #byCorrelation = new Map<string, Operation>();
  readonly #aborts = new Set<() => void>();
  readonly #reconnects = new Set<() => void>();
  readonly #machine;
  #closed = false;
  /** Replies that no operation waited for. */
  stray = 0;

  constructor(options: { env: Env; link: Link; replyTopic: string; timers: ExchangeTimers }) {
    this.#env = options.env;
    this.#link = options.link;
    this.#replyTopic = options.replyTopic;
    this.#timers = options.timers;
    this.#machine = requestMachine.provide({
      actors: {
        publish: fromPromise(({ input }) => this.#publish(input.operation)),
        probe: fromPromise(async ({ input }): Promise<ProbeResult> => {
          const operation = this.#operations.get(input.operation);
          return (await operation?.probe?.((reply) => operation.deliver(reply))) ?? { state: 'live' };
        }),
      },
      actions: {
        deliver: ({ context, event }) => {
          if (event.type === 'REPLY') {
            this.#operations.get(context.operation)?.deliver(event.item as Reply);
          }
        },
        countUnexpected: () => {
          this.stray += 1;
        },
      },
    });
  }

  /** Hands in a message that arrived on the reply topic. */
  receive(message: Message): void {
    const correlation = message.properties.correlationData?.toString('latin1') ?? '';
    const operation = this.#byCorrelation.get(correlation);
    if (operation === undefined) {
      this.stray += 1;
      return;
    }
    operation.reply(message.payload, readProperties(message.properties.userProperties));
  }

  /** One reply. @throws BUS_NO_REPLY and the other errors of `failureOf`; the signal's reason. */
  async ask(call: Call): Promise<Reply> {
    for await (const reply of this.open({ ...call, streaming: false })) return reply;
    throw failBus('BUS_REPLY_INVALID', { agent: call.to, method: call.method, problem: 'it is empty' });
  }

  /** The replies of one operation in their order. Ending the iteration early forgets the operation. */
  async *open(call: Call): AsyncGenerator<Reply, void, undefined> {
    if (this.#closed) throw failBus('BUS_CLOSED');
    call.signal?.throwIfAborted();
    const items: Reply[] = [];
    let wake: () => void = () => undefined;
    let output: RequestOutput | undefined;
    let broken: unknown;
    const id = this.#env.ids.uuid();
    const timers = this.#timers;
    const operation: Operation = {
      ...call,
      id,
      rpcId: id,
      correlations: [],
      deliver: (reply) => {
        items.push(reply);
        wake();
      },
      reply: (payload, properties) => {
        const event = classify(call, payload, properties);
        if (event === null) {
          this.stray += 1;
          return;
        }
        actor.send(event);
      },
    };
    const actor = createActor(this.#machine, {
      clock: this.#env.clock,
      input: {
        operation: id,
        ...timers,
        backoffMs: timers.backoffMs.map((ms) => Math.round(ms * (0.8 + 0.4 * this.#env.random.next()))),
      },
    });
    actor.subscribe({
      error: (error) => {
        broken = error;
        wake();
      },
      complete: () => {
        output = actor.getSnapshot().output;
        wake();
      },
    });
    const tell = (type: 'ABORT' | 'RECONNECTED') => {
      if (actor.getSnapshot().status === 'active') actor.send({ type });
    };
    const abort = () => tell('ABORT');
    call.signal?.addEventListener('abort', abort, { once: true });
    const reconnected = () => tell('RECONNECTED');
    this.#aborts.add(abort);
    this.#reconnects.add(reconnected);
    this.#operations.set(id, operation);
    try {
      actor.start();
      while (true) {
        const item = items.shift();
        if (item !== undefined) {
          // An empty envelope is the end marker, which only ends the wait.
          if (!isEndMarker(item)) yield item;
          continue;
        }
        if (broken !== undefined) throw broken;
        if (output !== undefined) {
          if (output.failure === null) return;
          throw this.#failureOf(call, output);
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      actor.stop();
      call.signal?.removeEventListener('abort', abort);
      this.#aborts.delete(abort);
      this.#reconnects.delete(reconnected);
      this.#operations.delete(id);
      for (const correlation of operation.correlations) this.#byCorrelation.delete(correlation);
    }
  }

  /** The connection is back without its session: what was sent meanwhile may be lost. */
  reconnected(): void {
    for (const tell of [...this.#reconnects]) tell();
  }

  /** Ends every operation with BUS_CLOSED. */
  close(): void {
    this.#closed = true;
    for (const abort of [...this.#aborts]) abort();
  }

  async #publish(id: string): Promise<void> {
    const operation = this.#operations.get(id);
    if (operation === undefined) return;
    const correlation = this.#env.ids.uuid();
    operation.correlations.push(correlation);
    this.#byCorrelation.set(correlation, operation);
    await this.#link.publish({
      topic: requestTopic(operation.to),
      payload: JSON.stringify({
        jsonrpc: '2.0',
        id: operation.rpcId,
        method: operation.method,
        params: operation.params,
      }),
      properties: {
        contentType: 'application/json',
        payloadFormatIndicator: true,
        responseTopic: this.#replyTopic,
        correlationData: Buffer.from(correlation, 'latin1'),
        userProperties: operation.properties,
      },
    });
  }

  #failureOf(call: Call, output: RequestOutput): NetAgentError | unknown {
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
const isEndMarker = (reply: Reply) => reply === END_MARKER;

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
