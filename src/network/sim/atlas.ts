import { fail } from '../../errors.ts';
import type { SimulationOptions } from '../model.ts';
import { findPlace, PLACES } from './gazetteer.ts';
import { buildWorld, type World } from './world.ts';

/** The regions deployed so far, with their cells and people by id. */
export class Atlas {
  readonly worlds = new Map<string, World>();
  readonly people = new Map<string, { world: World; ue: number }>();
  readonly #cells = new Map<string, { world: World; index: number }>();
  readonly #options: SimulationOptions;

  constructor(options: SimulationOptions) {
    this.#options = options;
  }

  /** The region of that name or id, deployed on first use. Throws NETWORK_REGION_UNKNOWN. */
  deployed(nameOrId: string): World {
    const place = findPlace(nameOrId);
    if (!place) throw fail('NETWORK_REGION_UNKNOWN', { region: nameOrId });
    const known = this.worlds.get(place.id);
    if (known) return known;
    const world = buildWorld(this.#options, place);
    this.worlds.set(place.id, world);
    const { nr, lte } = world.sim.deployment;
    [...nr, ...lte].forEach((cell, index) => {
      this.#cells.set(cell.id, { world, index });
    });
    world.sim.people.forEach(({ supi }, ue) => {
      this.people.set(supi, { world, ue });
    });
    return world;
  }

  /** A cell by its id, which names its region: deploys it, so that the cell exists for who knows it. */
  cellAt(id: string): { world: World; index: number } | undefined {
    const at = this.#cells.get(id);
    if (at) return at;
    const digits = id.length === 9 ? 3 : id.length === 7 ? 2 : 0;
    const place = PLACES[Number.parseInt(id.slice(0, digits), 16) - 1];
    if (place && !this.worlds.has(place.id)) this.deployed(place.id);
    return this.#cells.get(id);
  }
}
