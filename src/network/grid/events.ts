/** What happened in a tick, four integers each: kind, UE, and two more by kind. */
export const EVENT = {
  /** from cell, to cell */
  handover: 1,
  /** to RAT, cause */
  ratChange: 2,
  /** cell, −1 */
  radioLinkFailure: 3,
  /** flow, cell */
  notGuaranteed: 4,
  guaranteed: 5,
} as const;

const WIDTH = 4;

/** The events of one tick: an array that grows to the busiest tick and stays. */
export class EventLog {
  #data = new Int32Array(WIDTH * 1024);
  #length = 0;

  get length(): number {
    return this.#length / WIDTH;
  }

  clear(): void {
    this.#length = 0;
  }

  push(kind: number, ue: number, a: number, b: number): void {
    if (this.#length === this.#data.length) {
      const bigger = new Int32Array(2 * this.#data.length);
      bigger.set(this.#data);
      this.#data = bigger;
    }
    const at = this.#length;
    this.#data[at] = kind;
    this.#data[at + 1] = ue;
    this.#data[at + 2] = a;
    this.#data[at + 3] = b;
    this.#length = at + WIDTH;
  }

  each(visit: (kind: number, ue: number, a: number, b: number) => void): void {
    for (let at = 0; at < this.#length; at += WIDTH) {
      const d = this.#data;
      visit(d[at] as number, d[at + 1] as number, d[at + 2] as number, d[at + 3] as number);
    }
  }
}
