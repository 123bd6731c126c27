import type { SimulationOptions } from '../model.ts';
import { slug, type WorldDescription } from './schema.ts';

export interface Path {
  dnai: string;
  delayMs: number;
  healthy: boolean;
  active: boolean;
}

/** Ways from the UPF to the data networks of a world: the central one and its edge sites. */
export class Transport {
  readonly #world: WorldDescription;
  readonly #chosen = new Map<string, string>();
  readonly #shape: SimulationOptions['shapePath'];
  #second = 0;

  /** `shape`: what the core's transport does to a path on top of the world's events. */
  constructor(world: WorldDescription, shape: SimulationOptions['shapePath']) {
    this.#world = world;
    this.#shape = shape;
  }

  at(second: number): void {
    this.#second = second;
  }

  paths(supi: string): Path[] {
    const { central, edges, events } = this.#world;
    const centralDnai = centralOf(this.#world);
    const chosen = this.#chosen.get(supi) ?? edges.find((edge) => edge.default)?.dnai ?? centralDnai;
    const now = this.#second;
    return [{ dnai: centralDnai, delayMs: central.delayMs }, ...edges].map(({ dnai, delayMs }) => {
      let delay = delayMs;
      let healthy = true;
      for (const event of events) {
        if (!('dnai' in event) || event.dnai !== dnai) continue;
        if (now < event.from || now >= (event.until ?? Number.POSITIVE_INFINITY)) continue;
        if (event.kind === 'link-cut') healthy = false;
        else delay += event.addMs;
      }
      const path = { dnai, delayMs: delay, healthy };
      return { ...(this.#shape?.(path) ?? path), active: dnai === chosen };
    });
  }

  /** Nothing arrives over the path in use. */
  isCut(supi: string): boolean {
    const dnai = this.active(supi)?.dnai;
    return this.#world.events.some(
      (event) =>
        event.kind === 'link-cut' &&
        event.dnai === dnai &&
        this.#second >= event.from &&
        this.#second < (event.until ?? Number.POSITIVE_INFINITY),
    );
  }

  active(supi: string): Path | undefined {
    return this.paths(supi).find((path) => path.active);
  }

  route(supi: string, dnai: string): boolean {
    if (!this.paths(supi).some((path) => path.dnai === dnai)) return false;
    this.#chosen.set(supi, dnai);
    return true;
  }

  save(): Array<[supi: string, dnai: string]> {
    return [...this.#chosen];
  }

  restore(chosen: ReadonlyArray<readonly [string, string]>): void {
    this.#chosen.clear();
    for (const [supi, dnai] of chosen) this.#chosen.set(supi, dnai);
  }
}

/** The core's name for the central data network of a region. */
export const centralOf = ({ central, place }: WorldDescription): string =>
  central.dnai ?? `central-${slug(place.name)}`;
