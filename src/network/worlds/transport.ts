import type { WorldDescription } from './schema.ts';

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
  #second = 0;

  constructor(world: WorldDescription) {
    this.#world = world;
  }

  at(second: number): void {
    this.#second = second;
  }

  paths(supi: string): Path[] {
    const { central, edges, events } = this.#world;
    const chosen = this.#chosen.get(supi) ?? edges.find((edge) => edge.default)?.dnai ?? central.dnai;
    const now = this.#second;
    return [central, ...edges].map(({ dnai, delayMs }) => {
      let delay = delayMs;
      let healthy = true;
      for (const event of events) {
        if (!('dnai' in event) || event.dnai !== dnai) continue;
        if (now < event.from || now >= (event.until ?? Number.POSITIVE_INFINITY)) continue;
        if (event.kind === 'link-cut') healthy = false;
        else delay += event.addMs;
      }
      return { dnai, delayMs: delay, healthy, active: dnai === chosen };
    });
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
