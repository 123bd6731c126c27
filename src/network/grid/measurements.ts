import { COUNTER, COUNTERS, CQI_AT, CQI_BINS, MCS_AT, MCS_BINS } from './counters.ts';
import type { World } from './world.ts';

/** Measurements of one cell since its counters were reset, under their TS 28.552 names and in its units. */
export interface CellMeasurements {
  'RRU.PrbTotDl': number;
  'RRU.PrbTotUl': number;
  'RRU.PrbUsedDl': number;
  'RRU.PrbUsedUl': number;
  'RRU.PrbAvailDl': number;
  'RRU.PrbAvailUl': number;
  'DRB.MeanActiveUeDl': number;
  'DRB.MeanActiveUeUl': number;
  /** kbit/s, mean over the active UEs and ticks. */
  'DRB.UEThpDl': number;
  'DRB.UEThpUl': number;
  /** kbit. */
  'DRB.PdcpSduVolumeDL': number;
  'DRB.PdcpSduVolumeUL': number;
  /** 0.1 ms. */
  'DRB.AirIfDelayDl': number;
  'DRB.AirIfDelayUl': number;
  'RRC.ConnMean': number;
  'RRC.ConnMax': number;
  'RRC.ConnEstabAtt': number;
  'RRC.ConnEstabSucc': number;
  'RRC.ReEstabAtt': number;
  'MM.HoExeInterReq': number;
  'MM.HoExeInterSucc': number;
  'MM.HoExeInterFail': number;
  'MM.HoExeInterReq.TimeMean': number;
  'QF.EstabAttNbr': number;
  'QF.EstabSuccNbr': number;
  'QF.EstabFailNbr': number;
  'TB.TotNbrDl': number;
  'TB.ErrTotNbrDl': number;
  /** UE-ticks by CQI 0..15, and by MCS of the cell's table. */
  'CARR.WBCQIDist': number[];
  'CARR.PDSCHMCSDist': number[];
  /** W, kWh. */
  'PEE.AvgPower': number;
  'PEE.Energy': number;
  /** Not in TS 28.552: percent of PRBs taken by GBR flows, flows pre-empted, share of time at rest. */
  gbrPrbRatioDl: number;
  flowsPreempted: number;
  sleepRatio: number;
}

export function measurementsOf({ cells, plan, tickMs }: World, c: number): CellMeasurements {
  const row = c * COUNTERS;
  const sum = (counter: number) => cells.counters[row + counter] as number;
  const ticks = Math.max(1, sum(COUNTER.ticks));
  const prbs = plan.cellPrbs[c] as number;
  const mean = (total: number, of: number) => (of > 0 ? total / of : 0);
  const bins = (from: number, count: number) =>
    Array.from(cells.counters.slice(row + from, row + from + count));
  const prbDl = sum(COUNTER.prbDl) / ticks;
  const prbUl = sum(COUNTER.prbUl) / ticks;
  return {
    'RRU.PrbTotDl': (100 * prbDl) / prbs,
    'RRU.PrbTotUl': (100 * prbUl) / prbs,
    'RRU.PrbUsedDl': prbDl,
    'RRU.PrbUsedUl': prbUl,
    'RRU.PrbAvailDl': prbs,
    'RRU.PrbAvailUl': prbs,
    'DRB.MeanActiveUeDl': sum(COUNTER.activeDl) / ticks,
    'DRB.MeanActiveUeUl': sum(COUNTER.activeUl) / ticks,
    'DRB.UEThpDl': 1000 * mean(sum(COUNTER.throughputDl), sum(COUNTER.throughputDlCount)),
    'DRB.UEThpUl': 1000 * mean(sum(COUNTER.throughputUl), sum(COUNTER.throughputUlCount)),
    'DRB.PdcpSduVolumeDL': 1000 * sum(COUNTER.volumeDl),
    'DRB.PdcpSduVolumeUL': 1000 * sum(COUNTER.volumeUl),
    'DRB.AirIfDelayDl': 10 * mean(sum(COUNTER.delayDl), sum(COUNTER.delayCount)),
    'DRB.AirIfDelayUl': 10 * mean(sum(COUNTER.delayUl), sum(COUNTER.delayCount)),
    'RRC.ConnMean': sum(COUNTER.connectedSum) / ticks,
    'RRC.ConnMax': sum(COUNTER.connectedMax),
    'RRC.ConnEstabAtt': sum(COUNTER.setupAttempts),
    'RRC.ConnEstabSucc': sum(COUNTER.setupSuccesses),
    'RRC.ReEstabAtt': sum(COUNTER.reestablishAttempts),
    'MM.HoExeInterReq': sum(COUNTER.hoRequests),
    'MM.HoExeInterSucc': sum(COUNTER.hoSuccesses),
    'MM.HoExeInterFail': sum(COUNTER.hoFailures),
    'MM.HoExeInterReq.TimeMean': mean(sum(COUNTER.hoTime), sum(COUNTER.hoSuccesses)),
    'QF.EstabAttNbr': sum(COUNTER.flowAttempts),
    'QF.EstabSuccNbr': sum(COUNTER.flowSuccesses),
    'QF.EstabFailNbr': sum(COUNTER.flowAttempts) - sum(COUNTER.flowSuccesses),
    'TB.TotNbrDl': sum(COUNTER.blocksDl),
    'TB.ErrTotNbrDl': sum(COUNTER.blockErrorsDl),
    'CARR.WBCQIDist': bins(CQI_AT, CQI_BINS),
    'CARR.PDSCHMCSDist': bins(MCS_AT, MCS_BINS),
    'PEE.AvgPower': (sum(COUNTER.energyWs) / ticks / tickMs) * 1000,
    'PEE.Energy': sum(COUNTER.energyWs) / 3.6e6,
    gbrPrbRatioDl: (100 * sum(COUNTER.gbrPrbDl)) / ticks / prbs,
    flowsPreempted: sum(COUNTER.flowsPreempted),
    sleepRatio: sum(COUNTER.sleepTicks) / ticks,
  };
}
