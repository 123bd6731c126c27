import { setTimeout as wait } from 'node:timers/promises';
import { samplesOf, type WorldSample, worldSummaries } from '../runtime/worlds.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';

/** `netagent network worlds`: the worlds that ship. */
export function listWorlds(output: Output): number {
  const worlds = worldSummaries();
  output.text(
    table(
      ['world', 'place', 'UEs', 'what'],
      worlds.map((one) => [one.name, one.place, String(one.ues), one.title]),
    ),
  );
  for (const world of worlds) output.value({ type: 'world', ...world });
  return 0;
}

const HEAD = [
  'time',
  'cells',
  'PRB dl%',
  'ul%',
  'GBR dl%',
  'UEs',
  'dl Mbit/s',
  'ul Mbit/s',
  'handovers',
  'failures',
];
const WIDTHS = [8, 16, 7, 6, 7, 7, 10, 10, 9, 8];

/**
 * `netagent network run WORLD`: a row a group of cells and interval, as they come. With `--speed` it waits
 * for the wall clock; the rows are the same.
 */
export async function runWorldVerb(source: string, { values }: Parsed, output: Output): Promise<number> {
  const samples = samplesOf({
    source,
    seconds: secondsOf(values.for as string),
    every: secondsOf(values.every as string),
    ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
  });
  const speed = values.speed === undefined ? undefined : Number(values.speed);
  const begun = performance.now();
  output.text(line(HEAD));
  for (const sample of samples) {
    if (speed !== undefined)
      await wait(Math.max(0, (1000 * sample.second) / speed - (performance.now() - begun)));
    for (const row of rowsOf(sample)) output.text(line(row));
    output.value({ type: 'sample', ...sample });
  }
  return 0;
}

const line = (cells: readonly string[]) =>
  cells
    .map((cell, i) => (i < 2 ? cell.padEnd(WIDTHS[i] as number) : cell.padStart(WIDTHS[i] as number)))
    .join(' ')
    .trimEnd();

function rowsOf({ second, groups, flows }: WorldSample): string[][] {
  const time = `${Math.floor(second / 60)}:${String(second % 60).padStart(2, '0')}`;
  const rows = groups.map((one, i) => [
    i === 0 ? time : '',
    one.group,
    one.prbDl.toFixed(1),
    one.prbUl.toFixed(1),
    one.gbrPrbDl.toFixed(1),
    one.connected.toFixed(1),
    one.dlMbps.toFixed(1),
    one.ulMbps.toFixed(1),
    String(one.handovers),
    String(one.radioLinkFailures),
  ]);
  if (flows.wanted > 0) rows.push(['', `guaranteed flows kept: ${flows.kept} of ${flows.wanted}`]);
  return rows;
}

/** `10m` in seconds; the flag has been checked. */
const secondsOf = (span: string) =>
  Number(span.slice(0, -1)) * ({ s: 1, m: 60, h: 3600 }[span.slice(-1)] as number);
