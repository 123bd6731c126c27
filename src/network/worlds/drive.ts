import type { RadioTruth } from '../grid/index.ts';
import type { Rat, TraceRow } from '../model.ts';
import { toLocal } from '../sim/geo.ts';
import { placer } from '../sim/itinerary.ts';
import type { Deployed } from './deploy.ts';

/**
 * A measured drive in a world: its seconds are those of the UE. A drive that lies inside the area stays
 * where it was measured; another is moved to the middle, and shrunk where it does not fit.
 */
export class Drive {
  readonly seconds: number;
  readonly #rows: readonly TraceRow[];
  readonly #place: (row: TraceRow) => { x: number; y: number };
  readonly #cells = new Map<string, number>();

  constructor(deployed: Deployed, rows: TraceRow[]) {
    this.#rows = rows;
    this.seconds = (rows.at(-1) as TraceRow).second + 1;
    const { region, ground } = deployed;
    const { x0, x1, y0, y1 } = ground.layout.bounds;
    const here = (row: TraceRow) => toLocal(region.centre, row.position);
    const inside = rows.every((row) => {
      const { x, y } = here(row);
      return x >= x0 && x <= x1 && y >= y0 && y <= y1;
    });
    const moved = placer(rows, Math.min(x1 - x0, y1 - y0) / 2);
    const middle = { x: (x0 + x1) / 2, y: (y0 + y1) / 2 };
    this.#place = inside ? here : (row) => ({ x: moved(row).x + middle.x, y: moved(row).y + middle.y });
    this.#map(deployed);
  }

  /** Every measured cell becomes a cell of the world: the nearest that looks there, but not the one before. */
  #map({ cells, ground, grid }: Deployed): void {
    const { plan } = grid.columns;
    let before = -1;
    for (const row of this.#rows) {
      const rat = ratOf(
        row,
        cells.some((one) => one.rat === 'NR'),
        cells.some((one) => one.rat === 'EUTRA'),
      );
      const key = keyOf(row);
      const known = this.#cells.get(key);
      if (known !== undefined) {
        before = known;
        continue;
      }
      const at = this.#place(row);
      let best = -1;
      let least = Number.POSITIVE_INFINITY;
      for (let c = 0; c < cells.length; c++) {
        if (cells[c]?.rat !== rat || c === before) continue;
        const site = ground.sites[plan.cellSite[c] as number] as { x: number; y: number };
        const towards = (Math.atan2(at.x - site.x, at.y - site.y) * 180) / Math.PI;
        const off = Math.abs(((towards - (plan.cellAzimuth[c] as number) + 540) % 360) - 180);
        // Behind a sector counts as twice as far.
        const far = Math.hypot(at.x - site.x, at.y - site.y) * (1 + off / 180);
        if (far >= least) continue;
        least = far;
        best = c;
      }
      this.#cells.set(key, best < 0 ? before : best);
      before = this.#cells.get(key) as number;
    }
  }

  /** The row that holds `ms` after the start; before it the first, after it the last. */
  #row(ms: number): TraceRow {
    const want = Math.floor(ms / 1000);
    let low = 0;
    let high = this.#rows.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#rows[middle] as TraceRow).second <= want) low = middle;
      else high = middle - 1;
    }
    return this.#rows[low] as TraceRow;
  }

  at(ms: number): { x: number; y: number; speedMps: number } {
    const row = this.#row(ms);
    const moves = ms >= 0 && ms < 1000 * this.seconds;
    return { ...this.#place(row), speedMps: moves ? row.speedMps : 0 };
  }

  truth(ms: number): RadioTruth {
    const row = this.#row(ms);
    const { rsrpDbm, rsrqDb, snrDb } = row;
    return { cell: this.#cells.get(keyOf(row)) as number, rsrpDbm, rsrqDb, sinrDb: snrDb };
  }
}

const keyOf = (row: TraceRow) => `${row.networkMode}/${row.cellId}`;

/** RAT of a row; where the world has but one, that one. */
function ratOf(row: TraceRow, nr: boolean, eutra: boolean): Rat {
  if (!eutra) return 'NR';
  return nr && /5G|NR/i.test(row.networkMode) ? 'NR' : 'EUTRA';
}
