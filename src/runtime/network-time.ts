import type { Clock } from '../../machines/ports.ts';

/**
 * Network time: what the simulated network and the waits of workflows live in.
 *
 * In lock-step nobody can tell how long an agent thought: time stands still while any running workflow
 * works, and jumps to the earliest timer when all of them wait. A workflow that calls another agent
 * works until the answer is in its hands, except while the workflow behind that call waits itself
 * (its participant is linked to the call by id); so nothing moves while a message is on its way.
 */
export interface NetworkTimeOptions {
  /** Network time at the start, ms since the epoch. */
  start: number;
  /** Takes the network to `t`; everything that the network owes its subscribers is delivered after it. */
  advance: (t: number) => Promise<void>;
  /** `lockstep`, or the factor by which network time runs faster than `wall`. */
  mode: 'lockstep' | number;
  wall: Clock;
  onError: (error: unknown) => void;
}

/** Wall time between two steps of network time where it runs at a speed, ms. */
const TICK_MS = 50;

/** One workflow instance as a party to the lock-step. */
export interface Participant {
  /** Network time with timers that count as this participant's waiting. */
  clock: Clock;
  /** Work under way; time does not move between `begin` and its `end`. */
  activity: {
    begin(): void;
    end(): void;
    /** Within a `begin` and its `end`: waits for another instance, an event, an operator; what it gives ends that. */
    idle(): () => void;
  };
  /** Announces a call to another agent, made within an activity; the id travels with the request. */
  call(): { id: string; end(): void };
  leave(): void;
}

interface Timer {
  dueAt: number;
  seq: number;
  fn: () => void;
  owner: Party;
}

interface Call {
  id: string;
  parties: Set<Party>;
  /** A callee has ended: its answer is on its way, so this is work again. */
  answering: boolean;
}

interface Party {
  active: number;
  timers: number;
  /** Waits for something that is no timer of its own. */
  waits: number;
  calls: Set<Call>;
  parent: Call | undefined;
}

export class NetworkTime implements Clock {
  #now: number;
  #seq = 0;
  #callSeq = 0;
  #timers: Timer[] = [];
  #parties = new Set<Party>();
  #calls = new Map<string, Call>();
  #scheduled = false;
  #advancing = false;
  #closed = false;
  #ticker: unknown;
  #wallStart = 0;
  /** Owner of timers that belong to no participant. */
  readonly #nobody: Party = { active: 0, timers: 0, waits: 0, calls: new Set(), parent: undefined };
  readonly #options: NetworkTimeOptions;

  constructor(options: NetworkTimeOptions) {
    this.#options = options;
    this.#now = options.start;
    if (typeof options.mode === 'number') {
      this.#wallStart = options.wall.now();
      this.#tick(options.mode);
    }
  }

  now(): number {
    return this.#now;
  }

  /** Timers of nobody's: they move time only when no participant works. */
  setTimeout(fn: () => void, ms: number): unknown {
    return this.#addTimer(fn, ms, undefined);
  }

  clearTimeout(id: unknown): void {
    this.#dropTimer(id as Timer);
  }

  /** Number of workflow instances that take part now. */
  get participants(): number {
    return this.#parties.size;
  }

