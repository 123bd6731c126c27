import type { AgentExecutionEvent, ExecutionEventBus, ExecutionEventName } from '@a2a-js/sdk/server';

type Listener = ((event: AgentExecutionEvent) => void) | (() => void);

/** The executor's end of a turn: what it publishes goes to `sink`, in order and at once. */
export class TurnBus implements ExecutionEventBus {
  readonly #sink: (event: AgentExecutionEvent) => void;
  #listeners: Record<ExecutionEventName, Set<Listener>> | undefined;

  constructor(sink: (event: AgentExecutionEvent) => void) {
    this.#sink = sink;
  }

  publish(event: AgentExecutionEvent): void {
    this.#sink(event);
    for (const listener of [...(this.#listeners?.event ?? [])]) listener(event);
  }

  finished(): void {
    for (const listener of [...(this.#listeners?.finished ?? [])]) (listener as () => void)();
  }

  on(name: ExecutionEventName, listener: Listener): this {
    this.#listeners ??= { event: new Set(), finished: new Set() };
    this.#listeners[name].add(listener);
    return this;
  }

  off(name: ExecutionEventName, listener: Listener): this {
    this.#listeners?.[name].delete(listener);
    return this;
  }

  once(name: ExecutionEventName, listener: Listener): this {
    const first = (event: AgentExecutionEvent) => {
      this.off(name, first);
      listener(event);
    };
    return this.on(name, first);
  }

  removeAllListeners(name?: ExecutionEventName): this {
    if (name === undefined) this.#listeners = undefined;
    else this.#listeners?.[name].clear();
    return this;
  }
}
