import { GridNetwork } from './grid-network.ts';
import { Orders, type Scope } from './parameters.ts';
import { Rating } from './rating.ts';
import type { WorldFile } from './read.ts';
import type { WorldEvent } from './schema.ts';
import { decodeWorld } from './snapshot.ts';

/** The present of a world: its description and a snapshot. Goes through `structuredClone`. */
export interface WorldCopy {
  world: WorldFile;
  /** Network time at the start, ms. */
  start: number;
  state: Uint8Array;
}

/** Seconds after an order before its effect is rated: averages and handovers settle. */
const SETTLE_S = 5;

/** A sandbox: futures of one present, under orders that the live world never sees. Synchronous. */
export class WhatIf {
  readonly #network: GridNetwork;
  readonly #state: Uint8Array;

  /** @throws NETWORK_SNAPSHOT_INVALID */
  constructor({ world, start, state }: WorldCopy) {
    const { second } = decodeWorld(state, world, start).state;
    this.#network = new GridNetwork(withoutForesight(world, second), { startTime: start });
    this.#state = state;
  }

  /**
   * KPIs over `seconds` of the future that `seed` draws, with `parameters` set in `scope`; null if `stopped`
   * said so in between. The same arguments give the same KPIs.
   * @throws NETWORK_GRID_INVALID for a value out of range.
   */
  evaluate(
    parameters: Readonly<Record<string, number>>,
    scope: Scope,
    { seconds, seed, stopped = () => false }: { seconds: number; seed: number; stopped?: () => boolean },
  ): Record<string, number> | null {
    const network = this.#network;
    network.restore(this.#state);
    network.deployed.grid.reseed(seed);
    network.deployed.seed = seed;
    const orders = new Orders(network);
    const rating = new Rating(network, scope);
    // All is restored before the next evaluation: the order need not be undone.
    orders.apply('what-if', parameters, scope);
    for (let second = -SETTLE_S; second < seconds; second++) {
      if (stopped()) return null;
      network.advanceTo(network.now + 1000);
      if (second >= 0) rating.observe();
    }
    return rating.kpis();
  }
}

const NEVER = Number.POSITIVE_INFINITY;

/** What a description says of the time to come, no operator knows: what has not begun never does, what has stays. */
function withoutForesight(world: WorldFile, second: number): WorldFile {
  const events = world.description.events.map((event): WorldEvent => {
    if (event.kind === 'crowd') {
      const { arrives, leaves, ...rest } = event;
      if (arrives.from > second) return { ...rest, arrives: { from: NEVER, until: NEVER } };
      return leaves === undefined || leaves.from > second ? { ...rest, arrives } : event;
    }
    const { until, ...rest } = event;
    if (event.from > second) return { ...event, from: NEVER, until: NEVER };
    return until !== undefined && until <= second ? event : (rest as WorldEvent);
  });
  return { ...world, description: { ...world.description, events } };
}