  /** Enters the lock-step; `parentCall` is the id of the call that this participant answers, if any. */
  join(parentCall?: string): Participant {
    const parent = parentCall === undefined ? undefined : this.#calls.get(parentCall);
    const party: Party = { active: 0, timers: 0, waits: 0, calls: new Set(), parent };
    this.#parties.add(party);
    if (parent) {
      parent.parties.add(party);
      parent.answering = false;
    }
    let left = false;
    const changed = () => this.#consider();
    return {
      clock: {
        now: () => this.#now,
        setTimeout: (fn, ms) => this.#addTimer(fn, ms, party),
        clearTimeout: (id) => this.#dropTimer(id as Timer),
      },
      activity: {
        begin: () => {
          party.active += 1;
        },
        end: () => {
          party.active -= 1;
          changed();
        },
        idle: () => {
          party.active -= 1;
          party.waits += 1;
          changed();
          return () => {
            party.active += 1;
            party.waits -= 1;
          };
        },
      },
      call: () => {
        this.#callSeq += 1;
        const call: Call = { id: `call-${this.#callSeq}`, parties: new Set(), answering: false };
        party.calls.add(call);
        this.#calls.set(call.id, call);
        return {
          id: call.id,
          end: () => {
            party.calls.delete(call);
            this.#calls.delete(call.id);
          },
        };
      },
      leave: () => {
        if (left) return;
        left = true;
        this.#parties.delete(party);
        this.#timers = this.#timers.filter((timer) => timer.owner !== party);
        if (parent) {
          parent.parties.delete(party);
          parent.answering = true;
        }
        changed();
      },
    };
  }

  /** Takes network time forward by hand, as the idle runtime does; refused while anybody takes part. */
  async idleTo(t: number): Promise<boolean> {
    if (this.#parties.size > 0 || this.#advancing || t <= this.#now) return false;
    await this.#moveTo(t);
    return true;
  }

  close(): void {
    this.#closed = true;
    this.#timers = [];
    if (this.#ticker !== undefined) this.#options.wall.clearTimeout(this.#ticker);
  }

  #addTimer(fn: () => void, ms: number, party: Party | undefined): Timer {
    this.#seq += 1;
    const owner = party ?? this.#nobody;
    const timer = { dueAt: this.#now + Math.max(0, ms), seq: this.#seq, fn, owner };
    this.#timers.push(timer);
    owner.timers += 1;
    this.#consider();
    return timer;
  }

  #dropTimer(timer: Timer): void {
    const index = this.#timers.indexOf(timer);
    if (index < 0) return;
    this.#timers.splice(index, 1);
    timer.owner.timers -= 1;
    this.#consider();
  }

  /** Looks again once the present macrosteps have settled. */
  #consider(): void {
    if (this.#options.mode !== 'lockstep' || this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (!this.#advancing) this.#step().catch(this.#options.onError);
    });
  }

  async #step(): Promise<void> {
    while (!this.#closed && this.#parties.size > 0 && [...this.#parties].every(asleep)) {
      const dueAt = this.#earliest();
      if (dueAt === undefined) return;
      await this.#moveTo(dueAt);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #earliest(): number | undefined {
    let dueAt: number | undefined;
    for (const timer of this.#timers) if (dueAt === undefined || timer.dueAt < dueAt) dueAt = timer.dueAt;
    return dueAt;
  }

  async #moveTo(t: number): Promise<void> {
    this.#advancing = true;
    try {
      if (t > this.#now) {
        await this.#options.advance(t);
        this.#now = t;
      }
      this.#fireDue();
    } finally {
      this.#advancing = false;
    }
  }

  #fireDue(): void {
    const due = this.#timers
      .filter((timer) => timer.dueAt <= this.#now)
      .sort((a, b) => a.dueAt - b.dueAt || a.seq - b.seq);
    for (const timer of due) {
      const index = this.#timers.indexOf(timer);
      if (index < 0) continue; // cleared by one that fired before it
      this.#timers.splice(index, 1);
      timer.owner.timers -= 1;
      try {
        timer.fn();
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }

  #tick(speed: number): void {
    this.#ticker = this.#options.wall.setTimeout(() => {
      const elapsed = (this.#options.wall.now() - this.#wallStart) * speed;
      this.#moveTo(this.#options.start + elapsed)
        .catch(this.#options.onError)
        .finally(() => {
          if (!this.#closed) this.#tick(speed);
        });
    }, TICK_MS);
  }
}

function asleep(party: Party): boolean {
  let waitingCalls = 0;
  for (const call of party.calls) {
    if (!call.answering && call.parties.size > 0 && [...call.parties].every(asleep)) waitingCalls += 1;
  }
  return party.active === waitingCalls && (party.timers + party.waits > 0 || waitingCalls > 0);
}
