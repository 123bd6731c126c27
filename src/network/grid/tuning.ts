/**
 * What the standards leave to the operator, or to nature. A3, time to trigger, radio-link failure and the
 * times and SINR of inter-RAT changes were fitted to one half of the measured drives (docs/grid.md);
 * all else is an estimate.
 */
export interface Tuning {
  /** Event A3 (TS 38.331 5.5.4.4): offset and hysteresis in dB, time to trigger in ms. */
  a3OffsetDb: number;
  hysteresisDb: number;
  tttMs: number;
  /** Out-of-sync and in-sync thresholds, dB (block error rates of 10 % and 2 % of PDCCH, TS 38.133 8.1). */
  qoutDb: number;
  qinDb: number;
  n310: number;
  n311: number;
  t310Ms: number;
  /** Out-of-sync and in-sync indications come once in these periods, ms. */
  qoutPeriodMs: number;
  qinPeriodMs: number;
  /** Weakest RSRP on which a UE camps, dBm, NR and E-UTRA. */
  campNr: number;
  campLte: number;
  /** Inter-RAT: event B2 leaves NR below this RSRP or SINR, and returns above the other, after the times. */
  fallbackRsrp: number;
  fallbackSinr: number;
  fallbackMs: number;
  returnRsrp: number;
  returnSinr: number;
  returnMs: number;
  /** User plane lost by a handover within a RAT, and between RATs, ms. */
  handoverGapMs: number;
  ratGapMs: number;
  /** Standard deviation of what is left of fast fading after a tick's averaging, dB. */
  fadingDb: number;
  /** Correlation of shadowing between sites (TR 36.814: 0.5). */
  siteCorrelation: number;
  /** Least share of the resource elements that a cell transmits in: synchronisation, broadcast, CRS. */
  alwaysOnNr: number;
  alwaysOnLte: number;
  /** Time constant of the proportional fair average, ms. */
  fairnessMs: number;
  /** Share of the PRBs that GBR flows may be promised. */
  gbrLimit: number;
  /** RRC inactivity, ms. */
  inactivityMs: number;
  /** DRX (TS 38.321 5.7): inactivity timer, cycles, on duration, ms; short cycles before the long one. */
  drxInactivityMs: number;
  drxShortMs: number;
  drxLongMs: number;
  drxOnMs: number;
  drxShortCycles: number;
  /** Delays of the round trip, ms: transport and server, SR period, grant, HARQ round trip, RLC repeat. */
  coreMs: number;
  srPeriodNrMs: number;
  srPeriodLteMs: number;
  grantNrMs: number;
  grantLteMs: number;
  harqNrMs: number;
  harqLteMs: number;
  rlcMs: number;
  /** Power of a cell, W: asleep, idle, full (guess, after the EARTH model). */
  sleepW: { NR: number; EUTRA: number };
  idleW: { NR: number; EUTRA: number };
  fullW: { NR: number; EUTRA: number };
}

export const TUNING: Tuning = {
  a3OffsetDb: 2.6,
  hysteresisDb: 1,
  tttMs: 840,
  qoutDb: -11,
  qinDb: -9,
  n310: 5,
  n311: 2,
  t310Ms: 1000,
  qoutPeriodMs: 200,
  qinPeriodMs: 100,
  campNr: -121,
  campLte: -124,
  fallbackRsrp: -119,
  fallbackSinr: -11.4,
  fallbackMs: 1000,
  returnRsrp: -111,
  returnSinr: 1.3,
  returnMs: 9500,
  handoverGapMs: 50,
  ratGapMs: 120,
  fadingDb: 1.5,
  siteCorrelation: 0.5,
  alwaysOnNr: 0.05,
  alwaysOnLte: 0.12,
  fairnessMs: 1000,
  gbrLimit: 0.9,
  inactivityMs: 10_000,
  drxInactivityMs: 100,
  drxShortMs: 40,
  drxLongMs: 160,
  drxOnMs: 10,
  drxShortCycles: 4,
  coreMs: 8,
  srPeriodNrMs: 5,
  srPeriodLteMs: 10,
  grantNrMs: 3,
  grantLteMs: 8,
  harqNrMs: 5,
  harqLteMs: 8,
  rlcMs: 40,
  sleepW: { NR: 120, EUTRA: 75 },
  idleW: { NR: 350, EUTRA: 130 },
  fullW: { NR: 1000, EUTRA: 320 },
};
