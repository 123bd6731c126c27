import type { Grid } from '../grid/index.ts';

/** What one order sets in its cells; what it leaves out stays as it is. */
export interface CellSetting {
  id: string;
  cellIds: string[];
  ulP0Dbm?: number;
  ulAlpha?: number;
  cellOffsetDb?: number;
}

const NAMES = ['ulP0Dbm', 'ulAlpha', 'cellOffsetDb'] as const;
/** Alpha of a cell whose order names P0 alone (TS 38.331: absent, alpha is 1). */
const ALPHA = 1;

/** Radio settings of cells by order: of two orders for one value the later counts, until it is taken back. */
export class CellTuning {
  readonly #grid: Grid;
  readonly #cellOf: (id: string) => number | undefined;
  readonly #orders = new Map<string, CellSetting>();

  constructor(grid: Grid, cellOf: (id: string) => number | undefined) {
    this.#grid = grid;
    this.#cellOf = cellOf;
  }

  /** @throws NETWORK_GRID_INVALID for a value out of range; nothing is changed then. */
  set(order: CellSetting): void {
    const before = [...this.#orders];
    this.#orders.delete(order.id);
    this.#orders.set(order.id, structuredClone(order));
    try {
      this.#apply([...order.cellIds, ...before.flatMap(([id, one]) => (id === order.id ? one.cellIds : []))]);
    } catch (error) {
      this.#orders.clear();
      for (const [id, one] of before) this.#orders.set(id, one);
      this.#apply(order.cellIds);
      throw error;
    }
  }

  remove(id: string): boolean {
    const order = this.#orders.get(id);
    this.#orders.delete(id);
    if (order !== undefined) this.#apply(order.cellIds);
    return order !== undefined;
  }

  #apply(cellIds: readonly string[]): void {
    for (const cellId of new Set(cellIds)) {
      const cell = this.#cellOf(cellId);
      if (cell === undefined) continue;
      const now: Partial<Record<(typeof NAMES)[number], number>> = {};
      for (const order of this.#orders.values()) {
        if (!order.cellIds.includes(cellId)) continue;
        for (const name of NAMES) if (order[name] !== undefined) now[name] = order[name];
      }
      const { ulP0Dbm, ulAlpha = ALPHA, cellOffsetDb = 0 } = now;
      this.#grid.setUplinkPower(cell, ulP0Dbm === undefined ? null : { p0Dbm: ulP0Dbm, alpha: ulAlpha });
      this.#grid.setCellOffset(cell, cellOffsetDb);
    }
  }

  save(): CellSetting[] {
    return [...this.#orders.values()];
  }

  /** The values themselves are in the columns of the grid. */
  restore(orders: readonly CellSetting[]): void {
    this.#orders.clear();
    for (const order of orders) this.#orders.set(order.id, order);
  }
}
