import type { Simulation } from '../model.ts';

/** Counters of one cell since the start, from what happened in it (TS 28.552 5.1.1.6, 5.1.1.4). */
interface Happened {
  'MM.HoExeInterReq': number;
  'MM.HoExeInterSucc': number;
  'RRC.ReEstabAtt': number;
  'QF.NotGuaranteedNbr': number;
}
const NOTHING: Happened = {
  'MM.HoExeInterReq': 0,
  'MM.HoExeInterSucc': 0,
  'RRC.ReEstabAtt': 0,
  'QF.NotGuaranteedNbr': 0,
};

/**
 * Measurements of cells under their TS 28.552 names: those of the last second, and cumulative counters
 * of handovers and failures. What the simulation gives of its own goes through as it is.
 */
export class CellCounters {
  readonly #simulation: Simulation;
  readonly #happened = new Map<string, Happened>();
  readonly #stop: () => void;

  constructor(simulation: Simulation) {
    this.#simulation = simulation;
    this.#stop = simulation.onEvent((event) => {
      if (event.type === 'handover') {
        // Counted where the handover began; one that was carried out has succeeded.
        this.#count(event.fromCell, 'MM.HoExeInterReq');
        this.#count(event.fromCell, 'MM.HoExeInterSucc');
      }
      if (event.type === 'radio-link-failure') this.#count(event.cellId, 'RRC.ReEstabAtt');
      if (event.type === 'qos.not-guaranteed' && event.cellId !== null) {
        this.#count(event.cellId, 'QF.NotGuaranteedNbr');
      }
    });
  }

  /** Undefined for a cell that does not exist. */
  of(cellId: string): Record<string, unknown> | undefined {
    const kpis = this.#simulation.kpis(cellId);
    const cell = this.#simulation.cell(cellId);
    if (kpis === undefined || cell === undefined) return undefined;
    const used = (percent: number) => Math.round((cell.prbTotal * percent) / 100);
    return {
      ...kpis,
      'RRU.PrbAvailDl': cell.prbTotal,
      'RRU.PrbUsedDl': used(kpis['RRU.PrbTotDl']),
      'RRU.PrbAvailUl': cell.prbTotal,
      'RRU.PrbUsedUl': used(kpis['RRU.PrbTotUl']),
      ...(this.#happened.get(cellId) ?? NOTHING),
    };
  }

  close(): void {
    this.#stop();
  }

  #count(cellId: string, name: keyof Happened): void {
    const counters = this.#happened.get(cellId) ?? { ...NOTHING };
    counters[name] += 1;
    this.#happened.set(cellId, counters);
  }
}
