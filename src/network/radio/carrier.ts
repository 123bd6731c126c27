import type { Rat } from '../model.ts';
import { type CqiTable, cqiOf, efficiencyOf, layersOf, noiseDbm, TABLE_64QAM, TABLE_256QAM } from './link.ts';

/** What the two layers of the network transmit on; every site carries both. */
export interface Carrier {
  rat: Rat;
  fcGHz: number;
  bandwidthMHz: number;
  prbTotal: number;
  txPowerDbm: number;
  /** Element gain plus array gain. */
  gainDbi: number;
  tiltDeg: number;
  maxLayers: number;
  cqiTable: CqiTable;
  /** Noise of the UE in one resource element, dBm. */
  noisePerReDbm: number;
  /** Mbit/s of one PRB used all second at 1 bit per resource element and one layer. */
  dlMbpsPerPrb: number;
  ulMbpsPerPrb: number;
  /** Noise of the base station in one PRB, dBm. */
  ulNoisePerPrbDbm: number;
  /** Length of a slot, ms. */
  slotMs: number;
}

const UE_POWER_DBM = 23;
const UE_NOISE_FIGURE = 9;
const BS_NOISE_FIGURE = 5;
const RE_PER_SLOT = 12 * 14;

/** 3.5 GHz, 100 MHz, 30 kHz spacing; TDD gives 74 % of the slots to the downlink, 23 % to the uplink. */
export const NR: Carrier = {
  rat: 'NR',
  fcGHz: 3.5,
  bandwidthMHz: 100,
  prbTotal: 273,
  txPowerDbm: 49,
  gainDbi: 18,
  tiltDeg: 6,
  maxLayers: 4,
  cqiTable: TABLE_256QAM,
  noisePerReDbm: noiseDbm(30_000, UE_NOISE_FIGURE),
  dlMbpsPerPrb: (RE_PER_SLOT * 2000 * 0.86 * 0.74) / 1e6,
  ulMbpsPerPrb: (RE_PER_SLOT * 2000 * 0.86 * 0.23) / 1e6,
  ulNoisePerPrbDbm: noiseDbm(360_000, BS_NOISE_FIGURE),
  slotMs: 0.5,
};

/** 1.8 GHz FDD, 20 MHz: reaches further, above all in the uplink, and carries less. */
export const LTE: Carrier = {
  rat: 'EUTRA',
  fcGHz: 1.8,
  bandwidthMHz: 20,
  prbTotal: 100,
  txPowerDbm: 46,
  gainDbi: 17,
  tiltDeg: 4,
  maxLayers: 2,
  cqiTable: TABLE_64QAM,
  noisePerReDbm: noiseDbm(15_000, UE_NOISE_FIGURE),
  dlMbpsPerPrb: (RE_PER_SLOT * 1000 * 0.75) / 1e6,
  ulMbpsPerPrb: (RE_PER_SLOT * 1000 * 0.85) / 1e6,
  ulNoisePerPrbDbm: noiseDbm(180_000, BS_NOISE_FIGURE),
  slotMs: 1,
};

export const carrierOf = (rat: Rat): Carrier => (rat === 'NR' ? NR : LTE);

/** Transmit power of one resource element, dBm, before the antenna. */
export function powerPerRe(carrier: Carrier): number {
  return carrier.txPowerDbm - 10 * Math.log10(12 * carrier.prbTotal);
}

/** Downlink Mbit/s that one PRB carries at this CQI and rank. */
export function dlPerPrb(carrier: Carrier, sinrDb: number, cqi = cqiOf(sinrDb, carrier.cqiTable)): number {
  return carrier.dlMbpsPerPrb * efficiencyOf(cqi, carrier.cqiTable) * layersOf(sinrDb, carrier.maxLayers);
}

/** HARQ sends a block this many times at most. */
const HARQ_SENDS = 4;

/**
 * The same down to 6 dB below the lowest CQI, where blocks get through by combining repetitions: each
 * doubling of them is worth 3 dB.
 */
export function dlPerPrbRepeated(carrier: Carrier, sinrDb: number): number {
  const lowest = carrier.cqiTable.sinrDb[0] as number;
  if (sinrDb >= lowest) return dlPerPrb(carrier, sinrDb);
  const sends = Math.ceil(10 ** ((lowest - sinrDb) / 10));
  return sends > HARQ_SENDS ? 0 : dlPerPrb(carrier, lowest) / sends;
}

