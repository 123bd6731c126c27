/** IPv4 addresses of PDU sessions out of 10.45.0.0/16; the lowest free one is given. */
export class AddressPool {
  readonly #taken = new Set<number>();
  /** Nobody can be given an address below this. */
  #lowest = FIRST;

  /** Undefined when all 65,533 are in use. */
  take(): string | undefined {
    while (this.#taken.has(this.#lowest)) this.#lowest += 1;
    if (this.#lowest > LAST) return undefined;
    this.#taken.add(this.#lowest);
    return `10.45.${this.#lowest >> 8}.${this.#lowest & 255}`;
  }

  release(address: string): boolean {
    const [, , high, low] = address.split('.').map(Number);
    const n = (high ?? 0) * 256 + (low ?? 0);
    if (!this.#taken.delete(n)) return false;
    this.#lowest = Math.min(this.#lowest, n);
    return true;
  }

  get inUse(): number {
    return this.#taken.size;
  }
}

/** .0.0 is the network, .0.1 the gateway, .255.255 the broadcast address. */
const FIRST = 2;
const LAST = 0xfffe;
