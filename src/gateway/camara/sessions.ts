import { initialTransition, transition } from 'xstate';
import { type QosSessionEvent, qosSessionMachine } from '../../../machines/index.ts';
import type { Env } from '../../../machines/ports.ts';
import type { NoticeSender } from './notices.ts';
import type { QosProfile } from './profiles.ts';
import { expiryOf, type QosRecord, READABLE, statusOf } from './record.ts';

/** What an application's QoS needs of the network. */
export interface QosNetwork {
  /**
   * Asks for the QoS of a profile; the same key never asks twice. Gives the network's id of it, or null where
   * the network cannot provide it. @throws where that is not known: it is asked again
   */
  reserve(supi: string, profile: QosProfile, key: string): Promise<string | null>;
  /** Whether the network still knows it and keeps the guarantee. @throws where that is not known */
  standing(grant: string): Promise<'kept' | 'not kept' | 'gone'>;
  /** Gives it back; one that is gone already is no error. @throws where that is not known */
  release(grant: string, key: string): Promise<void>;
}

export interface QosRecords {
  put(id: string, record: QosRecord): void;
  delete(id: string): unknown;
  list(): Array<{ id: string; value: QosRecord }>;
}

export interface QosSessionsOptions {
  env: Env;
  records: QosRecords;
  network: QosNetwork;
  notices: NoticeSender;
  /** @returns undefined for a profile that is offered no more */
  profile(name: string): QosProfile | undefined;
}

/** Between two looks at a session in use, ms. */
const WATCH = 15_000;
/** So many looks in a row without the guarantee, and the session is over. */
const PATIENCE = 4;
/** Before the network is asked again, ms. */
const RETRY = [500, 2_000, 8_000, 30_000];
const MAX_DELAY = 2_147_000_000;

/**
 * The QoS sessions and assignments of applications, each run by the `qosSession` chart. A change is written
 * before it takes effect, so that a killed runtime goes on where it was: what was asked is asked again under
 * the same key, what was to be released is released, what was to be told is told.
 */
export class QosSessions {
  readonly #options: QosSessionsOptions;
  readonly #records = new Map<string, QosRecord>();
  readonly #timers = new Map<string, unknown>();
  readonly #settled = new Map<string, Set<() => void>>();
  readonly #telling = new Set<string>();
  readonly #unkept = new Map<string, number>();
  readonly #pauses = new Set<() => void>();
  #closed = false;

  constructor(options: QosSessionsOptions) {
    this.#options = options;
    for (const { id, value } of options.records.list()) this.#records.set(id, value);
    for (const record of this.#records.values()) {
      if (record.state === 'requested' || record.state === 'withdrawn') void this.#reserve(record.id);
      else if (record.state === 'releasing') void this.#release(record.id);
      // The network may have forgotten while nobody looked.
      if (record.state === 'available') void this.#watch(record.id);
      else this.#arm(record.id);
      void this.#tell(record.id);
    }
  }

  get(id: string): QosRecord | undefined {
    return this.#records.get(id);
  }

