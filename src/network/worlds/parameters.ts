import { fail } from '../../errors.ts';
import type { GridNetwork } from './grid-network.ts';

/** Where an order applies: cells by id, subscribers by SUPI. */
export interface Scope {
  cells: readonly string[];
  subscribers: readonly string[];
}

/** What can be set at run time, by name: unit, range with its clause, and whom it is set for. */
export const PARAMETERS = {
  ulP0Dbm: {
    min: -202,
    max: 24,
    step: 1,
    of: 'cells',
    what: 'P0 of the PUSCH in 180 kHz, dBm (TS 38.213 7.1.1)',
  },
  ulAlpha: {
    min: 0,
    max: 1,
    step: 0.1,
    of: 'cells',
    what: 'Compensation of the path loss (TS 38.213 7.1.1)',
  },
  cellOffsetDb: { min: -24, max: 24, step: 1, of: 'cells', what: 'Ocn of event A3 (TS 38.331 5.5.4.4), dB' },
  priorityLevel: {
    min: 1,
    max: 127,
    step: 1,
    of: 'subscribers',
    what: '5QI priority level (TS 23.501 5.7.3.3)',
  },
  prbPercent: { min: 0, max: 100, step: 1, of: 'subscribers', what: 'PRBs dedicated (TS 28.541 4.3.36)' },
  toStandbyRsrpDbm: { min: -156, max: -31, step: 1, of: 'subscribers', what: 'Leaves NR below, dBm' },
  toStandbySinrDb: { min: -23, max: 40, step: 0.5, of: 'subscribers', what: 'Leaves NR below, dB' },
} as const satisfies Record<
  string,
  { min: number; max: number; step: number; of: keyof Scope; what: string }
>;

/** A UE that a policy sent to E-UTRA returns this far above the thresholds, dB. */
const RETURN_DB = 4;
/** Stands for no threshold. */
const NEVER = -200;

/** Orders to a network by id: each sets some parameters in its scope, and can be taken back. */
export class Orders {
  readonly #network: GridNetwork;
  readonly #scopes = new Map<string, Scope>();

  constructor(network: GridNetwork) {
    this.#network = network;
  }

  /** One of the same id is replaced. @throws NETWORK_GRID_INVALID for a value out of range (the old order is gone then) or a name. */
  apply(id: string, parameters: Readonly<Record<string, number>>, scope: Scope): void {
    const unknown = Object.keys(parameters).find((name) => !Object.hasOwn(PARAMETERS, name));
    if (unknown !== undefined) {
      throw fail('NETWORK_GRID_INVALID', { field: unknown, problem: 'there is no such parameter' });
    }
    this.undo(id);
    this.#scopes.set(id, scope);
    const network = this.#network;
    const { ulP0Dbm, ulAlpha, cellOffsetDb, priorityLevel, prbPercent } = parameters;
    const { toStandbyRsrpDbm = NEVER, toStandbySinrDb = NEVER } = parameters;
    try {
      if (ulP0Dbm !== undefined || ulAlpha !== undefined || cellOffsetDb !== undefined) {
        network.control.cells.set({
          id,
          cellIds: [...scope.cells],
          ...(ulP0Dbm !== undefined && { ulP0Dbm }),
          ...(ulAlpha !== undefined && { ulAlpha }),
          ...(cellOffsetDb !== undefined && { cellOffsetDb }),
        });
      }
      if (prbPercent !== undefined && prbPercent > 0) {
        network.setRrmPolicy({
          id,
          cellIds: [...scope.cells],
          supis: [...scope.subscribers],
          dedicatedRatio: prbPercent,
        });
      }
      for (const supi of scope.subscribers) {
        const own = { id: `${id}/${supi}`, supi };
        if (priorityLevel !== undefined) network.setUePriority({ ...own, priorityLevel });
        if (toStandbyRsrpDbm !== NEVER || toStandbySinrDb !== NEVER) {
          network.setSteering({
            ...own,
            toStandbyBelow: { rsrpDbm: toStandbyRsrpDbm, sinrDb: toStandbySinrDb },
            returnAbove: { rsrpDbm: toStandbyRsrpDbm + RETURN_DB, sinrDb: toStandbySinrDb + RETURN_DB },
          });
        }
      }
    } catch (error) {
      this.undo(id);
      throw error;
    }
  }

  /** False where there is no such order, or it was taken back already. */
  undo(id: string): boolean {
    const scope = this.#scopes.get(id);
    if (scope === undefined) return false;
    const network = this.#network;
    network.control.cells.remove(id);
    network.removeRrmPolicy(id);
    for (const supi of scope.subscribers) {
      network.removeUePriority(`${id}/${supi}`);
      network.removeSteering(`${id}/${supi}`);
    }
    return this.#scopes.delete(id);
  }
}
