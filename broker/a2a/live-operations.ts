import type { Message } from '@a2a-js/sdk';
import type { ReplyEnvelope } from './envelope.ts';

type Sink = (reply: ReplyEnvelope | null) => void;

/** One running send and its replies so far; every attempt that attaches gets all of them, in order. */
export interface LiveOperation {
  readonly message: Message;
  attach(sink: Sink): void;
  push(reply: ReplyEnvelope | null): void;
}

/** The sends that run now, so that a repeated one joins instead of running again. */
export class LiveOperations {
  readonly #running = new Map<string, LiveOperation>();

  get size(): number {
    return this.#running.size;
  }

  get(key: string): LiveOperation | undefined {
    return this.#running.get(key);
  }

  open(key: string, message: Message): LiveOperation {
    const replies: Array<ReplyEnvelope | null> = [];
    const sinks = new Set<Sink>();
    const operation: LiveOperation = {
      message,
      attach(sink) {
        for (const reply of replies) sink(reply);
        sinks.add(sink);
      },
      push(reply) {
        replies.push(reply);
        for (const sink of sinks) sink(reply);
      },
    };
    this.#running.set(key, operation);
    return operation;
  }

  close(key: string): void {
    this.#running.delete(key);
  }
}
