import type { GridNetwork } from './grid-network.ts';
import { Orders, type Scope } from './parameters.ts';
import { Rating } from './rating.ts';
import type { WorldCopy } from './what-if.ts';

/** Sets and rates a world that runs. */
export class LiveTuning {
  readonly #network: GridNetwork;
  readonly #orders: Orders;
  readonly #start: number;

  constructor(network: GridNetwork) {
    this.#network = network;
    this.#start = network.start;
    this.#orders = new Orders(network);
  }

  /** The world as it is now. */
  copy(): WorldCopy {
    return { world: this.#network.world, start: this.#start, state: this.#network.save() };
  }

  /** @throws NETWORK_GRID_INVALID */
  async apply(id: string, parameters: Readonly<Record<string, number>>, scope: Scope): Promise<void> {
    this.#orders.apply(id, parameters, scope);
  }

  async undo(id: string): Promise<void> {
    this.#orders.undo(id);
  }

  /** Figures of the scope over the next `seconds` of network time. Rejects with the signal's reason. */
  measure(scope: Scope, seconds: number, signal: AbortSignal): Promise<Record<string, number>> {
    signal.throwIfAborted();
    const { observers } = this.#network;
    const rating = new Rating(this.#network, scope);
    return new Promise((resolve, reject) => {
      let left = seconds;
      const end = () => {
        observers.delete(observe);
        signal.removeEventListener('abort', abort);
      };
      const abort = () => {
        end();
        reject(signal.reason as Error);
      };
      const observe = () => {
        rating.observe();
        if (--left > 0) return;
        end();
        resolve(rating.kpis());
      };
      observers.add(observe);
      signal.addEventListener('abort', abort, { once: true });
    });
  }
}
