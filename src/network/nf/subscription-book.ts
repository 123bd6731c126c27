/** Subscriptions to events of a function: ids, expiry, and how many reports are left. */
export class SubscriptionBook<T> {
  readonly #prefix: string;
  readonly #entries = new Map<string, Entry<T>>();
  #serial = 0;

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  add(value: T, limits: Limits = {}): string {
    const id = `${this.#prefix}-${++this.#serial}`;
    this.#entries.set(id, { value, left: Number.POSITIVE_INFINITY, expiry: Number.POSITIVE_INFINITY });
    this.replace(id, value, limits);
    return id;
  }

  replace(id: string, value: T, { maxReports, expiry }: Limits = {}): void {
    if (!this.#entries.has(id)) return;
    this.#entries.set(id, {
      value,
      left: maxReports ?? Number.POSITIVE_INFINITY,
      expiry: expiry ?? Number.POSITIVE_INFINITY,
    });
  }

  get(id: string | undefined): T | undefined {
    return this.#entries.get(id ?? '')?.value;
  }

  delete(id: string | undefined): boolean {
    return this.#entries.delete(id ?? '');
  }

  /** Those that still hold at `now` (ms); the others are forgotten. */
  open(now: number): Array<[id: string, value: T]> {
    const held: Array<[string, T]> = [];
    for (const [id, { value, left, expiry }] of this.#entries) {
      if (left <= 0 || now >= expiry) this.#entries.delete(id);
      else held.push([id, value]);
    }
    return held;
  }

  /** One report went out. */
  reported(id: string): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.left -= 1;
    if (entry.left <= 0) this.#entries.delete(id);
  }

  get size(): number {
    return this.#entries.size;
  }
}

interface Limits {
  maxReports?: number | undefined;
  /** ms. */
  expiry?: number | undefined;
}

interface Entry<T> {
  value: T;
  left: number;
  expiry: number;
}
