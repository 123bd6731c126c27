import { type Carrier, cqiOf, dlPerPrbRepeated, MCS_TABLES } from '../radio/index.ts';
import type { Layout } from './layout.ts';
import { type LossTable, lossTable, type SurroundingsTable, surroundingsTable } from './lookup.ts';

const SINR_LOW = -20;
const SINR_STEPS = 10;
const SINR_SIZE = 80 * SINR_STEPS;

/** Everything looked up by distance or SINR; arrays have one entry a RAT. */
export interface Tables {
  surroundings: SurroundingsTable;
  loss: [LossTable, LossTable];
  /** Noise of the UE in one resource element, mW. */
  noise: [number, number];
  /** Antenna gain of the carrier, dBi. */
  gain: [number, number];
  alwaysOn: [number, number];
  /** By tenth of a dB of SINR. */
  perPrb: [Float32Array, Float32Array];
  cqi: [Uint8Array, Uint8Array];
  mcs: [Uint8Array, Uint8Array];
  bler: [Float32Array, Float32Array];
}

const both = <T>(of: (carrier: Carrier) => T, layout: Layout): [T, T] => [
  of(layout.carriers.NR),
  of(layout.carriers.EUTRA),
];

export function tablesOf(layout: Layout, alwaysOn: [number, number]): Tables {
  const bySinr = (value: (sinr: number) => number) =>
    Float32Array.from({ length: SINR_SIZE }, (_, i) => value(SINR_LOW + i / SINR_STEPS));
  const cqi = both((carrier) => Uint8Array.from(bySinr((sinr) => cqiOf(sinr, carrier.cqiTable))), layout);
  return {
    surroundings: surroundingsTable(),
    loss: both(lossTable, layout),
    noise: both((carrier) => 10 ** (carrier.noisePerReDbm / 10), layout),
    gain: both((carrier) => carrier.gainDbi, layout),
    alwaysOn,
    perPrb: both((carrier) => bySinr((sinr) => dlPerPrbRepeated(carrier, sinr)), layout),
    cqi,
    mcs: [mcsByCqi(cqi[0], 2), mcsByCqi(cqi[1], 1)],
    bler: both((carrier) => bySinr((sinr) => blockErrors(carrier, sinr)), layout),
  };
}

/** Link adaptation holds 10 % down to CQI 1; below it the errors grow to all. */
function blockErrors(carrier: Carrier, sinr: number): number {
  const lowest = carrier.cqiTable.sinrDb[0] as number;
  return sinr >= lowest ? 0.1 : Math.min(1, 0.1 + 0.15 * (lowest - sinr));
}

/** Index of the MCS whose efficiency is nearest below that of a CQI: the notes' matching lists. */
const MATCHING = {
  1: [0, 0, 0, 2, 4, 6, 8, 11, 13, 15, 18, 20, 22, 24, 26, 28],
  2: [0, 0, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27],
} as const;

/** MCS that a gNB chooses on a reported CQI: tables 5.1.3.1-1 and -2 of TS 38.214. */
export const mcsOfCqi = (cqi: number, table: 1 | 2): number =>
  Math.min(MATCHING[table][cqi] ?? 0, MCS_TABLES[table].length - 1);

const mcsByCqi = (cqi: Uint8Array, table: 1 | 2) => cqi.map((value) => mcsOfCqi(value, table));

/** Index into the tables by SINR. */
export function sinrIndex(sinr: number): number {
  const index = ((sinr - SINR_LOW) * SINR_STEPS) | 0;
  return index < 0 || sinr < SINR_LOW ? 0 : index >= SINR_SIZE ? SINR_SIZE - 1 : index;
}

/** Mbit/s that one PRB carries in the downlink. */
export const dlPerPrbAt = (tables: Tables, rat: number, sinr: number): number =>
  (rat === 0 ? tables.perPrb[0] : tables.perPrb[1])[sinrIndex(sinr)] as number;
