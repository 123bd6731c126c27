import type { WorkflowEventView } from '../../gateway/index.ts';
import type { Lifecycle } from '../../workflow/index.ts';

/** Events that are remembered of an instance, and instances of which any are. */
const EVENTS = 300;
const INSTANCES = 500;

/** What happened to instances since the runtime started, for those who look; what is kept is in the store. */
export class Story {
  readonly #events = new Map<string, WorkflowEventView[]>();
  readonly #listeners = new Map<string, Set<(event: WorkflowEventView) => void>>();

  add(event: Lifecycle): WorkflowEventView {
    const view = viewOf(event);
    const events = this.#events.get(event.instance) ?? [];
    // The newest stay; instances that moved last are at the end.
    this.#events.delete(event.instance);
    this.#events.set(event.instance, events);
    events.push(view);
    if (events.length > EVENTS) events.shift();
    if (this.#events.size > INSTANCES) this.#events.delete(this.#events.keys().next().value as string);
    for (const listener of [...(this.#listeners.get(event.instance) ?? [])]) {
      try {
        listener(view);
      } catch {
        // Who looks on and fails at it looks on no more; the others do.
        this.#listeners.get(event.instance)?.delete(listener);
      }
    }
    return view;
  }

  of(instance: string): WorkflowEventView[] {
    return [...(this.#events.get(instance) ?? [])];
  }

  follow(instance: string, listener: (event: WorkflowEventView) => void): () => void {
    const listeners = this.#listeners.get(instance) ?? new Set();
    this.#listeners.set(instance, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(instance);
    };
  }
}

function viewOf(event: Lifecycle): WorkflowEventView {
  const { at, type, instance, workflow } = event;
  return {
    at,
    type,
    instance,
    workflow,
    ...('pointer' in event ? { pointer: event.pointer } : {}),
    ...('text' in event ? { text: event.text } : {}),
    ...('fault' in event
      ? { pointer: event.fault.instance, text: event.fault.title || event.fault.type }
      : {}),
  };
}
