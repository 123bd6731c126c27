import type { AgentCard } from '@a2a-js/sdk';
import type { AgentPresence, BusMember } from '../../broker/index.ts';
import type { Clock } from '../../machines/ports.ts';

export interface DirectoryEntry {
  presence: AgentPresence;
  /** When this card came, ms. */
  since: number;
}

/** Who is on the bus, kept up to date from presence. */
export class Directory {
  readonly #door: BusMember;
  readonly #clock: Clock;
  readonly #entries = new Map<string, DirectoryEntry>();
  readonly #stop: () => void;

  constructor(door: BusMember, clock: Clock, onChange: (id: string) => void) {
    this.#door = door;
    this.#clock = clock;
    for (const presence of door.agents()) this.#take(presence);
    this.#stop = door.onPresence((presence) => {
      // An agent that took its card away is gone, one that is offline is still known.
      const gone = presence.status === 'offline' && !door.agents().some(({ id }) => id === presence.id);
      if (gone) this.#entries.delete(presence.id);
      else this.#take(presence);
      onChange(presence.id);
    });
  }

  get(id: string): DirectoryEntry | undefined {
    return this.#entries.get(id);
  }

  list(): AgentPresence[] {
    return this.#door.agents();
  }

  close(): void {
    this.#stop();
    this.#entries.clear();
  }

  #take(presence: AgentPresence): void {
    const known = this.#entries.get(presence.id);
    const same = known !== undefined && sameCard(known.presence.card, presence.card);
    this.#entries.set(presence.id, { presence, since: same ? known.since : this.#clock.now() });
  }
}

const sameCard = (a: AgentCard, b: AgentCard) => a === b || JSON.stringify(a) === JSON.stringify(b);
