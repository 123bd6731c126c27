import { EVENT } from '../grid/index.ts';
import { GridNetwork } from './grid-network.ts';
import type { WorldFile } from './read.ts';

/** One group of cells over one interval: means a cell and second, totals of the group. */
export interface GroupRow {
  /** Entry under `sites`, and RAT. */
  group: string;
  cells: number;
  /** Percent of the PRBs. */
  prbDl: number;
  prbUl: number;
  gbrPrbDl: number;
  /** UEs with a connection, in all cells of the group. */
  connected: number;
  /** Mbit/s of all its cells together. */
  dlMbps: number;
  ulMbps: number;
  handovers: number;
  radioLinkFailures: number;
}

export interface WorldSample {
  /** Network time at the end of the interval, ISO 8601. */
  t: string;
  /** Seconds since the start. */
  second: number;
  groups: GroupRow[];
  /** Flows of the population, and how many of them had their guaranteed rate in the last second. */
  flows: { wanted: number; kept: number };
}

/**
 * Runs a world for `seconds`, and gives a sample every `every` seconds and at the end. The same world and
 * seed give the same samples; how fast it is asked for them makes no difference.
 */
export function* runWorld(world: WorldFile, seconds: number, every: number): Generator<WorldSample> {
  const network = new GridNetwork(world);
  const { grid, cellGroups } = network.deployed;
  const names = [...new Set(cellGroups)];
  const indexOf = cellGroups.map((name) => names.indexOf(name));
  const sizes = names.map((name) => cellGroups.filter((one) => one === name).length);
  const start = network.now;
  const blank = () => names.map(() => new Float64Array(8));
  let sums = blank();
  let length = 0;
  for (let second = 1; second <= seconds; second++) {
    network.advanceTo(start + 1000 * second);
    length++;
    for (let c = 0; c < cellGroups.length; c++) {
      const sum = sums[indexOf[c] as number] as Float64Array;
      const measured = grid.measurements(c);
      if (!measured) continue;
      [
        measured['RRU.PrbTotDl'],
        measured['RRU.PrbTotUl'],
        measured.gbrPrbRatioDl,
        measured['RRC.ConnMean'],
        measured['DRB.PdcpSduVolumeDL'] / 1000,
        measured['DRB.PdcpSduVolumeUL'] / 1000,
      ].forEach((value, k) => {
        sum[k] = (sum[k] as number) + value;
      });
    }
    grid.events.each((kind, _ue, a) => {
      const sum = sums[indexOf[a] as number];
      const k = kind === EVENT.handover ? 6 : kind === EVENT.radioLinkFailure ? 7 : -1;
      if (sum && k >= 0) sum[k] = (sum[k] as number) + 1;
    });
    if (second % every !== 0 && second !== seconds) continue;
    yield {
      t: new Date(network.now).toISOString(),
      second,
      groups: names.map((group, g) => rowOf(group, sizes[g] as number, sums[g] as Float64Array, length)),
      flows: network.happenings.guarantees(),
    };
    sums = blank();
    length = 0;
  }
}

function rowOf(group: string, cells: number, sum: Float64Array, seconds: number): GroupRow {
  const mean = (k: number, of: number) => Math.round((100 * (sum[k] as number)) / of) / 100;
  return {
    group,
    cells,
    prbDl: mean(0, seconds * cells),
    prbUl: mean(1, seconds * cells),
    gbrPrbDl: mean(2, seconds * cells),
    connected: mean(3, seconds),
    dlMbps: mean(4, seconds),
    ulMbps: mean(5, seconds),
    handovers: sum[6] as number,
    radioLinkFailures: sum[7] as number,
  };
}
