import { z } from 'zod';
import { fail } from '../errors.ts';
import type { TraceRow } from './model.ts';

/** Columns that a measured drive must have; the data set has more, which are not read. */
const COLUMNS = [
  'Timestamp',
  'Longitude',
  'Latitude',
  'Speed',
  'CellID',
  'NetworkMode',
  'RSRP',
  'RSRQ',
  'SNR',
  'CQI',
  'DL_bitrate',
  'UL_bitrate',
] as const;
type Column = (typeof COLUMNS)[number];

const number = (low: number, high: number) =>
  z
    .string()
    .regex(/^-?\d+(\.\d+)?([eE][-+]?\d+)?$/, 'is not a number')
    .transform(Number)
    .refine((value) => value >= low && value <= high, `is not between ${low} and ${high}`);
/** `-` and nothing: not measured. */
const optional = (low: number, high: number) =>
  z.union([z.literal(['-', '']).transform(() => null), number(low, high)]);

const CELLS = {
  Timestamp: z
    .string()
    .regex(/^\d{4}\.\d{2}\.\d{2}_\d{2}\.\d{2}\.\d{2}$/, 'is not of the form 2020.02.14_12.58.17')
    .transform(secondsOf)
    .refine(Number.isFinite, 'is no date and time'),
  Longitude: number(-180, 180),
  Latitude: number(-90, 90),
  Speed: number(0, 500),
  CellID: z.string().min(1, 'is empty'),
  NetworkMode: z.string().min(1, 'is empty'),
  RSRP: number(-160, -20),
  RSRQ: optional(-60, 20),
  SNR: optional(-40, 60),
  CQI: optional(0, 15),
  DL_bitrate: optional(0, 1e8),
  UL_bitrate: optional(0, 1e8),
} satisfies Record<Column, z.ZodType>;

function secondsOf(stamp: string): number {
  const [date = '', time = ''] = stamp.split('_');
  return Date.parse(`${date.replaceAll('.', '-')}T${time.replaceAll('.', ':')}Z`) / 1000;
}

/**
 * Reads a measured drive in the CSV format of the UCC 5G data set. Of rows of the same second the last
 * counts (rates: the larger); seconds that the file skips are left out, the row before holds. `-` is
 * null. Speed comes in km/h, rates in kbit/s. Throws TRACE_MALFORMED with line and column, or TRACE_EMPTY.
 */
export function parseTrace(text: string, name: string): TraceRow[] {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  const header = (lines[0] ?? '').split(',').map((title) => title.trim());
  if (header.length === 1 && header[0] === '') {
    throw fail('TRACE_EMPTY', { file: name, line: 1, column: COLUMNS[0] });
  }
  const at = new Map<Column, number>();
  for (const column of COLUMNS) {
    const index = header.indexOf(column);
    if (index < 0) throw malformed(name, 1, column, 'the header does not name it');
    at.set(column, index);
  }
  const rows: TraceRow[] = [];
  let first: number | null = null;
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.trim() === '') continue;
    const cells = line.split(',').map((cell) => cell.trim());
    const read = <C extends Column>(column: C): z.output<(typeof CELLS)[C]> => {
      const value = cells[at.get(column) as number];
      if (value === undefined) throw malformed(name, i + 1, column, 'the line ends before it');
      const result = CELLS[column].safeParse(value);
      if (result.success) return result.data as z.output<(typeof CELLS)[C]>;
      throw malformed(name, i + 1, column, `"${value.slice(0, 40)}" ${problemOf(result.error)}`);
    };
    const stamp = read('Timestamp');
    first ??= stamp;
    const row: TraceRow = {
      second: stamp - first,
      position: { lat: read('Latitude'), lon: read('Longitude') },
      speedMps: read('Speed') / 3.6,
      cellId: read('CellID'),
      networkMode: read('NetworkMode'),
      rsrpDbm: read('RSRP'),
      rsrqDb: read('RSRQ'),
      snrDb: read('SNR'),
      cqi: read('CQI'),
      dlMbps: (read('DL_bitrate') ?? 0) / 1000,
      ulMbps: (read('UL_bitrate') ?? 0) / 1000,
    };
    const before = rows.at(-1);
    if (before && row.second < before.second) {
      throw malformed(name, i + 1, 'Timestamp', 'it is earlier than the line before');
    }
    if (before?.second === row.second) rows[rows.length - 1] = merged(before, row);
    else rows.push(row);
  }
  if (rows.length === 0) throw fail('TRACE_EMPTY', { file: name, line: 2, column: COLUMNS[0] });
  return rows;
}

function merged(before: TraceRow, row: TraceRow): TraceRow {
  return {
    ...row,
    dlMbps: Math.max(before.dlMbps, row.dlMbps),
    ulMbps: Math.max(before.ulMbps, row.ulMbps),
  };
}

function malformed(file: string, line: number, column: string, problem: string) {
  return fail('TRACE_MALFORMED', { file, line, column, problem });
}

/** The message of our own checks; a union says the same of both branches. */
function problemOf(error: z.ZodError): string {
  const [issue] = error.issues;
  if (issue?.code === 'invalid_union') return issue.errors.at(-1)?.at(0)?.message ?? 'is not valid';
  return issue?.message ?? 'is not valid';
}
