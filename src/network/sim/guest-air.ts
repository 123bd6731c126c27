import type { Rat, TraceRow } from '../model.ts';
import { cqiOf, LTE, NR, sinrOfCqi } from '../radio/index.ts';
import type { Air, Reading } from './connection.ts';
import { normal, PURPOSE } from './hash.ts';
import { type Sample, sinrOf, strongest } from './radio-map.ts';
import type { RegionSim } from './region.ts';

/** Fading of the traveller's own links, dB. */
const FADING_DB = 1;

/** The traveller's simulated air: its exact place in the radio map, the load of now. */
export function simulatedAir(sim: RegionSim, sample: Sample, seed: number, second: number): Air {
  const fade = {
    NR: FADING_DB * normal(seed, PURPOSE.fading, -1, second % 86400),
    EUTRA: FADING_DB * normal(seed, PURPOSE.fadingStandby, -1, second % 86400),
  };
  const reading = (rat: Rat, cell: number): Reading => {
    const nr = rat === 'NR';
    const load = nr ? sim.loadNr : sim.loadLte;
    const carrier = nr ? NR : LTE;
    const sinrDb = sinrOf(carrier, nr ? sample.nrMw : sample.lteMw, cell, load) + fade[rat];
    return {
      cell,
      rsrpDbm: (nr ? sample.nr : sample.lte)[cell] as number,
      sinrDb,
      cqi: cqiOf(sinrDb, carrier.cqiTable),
      rsrqDb: rsrqOf(sinrDb, load[cell] as number),
    };
  };
  return {
    best: (rat) => reading(rat, strongest(rat === 'NR' ? sample.nr : sample.lte)),
    reading,
    held: null,
  };
}

/** RSRQ = RSRP over the RSSI of one PRB: reference signals, own load, interference and noise. */
function rsrqOf(sinrDb: number, load: number): number {
  return -10 * Math.log10(2 + 10 * load + 12 / 10 ** (sinrDb / 10));
}

/** 5G or not: all that is below (LTE, HSPA+, ...) rides on the E-UTRA layer. */
export const ratOfRow = (row: TraceRow): Rat => (/^(5G|NR)/i.test(row.networkMode) ? 'NR' : 'EUTRA');

/**
 * The air of a measured drive: the row is the link of its RAT. While the phone had left 5G, there was
 * no 5G to use; the 4G standby of a 5G row stays simulated.
 */
export function measuredAir(row: TraceRow, cell: number, simulated: Air): Air {
  const rat = ratOfRow(row);
  const { cqiTable } = rat === 'NR' ? NR : LTE;
  const own = simulated.reading(rat, cell);
  // Without a reported SNR: from the CQI, or the measured signal over the simulated interference.
  const derived = own
    ? own.sinrDb + (row.rsrpDbm - own.rsrpDbm)
    : row.rsrpDbm - (rat === 'NR' ? NR : LTE).noisePerReDbm;
  const sinrDb = row.snrDb ?? (row.cqi === null ? Math.min(derived, 20) : sinrOfCqi(row.cqi, cqiTable));
  const link: Reading = {
    cell,
    rsrpDbm: row.rsrpDbm,
    sinrDb,
    // The CQI is what the phone could decode: it, not the SNR, sets the rate (TS 38.214 5.2.2.1).
    cqi: row.cqi ?? cqiOf(sinrDb, cqiTable),
    rsrqDb: row.rsrqDb,
  };
  const pick = (of: Rat, other: () => Reading | null) => (of === rat ? link : of === 'NR' ? null : other());
  return {
    best: (of) => pick(of, () => simulated.best(of)),
    reading: (of, index) => pick(of, () => simulated.reading(of, index)),
    held: rat,
  };
}

/**
 * Gives each cell of a measured drive its own simulated sector: the strongest one still free at the
 * middle of where the phone saw it, longest seen first.
 */
export function mapCells(
  sim: RegionSim,
  rows: readonly TraceRow[],
  place: (row: TraceRow) => { x: number; y: number },
): Map<string, number> {
  const seen = new Map<string, { rat: Rat; x: number; y: number; count: number }>();
  for (const row of rows) {
    const entry = seen.get(cellKey(row)) ?? { rat: ratOfRow(row), x: 0, y: 0, count: 0 };
    const p = place(row);
    entry.x += p.x;
    entry.y += p.y;
    entry.count++;
    seen.set(cellKey(row), entry);
  }
  const taken = { NR: new Set<number>(), EUTRA: new Set<number>() };
  const cells = new Map<string, number>();
  const byTime = [...seen].sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : 1));
  for (const [key, entry] of byTime) {
    const sample = sim.map.expect({ x: entry.x / entry.count, y: entry.y / entry.count });
    const rsrp = entry.rat === 'NR' ? sample.nr : sample.lte;
    const order = [...rsrp.keys()].sort((a, b) => (rsrp[b] as number) - (rsrp[a] as number));
    const cell = order.find((i) => !taken[entry.rat].has(i)) ?? (order[0] as number);
    taken[entry.rat].add(cell);
    cells.set(key, cell);
  }
  return cells;
}

export const cellKey = (row: TraceRow): string => `${ratOfRow(row)}/${row.cellId}`;
