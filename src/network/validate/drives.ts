import { fail } from '../../errors.ts';
import { ascending } from './statistics.ts';

/** One second of a drive, measured or simulated. */
export interface DriveSecond {
  second: number;
  rat: 'NR' | 'EUTRA';
  cell: string;
  rsrp: number;
  sinr: number | null;
  dlMbps: number;
  speedMps: number;
  /** Metres since the second before; 0 at the start and after a hole. */
  moved: number;
}

/** What two drives are compared by. Distributions are sorted. */
export interface DriveFigures {
  seconds: number;
  km: number;
  rsrp: Float64Array;
  sinr: Float64Array;
  dl: Float64Array;
  speed: Float64Array;
  cellChangesPerKm: number;
  ratChangesPerKm: number;
  nrShare: number;
}

/** Drives are cut into blocks of this length; even ones calibrate, odd ones validate. */
export const BLOCK_S = 120;
export type Half = 'calibration' | 'validation';
const halfOf = (second: number): Half =>
  Math.floor(second / BLOCK_S) % 2 === 0 ? 'calibration' : 'validation';

const RATS: Readonly<Record<string, 'NR' | 'EUTRA'>> = { '5G': 'NR', LTE: 'EUTRA' };
/** Positions hold for some seconds and then jump; farther than this the receiver was lost. */
const MOST_METRES = 200;
/** Seconds are missing here and there; over a longer hole nothing is known. */
const LONGEST_HOLE_S = 3;

/**
 * Seconds of a measured drive (columns of the UCC 5G data set) on 5G and LTE; those on 3G are left out,
 * for the simulated network has none. Of rows of one second the last counts.
 * @throws TRACE_MALFORMED naming the column that is missing.
 */
export function readDrive(text: string, file: string): DriveSecond[] {
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const names = header.split(',');
  const column = (name: string) => {
    const at = names.indexOf(name);
    if (at < 0)
      throw fail('TRACE_MALFORMED', { file, line: 1, column: name, problem: 'the header does not name it' });
    return at;
  };
  const at = {
    time: column('Timestamp'),
    lon: column('Longitude'),
    lat: column('Latitude'),
    speed: column('Speed'),
    cell: column('RAWCELLID'),
    mode: column('NetworkMode'),
    rsrp: column('RSRP'),
    snr: column('SNR'),
    dl: column('DL_bitrate'),
  };
  const rows = new Map<number, DriveSecond & { lat: number; lon: number }>();
  let start: number | null = null;
  for (const line of lines) {
    const cells = line.split(',');
    const text = (index: number) => cells[index] ?? '';
    const [date = '', time = ''] = text(at.time).split('_');
    const stamp = Date.parse(`${date.replaceAll('.', '-')}T${time.replaceAll('.', ':')}Z`) / 1000;
    start ??= stamp;
    const rat = RATS[text(at.mode)];
    if (rat === undefined) continue;
    rows.set(stamp - start, {
      second: stamp - start,
      rat,
      cell: text(at.cell),
      rsrp: Number(text(at.rsrp)),
      sinr: /\d/.test(text(at.snr)) ? Number(text(at.snr)) : null,
      dlMbps: Number(text(at.dl)) / 1000,
      speedMps: Number(text(at.speed)) / 3.6,
      moved: 0,
      lat: Number(text(at.lat)),
      lon: Number(text(at.lon)),
    });
  }
  const all = [...rows.values()];
  return all.map(({ lat, lon, ...one }, i) => {
    const last = all[i - 1];
    if (last === undefined || one.second - last.second > LONGEST_HOLE_S) return one;
    const metres = distance(last, { lat, lon });
    return { ...one, moved: metres > MOST_METRES ? 0 : metres };
  });
}

function distance(a: { lat: number; lon: number }, b: { lat: number; lon: number }): number {
  const dy = (b.lat - a.lat) * 111_195;
  const dx = (b.lon - a.lon) * 111_195 * Math.cos((a.lat * Math.PI) / 180);
  return Math.hypot(dx, dy);
}

/** Figures of one half of a drive, or of all of it. Changes count between seconds that follow each other. */
export function figuresOf(drive: readonly DriveSecond[], half?: Half): DriveFigures {
  const inside = (one: DriveSecond) => half === undefined || halfOf(one.second) === half;
  const own = drive.filter(inside);
  let metres = 0;
  let cells = 0;
  let rats = 0;
  drive.forEach((now, i) => {
    const last = drive[i - 1];
    if (last === undefined || !inside(now) || !inside(last) || now.second - last.second > LONGEST_HOLE_S)
      return;
    metres += now.moved;
    if (now.cell !== last.cell) cells++;
    if (now.rat !== last.rat) rats++;
  });
  const km = metres / 1000;
  return {
    seconds: own.length,
    km,
    rsrp: ascending(own.map((one) => one.rsrp)),
    sinr: ascending(own.flatMap((one) => (one.sinr === null ? [] : [one.sinr]))),
    dl: ascending(own.map((one) => one.dlMbps)),
    speed: ascending(own.map((one) => one.speedMps)),
    cellChangesPerKm: cells / km,
    ratChangesPerKm: rats / km,
    nrShare: own.filter((one) => one.rat === 'NR').length / own.length,
  };
}

/** Round trips of a run of CICV5G, ms, in order of sending. @throws TRACE_MALFORMED without its columns. */
export function readRoundTrips(text: string, file: string): number[] {
  const [header = '', ...lines] = text.trim().split(/\r?\n/);
  const at = header.trim().split(/\s+/).indexOf('delay(ms)');
  if (at < 0) {
    throw fail('TRACE_MALFORMED', {
      file,
      line: 1,
      column: 'delay(ms)',
      problem: 'the header does not name it',
    });
  }
  return lines.map((line) => Number(line.trim().split(/\s+/)[at])).filter(Number.isFinite);
}

/** Samples in one half: blocks of 50, even ones calibrate. */
export function halfOfSamples(values: readonly number[], half: Half): Float64Array {
  return ascending(values.filter((_, i) => (Math.floor(i / 50) % 2 === 0) === (half === 'calibration')));
}
