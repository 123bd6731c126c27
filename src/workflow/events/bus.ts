import type { Log } from '../../../machines/ports.ts';
import { parseEvent } from './cloud-event.ts';
import type { CloudEvent, EventBus } from './types.ts';

/**
 * The event bus of one process. Each listener is called in the order of publication and gets the same frozen
 * event; it waits for none of the others.
 */
export function createEventBus({ log }: { log: Log }): EventBus {
  const listeners = new Set<{ listen(event: CloudEvent): void | Promise<void> }>();
  return {
    async publish(given) {
      const event = frozen(parseEvent(given));
      const results = await Promise.allSettled(
        [...listeners].map(async ({ listen }) => {
          await listen(event);
        }),
      );
      for (const result of results) {
        if (result.status === 'rejected') {
          const { type, source, id } = event;
          log.warn({ type, source, id, problem: String(result.reason) }, 'a listener refused an event');
        }
      }
    },
    subscribe(listen) {
      const entry = { listen };
      listeners.add(entry);
      return () => void listeners.delete(entry);
    },
  };
}

/** Listeners share the event: none may change it for the others. */
function frozen<T>(value: T): T {
  if (value !== null && typeof value === 'object') {
    Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}
