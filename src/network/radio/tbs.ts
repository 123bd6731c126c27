/** MCS tables and transport block size of TS 38.214 5.1.3, and the peak rate of TS 38.306 4.1.2. */

interface McsRow {
  qm: number;
  /** Code rate x 1024. */
  rate: number;
}

const rows = (...groups: Array<[qm: number, rates: number[]]>): readonly McsRow[] =>
  groups.flatMap(([qm, rates]) => rates.map((rate) => ({ qm, rate })));

/** Tables 5.1.3.1-1 (64QAM), -2 (256QAM), -3 (low spectral efficiency). */
export const MCS_TABLES: Readonly<Record<1 | 2 | 3, readonly McsRow[]>> = {
  1: rows(
    [2, [120, 157, 193, 251, 308, 379, 449, 526, 602, 679]],
    [4, [340, 378, 434, 490, 553, 616, 658]],
    [6, [438, 466, 517, 567, 616, 666, 719, 772, 822, 873, 910, 948]],
  ),
  2: rows(
    [2, [120, 193, 308, 449, 602]],
    [4, [378, 434, 490, 553, 616, 658]],
    [6, [466, 517, 567, 616, 666, 719, 772, 822, 873]],
    [8, [682.5, 711, 754, 797, 841, 885, 916.5, 948]],
  ),
  3: rows(
    [2, [30, 40, 50, 64, 78, 99, 120, 157, 193, 251, 308, 379, 449, 526, 602]],
    [4, [340, 378, 434, 490, 553, 616]],
    [6, [438, 466, 517, 567, 616, 666, 719, 772]],
  ),
};

const steps = (from: number, to: number, by: number) =>
  Array.from({ length: (to - from) / by + 1 }, (_, i) => from + i * by);

/** Table 5.1.3.2-1. */
const SMALL_TBS = [
  ...steps(24, 192, 8),
  ...steps(208, 384, 16),
  ...steps(408, 576, 24),
  ...steps(608, 768, 32),
  ...[808, 848, 888, 928, 984, 1032, 1064, 1128, 1160, 1192, 1224, 1256, 1288, 1320, 1352, 1416, 1480, 1544],
  ...[1608, 1672, 1736, 1800, 1864, 1928, 2024, 2088, 2152, 2216, 2280, 2408, 2472, 2536, 2600, 2664, 2728],
  ...[2792, 2856, 2976, 3104, 3240, 3368, 3496, 3624, 3752, 3824],
];

export interface Grant {
  mcs: number;
  table?: 1 | 2 | 3;
  prbs: number;
  layers: number;
  symbols?: number;
  /** Resource elements for DMRS in a PRB. */
  dmrs?: number;
  overhead?: number;
}

/** Transport block size in bits (5.1.3.2). `mcs` must be in its table. */
export function transportBlockSize(grant: Grant): number {
  const { table = 2, symbols = 14, dmrs = 12, overhead = 0 } = grant;
  const { qm, rate } = MCS_TABLES[table][grant.mcs] as McsRow;
  const r = rate / 1024;
  const re = Math.min(156, 12 * symbols - dmrs - overhead) * grant.prbs;
  const info = re * r * qm * grant.layers;
  if (info <= 3824) {
    const n = Math.max(3, Math.floor(Math.log2(info)) - 6);
    const quantised = Math.max(24, 2 ** n * Math.floor(info / 2 ** n));
    return SMALL_TBS.find((size) => size >= quantised) as number;
  }
  const n = Math.floor(Math.log2(info - 24)) - 5;
  const quantised = Math.max(3840, 2 ** n * Math.round((info - 24) / 2 ** n));
  let blocks = 1;
  if (r <= 1 / 4) blocks = Math.ceil((quantised + 24) / 3816);
  else if (quantised > 8424) blocks = Math.ceil((quantised + 24) / 8424);
  return 8 * blocks * Math.ceil((quantised + 24) / (8 * blocks)) - 24;
}

/** Peak downlink rate in Mbit/s, FR1 overhead 0.14. */
export function peakRateMbps(layers: number, qm: number, prbs: number, numerology: number): number {
  const symbol = 1e-3 / (14 * 2 ** numerology);
  return (layers * qm * (948 / 1024) * ((prbs * 12) / symbol) * (1 - 0.14)) / 1e6;
}
