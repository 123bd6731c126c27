/** Link adaptation of TS 38.214 5.2.2.1, 256QAM table, and thermal noise. */

/** Efficiency (bit per resource element) of CQI 1..15, table 5.2.2.1-3; index 0 is "out of range". */
export const CQI_EFFICIENCY = [
  0, 0.1523, 0.377, 0.877, 1.4766, 1.9141, 2.4063, 2.7305, 3.3223, 3.9023, 4.5234, 5.1152, 5.5547, 6.2266,
  6.9141, 7.4063,
] as const;

/**
 * Lowest SINR (dB) of CQI 1..15 at 10 % BLER: link-level results for the 64QAM table carried over by
 * equal efficiency; the last three at a constant 3.2 dB gap to Shannon.
 */
export const CQI_SINR_DB = [
  -6.936, -3.18, 0.761, 4.694, 6.525, 8.573, 10.366, 12.289, 14.173, 15.888, 17.814, 19.829, 21.9, 24.0, 25.5,
] as const;

export interface CqiTable {
  efficiency: readonly number[];
  sinrDb: readonly number[];
}

/** Table 5.2.2.1-3, used on NR. */
export const TABLE_256QAM: CqiTable = { efficiency: CQI_EFFICIENCY, sinrDb: CQI_SINR_DB };

/** Table 5.2.2.1-2, the same as that of E-UTRA (TS 36.213 7.2.3-1), with its link-level results. */
export const TABLE_64QAM: CqiTable = {
  efficiency: [
    0, 0.1523, 0.2344, 0.377, 0.6016, 0.877, 1.1758, 1.4766, 1.9141, 2.4063, 2.7305, 3.3223, 3.9023, 4.5234,
    5.1152, 5.5547,
  ],
  sinrDb: [
    -6.936, -5.147, -3.18, -1.253, 0.761, 2.699, 4.694, 6.525, 8.573, 10.366, 12.289, 14.173, 15.888, 17.814,
    19.829,
  ],
};

/** CQI 0..15 that a UE reports at this SINR; 0 = no transport block would be decoded. */
export function cqiOf(sinrDb: number, table: CqiTable = TABLE_256QAM): number {
  let cqi = 0;
  while (cqi < 15 && sinrDb >= (table.sinrDb[cqi] as number)) cqi++;
  return cqi;
}

/** The SINR at which a CQI is just reported; that of CQI 1 less 3 dB for CQI 0. */
export function sinrOfCqi(cqi: number, table: CqiTable = TABLE_256QAM): number {
  const [first] = table.sinrDb as readonly [number];
  return cqi <= 0 ? first - 3 : (table.sinrDb[Math.min(cqi, 15) - 1] as number);
}

/** Bit per resource element and layer. */
export function efficiencyOf(cqi: number, table: CqiTable = TABLE_256QAM): number {
  return table.efficiency[Math.max(0, Math.min(15, cqi))] as number;
}

/** Spatial layers that the channel carries: rank grows with SINR up to what the carrier has. */
export function layersOf(sinrDb: number, maxLayers: number): number {
  const rank = sinrDb >= 20 ? 4 : sinrDb >= 15 ? 3 : sinrDb >= 8 ? 2 : 1;
  return Math.min(rank, maxLayers);
}

/** Thermal noise in dBm over a bandwidth. */
export function noiseDbm(bandwidthHz: number, noiseFigureDb: number): number {
  return -174 + 10 * Math.log10(bandwidthHz) + noiseFigureDb;
}

/** AR(1) shadowing (TR 38.901 7.4.4): the next value after `moved` m; `normal` is one draw of N(0, 1). */
export function nextShadow(previousDb: number, moved: number, dcor: number, sigma: number, normal: number) {
  const r = Math.exp(-moved / dcor);
  return r * previousDb + Math.sqrt(1 - r * r) * sigma * normal;
}
