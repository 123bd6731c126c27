import type { InspectionEvent } from 'xstate';

/** One thing that happened in an agent's actors. Ids and names only, never payloads. */
export interface InspectionRecord {
  /** Counts up from 1 without gaps, over restarts. */
  seq: number;
  /** ms since the Unix epoch. */
  at: number;
  kind: 'actor' | 'event' | 'action' | 'microstep' | 'snapshot';
  /** Id of the actor within its parent; the root's is the agent's id. */
  actor: string;
  /** Event or action type; of a snapshot, the status. */
  name: string;
  /** Ids of the active states, of a snapshot of a chart. */
  states?: string[];
}

/**
 * Collects what happens in the actors of one agent in a bounded ring. Never throws into the actors: XState
 * lets an inspector's error out of `send`.
 */
export class InspectionHub {
  readonly #ring: InspectionRecord[] = [];
  readonly #options: { size: number; now: () => number; onRecord?: (record: InspectionRecord) => void };
  #seq = 0;
  /** Records lost because an observer or a reader failed. */
  failures = 0;

  constructor(options: { size: number; now: () => number; onRecord?: (record: InspectionRecord) => void }) {
    this.#options = options;
  }

  readonly observe = (event: InspectionEvent): void => {
    try {
      const record = { seq: ++this.#seq, at: this.#options.now(), ...recordOf(event) };
      this.#ring.push(record);
      if (this.#ring.length > this.#options.size) this.#ring.shift();
      this.#options.onRecord?.(record);
    } catch {
      this.failures++;
    }
  };

  /** The newest records, oldest first. */
  recent(count = this.#options.size): InspectionRecord[] {
    return this.#ring.slice(-count);
  }
}

function recordOf(event: InspectionEvent): Omit<InspectionRecord, 'seq' | 'at'> {
  const actor = (event.actorRef as { id?: string }).id ?? event.actorRef.sessionId;
  switch (event.type) {
    case '@xstate.actor':
      return { kind: 'actor', actor, name: 'created' };
    case '@xstate.event':
      return { kind: 'event', actor, name: event.event.type };
    case '@xstate.action':
      return { kind: 'action', actor, name: event.action.type };
    case '@xstate.microstep':
      return { kind: 'microstep', actor, name: event.event.type };
    default: {
      const snapshot = event.snapshot as { status: string; _nodes?: { id: string }[] };
      const states = snapshot._nodes?.map(({ id }) => id);
      return { kind: 'snapshot', actor, name: snapshot.status, ...(states === undefined ? {} : { states }) };
    }
  }
}