/** PRB counts at which the uplink tables hold a value. */
const UL_STEPS = [0, 1, 2, 4, 6, 8, 12, 16, 24, 32, 48, 64, 100, 160, 273];
const LOSS_MIN = 60;
const LOSS_MAX = 170;
const LOSS_STEP = 0.5;

interface UplinkTable {
  /** Mbit/s by loss bin and PRB step: the UE's power is spread over its PRBs. */
  rates: Float64Array;
  /** PRBs by loss bin beyond which more of them bring nothing. */
  useful: Uint16Array;
}

function uplinkTable(carrier: Carrier): UplinkTable {
  const bins = Math.round((LOSS_MAX - LOSS_MIN) / LOSS_STEP) + 1;
  const rates = new Float64Array(bins * UL_STEPS.length);
  const useful = new Uint16Array(bins);
  for (let bin = 0; bin < bins; bin++) {
    const loss = LOSS_MIN + bin * LOSS_STEP;
    let best = 0;
    for (let i = 1; i < UL_STEPS.length; i++) {
      const prbs = UL_STEPS[i] as number;
      const sinr = UE_POWER_DBM - loss - 10 * Math.log10(prbs) - carrier.ulNoisePerPrbDbm;
      // Spreading further than the best width is the scheduler's mistake: it would not do it.
      best = Math.max(best, prbs * carrier.ulMbpsPerPrb * smoothEfficiency(sinr));
      rates[bin * UL_STEPS.length + i] = best;
      if (best > (rates[bin * UL_STEPS.length + i - 1] as number)) useful[bin] = prbs;
    }
  }
  return { rates, useful };
}

/** Between the CQI steps by SINR: an uplink grant chooses among 28 MCS, not 15 CQI. 64QAM at most. */
function smoothEfficiency(sinrDb: number): number {
  const attenuated = 0.6 * Math.log2(1 + 10 ** (sinrDb / 10));
  return sinrDb < -8 ? 0 : Math.min(attenuated, 4.8);
}

const TABLES = { NR: uplinkTable(NR), EUTRA: uplinkTable(LTE) };
const binOf = (loss: number) =>
  Math.max(0, Math.round((Math.min(loss, LOSS_MAX) - LOSS_MIN) / LOSS_STEP)) * UL_STEPS.length;

/** Uplink Mbit/s over `prbs` PRBs at a coupling loss (plus interference over thermal), 23 dBm UE. */
export function ulRate(rat: Rat, couplingLossDb: number, prbs: number): number {
  const { rates } = TABLES[rat];
  const at = binOf(couplingLossDb);
  let i = 1;
  while (i < UL_STEPS.length - 1 && (UL_STEPS[i] as number) < prbs) i++;
  const low = UL_STEPS[i - 1] as number;
  const share = Math.min(1, (prbs - low) / ((UL_STEPS[i] as number) - low));
  const from = rates[at + i - 1] as number;
  return from + share * ((rates[at + i] as number) - from);
}

/** Uplink Mbit/s of one PRB at power less loss (with interference over thermal), dBm. */
export function ulPrbRate(rat: Rat, receivedDbm: number): number {
  const carrier = rat === 'NR' ? NR : LTE;
  return carrier.ulMbpsPerPrb * smoothEfficiency(receivedDbm - carrier.ulNoisePerPrbDbm);
}

/** PRBs for an uplink rate; where power does not suffice, the width that gives the most. */
export function ulPrbsFor(rat: Rat, couplingLossDb: number, mbps: number): number {
  const { rates, useful } = TABLES[rat];
  const at = binOf(couplingLossDb);
  const total = rat === 'NR' ? NR.prbTotal : LTE.prbTotal;
  for (let i = 1; i < UL_STEPS.length; i++) {
    const rate = rates[at + i] as number;
    if (rate < mbps) continue;
    const below = rates[at + i - 1] as number;
    const low = UL_STEPS[i - 1] as number;
    return Math.min(total, low + ((mbps - below) / (rate - below)) * ((UL_STEPS[i] as number) - low));
  }
  return Math.min(total, useful[at / UL_STEPS.length] as number);
}
