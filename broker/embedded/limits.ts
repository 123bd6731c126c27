export interface SessionLimits {
  /** Messages that wait for one client. */
  maxQueuedMessages: number;
  /** Bytes of payload that wait for one client. */
  maxQueuedBytes: number;
}

export interface GuardLimits {
  /** Refused or broken connections of one address in a minute; beyond it the address has to wait. */
  maxFailuresPerMinute: number;
  /** Changes of one agent's card in a minute. Members inside the process are not counted. */
  maxCardsPerMinute: number;
  /** Messages that one connection may publish in a second, on average over two. */
  maxPublishesPerSecond: number;
  /** Filters of one connection. */
  maxSubscriptions: number;
  /** Topics with a retained message. */
  maxRetained: number;
  /** Bytes that wait in the socket of one connection; beyond it the connection is cut. */
  maxBufferedBytes: number;
}

export interface BusLimits extends Partial<GuardLimits>, Partial<SessionLimits> {
  /** Bytes of one MQTT packet. */
  maxPacketBytes?: number;
  /** Connections from outside the process, on each port. */
  maxConnections?: number;
  /** Seconds that a session may outlive its connection. */
  maxSessionExpiryS?: number;
  /** Sessions that wait for their owner at once. */
  maxPendingSessions?: number;
  /** Milliseconds for which a subscriber may leave its socket full before the connection is cut. */
  drainTimeoutMs?: number;
  /** Milliseconds after a start in which agents may come back before their cards are set offline. */
  rejoinMs?: number;
}

export const DEFAULTS: Required<BusLimits> = {
  maxPacketBytes: 4 * 1024 * 1024,
  maxConnections: 1_000,
  maxSessionExpiryS: 3_600,
  maxPendingSessions: 1_000,
  drainTimeoutMs: 2_000,
  rejoinMs: 10_000,
  maxFailuresPerMinute: 60,
  maxCardsPerMinute: 10,
  maxPublishesPerSecond: 20_000,
  maxSubscriptions: 100,
  maxRetained: 20_000,
  maxBufferedBytes: 16 * 1024 * 1024,
  maxQueuedMessages: 1_000,
  maxQueuedBytes: 16 * 1024 * 1024,
};

export function withDefaults(given: BusLimits): Required<BusLimits> {
  const limits = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as Array<keyof BusLimits>)
    limits[key] = given[key] ?? DEFAULTS[key];
  return limits;
}

const MINUTE = 60_000;
/** Names counted at once; an attacker with more addresses than this meets the limit of connections. */
const MAX_NAMES = 10_000;

/** Counts by name in windows of a minute. */
export class PerMinute {
  readonly #windows = new Map<string, { since: number; count: number }>();

  count(name: string, now: number): number {
    const window = this.#windows.get(name);
    return window === undefined || now - window.since >= MINUTE ? 0 : window.count;
  }

  add(name: string, now: number): number {
    const count = this.count(name, now) + 1;
    const since = count === 1 ? now : (this.#windows.get(name)?.since ?? now);
    this.#windows.delete(name);
    this.#windows.set(name, { since, count });
    if (this.#windows.size > MAX_NAMES) this.#windows.delete(this.#windows.keys().next().value as string);
    return count;
  }
}

/** A bucket of tokens: so many a second, at most two seconds' worth at once. */
export class PerSecond {
  readonly #rate: number;
  #tokens: number;
  #at: number;

  constructor(rate: number, now: number) {
    this.#rate = rate;
    this.#tokens = rate * 2;
    this.#at = now;
  }

  take(now: number): boolean {
    this.#tokens = Math.min(
      this.#rate * 2,
      this.#tokens + (Math.max(0, now - this.#at) / 1_000) * this.#rate,
    );
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