  all(): QosRecord[] {
    return [...this.#records.values()];
  }

  create(record: Omit<QosRecord, 'state' | 'context' | 'notices'>, duration: number | null): QosRecord {
    const [snapshot, actions] = initialTransition(qosSessionMachine, { duration });
    const made = { ...record, state: String(snapshot.value), context: snapshot.context, notices: [] };
    this.#keep(made);
    this.#act(made.id, actions);
    return made;
  }

  /** Resolves when the network has answered for a session, or `ms` have passed. */
  settled(id: string, ms: number): Promise<void> {
    const { clock } = this.#options.env;
    if (this.#records.get(id)?.state !== 'requested') return Promise.resolve();
    return new Promise((resolve) => {
      const waiting = this.#settled.get(id) ?? new Set();
      const end = () => {
        clock.clearTimeout(timer);
        waiting.delete(end);
        resolve();
      };
      const timer = clock.setTimeout(end, ms);
      this.#settled.set(id, waiting.add(end));
    });
  }

  /** Takes an event to the chart, writes what follows, then lets it happen. */
  send(id: string, event: QosSessionEvent): QosRecord | undefined {
    const before = this.#records.get(id);
    if (before === undefined || this.#closed) return before;
    const { env } = this.#options;
    const at = qosSessionMachine.resolveState({ value: before.state as never, context: before.context });
    const [next, actions] = transition(qosSessionMachine, at, event);
    const after: QosRecord = { ...before, state: String(next.value), context: next.context };
    if (after.state === 'removed') {
      this.#drop(id);
      return undefined;
    }
    if (actions.some(({ type }) => type === 'announce') && after.sink !== null) {
      const status = statusOf(after) === 'AVAILABLE' ? 'AVAILABLE' : 'UNAVAILABLE';
      const notice = {
        id: env.ids.uuid(),
        time: env.clock.now(),
        status,
        statusInfo: after.context.statusInfo,
      } as const;
      after.notices = [...before.notices, notice];
    }
    this.#keep(after);
    if (after.state !== 'requested') for (const end of [...(this.#settled.get(id) ?? [])]) end();
    this.#act(id, actions);
    return after;
  }

  /** What the chart wants done. Each may be done again after a kill. */
  #act(id: string, actions: ReadonlyArray<{ type: string }>): void {
    for (const { type } of actions) {
      if (type === 'reserve') void this.#reserve(id);
      if (type === 'release') void this.#release(id);
      if (type === 'announce') void this.#tell(id);
    }
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) this.#options.env.clock.clearTimeout(timer);
    for (const waiting of this.#settled.values()) for (const end of [...waiting]) end();
    for (const end of [...this.#pauses]) end();
  }

  #keep(record: QosRecord): void {
    this.#options.records.put(record.id, record);
    this.#records.set(record.id, record);
    this.#arm(record.id);
  }

  #drop(id: string): void {
    this.#options.records.delete(id);
    this.#records.delete(id);
    this.#settled.delete(id);
    this.#unkept.delete(id);
    this.#arm(id);
  }

  /** The next thing that time brings to a session. */
  #arm(id: string): void {
    const { clock } = this.#options.env;
    clock.clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    const record = this.#records.get(id);
    if (record === undefined || this.#closed) return;
    const now = clock.now();
    const set = (at: number, work: () => void) =>
      this.#timers.set(id, clock.setTimeout(work, Math.min(MAX_DELAY, Math.max(0, at - now))));
    const { endedAt } = record.context;
    if (record.state === 'available') {
      const expiry = expiryOf(record) ?? Number.POSITIVE_INFINITY;
      if (expiry <= now + WATCH) {
        set(expiry, () => this.send(id, { type: 'EXPIRE', at: this.#options.env.clock.now() }));
      } else set(now + WATCH, () => void this.#watch(id));
    } else if (record.state === 'unavailable' && endedAt !== null) {
      const readable =
        record.notices.length > 0 ? Math.max(now + WATCH, endedAt + READABLE) : endedAt + READABLE;
      set(readable, () => (this.#telling.has(id) ? this.#arm(id) : void this.send(id, { type: 'REMOVE' })));
    }
  }

  async #watch(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (record?.state !== 'available' || record.context.grant === null) return;
    const { env, network } = this.#options;
    let standing: 'kept' | 'not kept' | 'gone' = 'kept';
    try {
      standing = await network.standing(record.context.grant);
    } catch (error) {
      // Not knowing is no reason to end what may well be kept.
      env.log.warn({ [record.kind]: id, problem: String(error) }, 'QoS session could not be looked at');
    }
    if (this.#records.get(id)?.state !== 'available') return;
    const unkept = standing === 'not kept' ? (this.#unkept.get(id) ?? 0) + 1 : 0;
    this.#unkept.set(id, unkept);
    if (standing === 'gone' || unkept >= PATIENCE) this.send(id, { type: 'TERMINATED', at: env.clock.now() });
    else this.#arm(id);
  }

  async #reserve(id: string): Promise<void> {
    const { env, network, profile } = this.#options;
    for (const wait of [...RETRY, null]) {
      const record = this.#records.get(id);
      if (record === undefined || this.#closed) return;
      const wanted = profile(record.profile);
      try {
        const grant = wanted === undefined ? null : await network.reserve(record.supi, wanted, id);
        const at = env.clock.now();
        this.send(id, grant === null ? { type: 'REFUSED', at } : { type: 'GRANTED', grant, at });
        return;
      } catch (error) {
        env.log.warn({ [record.kind]: id, problem: String(error) }, 'the network did not answer for QoS');
      }
      if (wait === null) this.send(id, { type: 'REFUSED', at: env.clock.now() });
      else await this.#pause(wait);
    }
  }

  async #release(id: string): Promise<void> {
    const { env, network } = this.#options;
    for (let tried = 0; !this.#closed; tried++) {
      const record = this.#records.get(id);
      if (record?.state !== 'releasing') return;
      try {
        if (record.context.grant !== null) await network.release(record.context.grant, `${id} release`);
        this.send(id, { type: 'RELEASED' });
        return;
      } catch (error) {
        env.log.warn({ [record.kind]: id, problem: String(error) }, 'QoS could not be released');
      }
      await this.#pause(RETRY[Math.min(tried, RETRY.length - 1)] as number);
    }
  }

  /** Notices of one session go out one after the other. */
  async #tell(id: string): Promise<void> {
    if (this.#telling.has(id)) return;
    this.#telling.add(id);
    try {
      for (;;) {
        const record = this.#records.get(id);
        const [notice] = record?.notices ?? [];
        if (record === undefined || notice === undefined || this.#closed) return;
        if (!(await this.#options.notices.send(record, notice))) return;
        const now = this.#records.get(id);
        if (now === undefined) return;
        this.#keep({ ...now, notices: now.notices.filter((one) => one.id !== notice.id) });
      }
    } finally {
      this.#telling.delete(id);
    }
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options.env;
    return new Promise((resolve) => {
      const end = () => {
        clock.clearTimeout(timer);
        this.#pauses.delete(end);
        resolve();
      };
      const timer = clock.setTimeout(end, ms);
      this.#pauses.add(end);
    });
  }
}
