import { spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import { createGrid, hexagonLayout, type Profile } from '../../src/network/grid/index.ts';

/**
 * `npm run bench:network`: the cost of a tick at 57, 300 and 1,000 NR cells (as many E-UTRA cells under
 * them) with 100 UEs a cell, each size in a process of its own. One UE in ten has a GBR flow. Then the
 * same with every UE connected and sending all the time.
 */
const SIZES = [57, 300, 1000];
const UES_A_CELL = 100;
const WARM = Number(process.env.WARM ?? 20);
const TICKS = Number(process.env.TICKS ?? 40);
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const print = (line: string) => process.stdout.write(`${line}\n`);

interface Result {
  cells: number;
  ues: number;
  connected: number;
  flows: number;
  /** CPU of the whole process a tick, compiler and garbage collector with it: what one core has to do. */
  cpuMs: number;
  /** Wall time of the median and the slowest tick: more on a machine with other work. */
  tickMs: number;
  worstMs: number;
  nsPerUeTick: number;
  stateBytesPerUe: number;
  rssBytes: number;
}

const always: Profile = { name: 'always', share: 1, onS: 1e9, offS: 0, dlMbps: 2, ulMbps: 0.3 };

function measureSize(cells: number, busy: boolean): Result {
  // Small sizes run longer, or the compiler's work would count against them.
  const longer = Math.round(Math.min(10, 1000 / cells));
  const layout = hexagonLayout({ cells, isdM: 500 });
  const grid = createGrid(layout, {
    seed: 1,
    ues: cells * UES_A_CELL,
    population: busy ? { profiles: [always] } : {},
  });
  grid.tick(5);
  let flows = 0;
  for (let u = 0; u < grid.ueCount; u += 10) {
    const video = u % 20 === 0;
    const answer = grid.addFlow({
      ue: u,
      fiveQi: video ? 2 : 1,
      arp: { priorityLevel: 1 + (u % 15), preemptCap: 'MAY_PREEMPT', preemptVuln: 'PREEMPTABLE' },
      gbrDlMbps: video ? 2 : 0.1,
      gbrUlMbps: video ? 1 : 0.1,
    });
    if (answer.admitted) flows++;
  }
  grid.tick(WARM * longer);
  const times: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < TICKS * longer; i++) {
    const from = performance.now();
    grid.tick();
    times.push(performance.now() - from);
  }
  const { user, system } = process.cpuUsage(before);
  const cpuMs = (user + system) / 1000 / times.length;
  times.sort((a, b) => a - b);
  const tickMs = times[Math.floor(times.length / 2)] as number;
  const { rrc } = grid.columns.ues;
  return {
    cells,
    ues: grid.ueCount,
    connected: rrc.reduce((sum, state) => sum + (state === 2 ? 1 : 0), 0),
    flows,
    cpuMs,
    tickMs,
    worstMs: times.at(-1) as number,
    nsPerUeTick: (cpuMs * 1e6) / grid.ueCount,
    stateBytesPerUe: grid.bytes / grid.ueCount,
    rssBytes: process.memoryUsage.rss(),
  };
}

/** Runs one size in a child, so that one size's heap and compiled code do not help or harm another's. */
function apart(cells: number, busy: boolean): Result {
  const run = spawnSync(process.execPath, [import.meta.filename, String(cells), busy ? 'busy' : 'mix'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return JSON.parse(run.stdout) as Result;
}

const [, , size, mode] = process.argv;
if (size !== undefined) {
  print(JSON.stringify(measureSize(Number(size), mode === 'busy')));
} else {
  print(`${process.version}, ${cpus().length} x ${cpus()[0]?.model ?? 'unknown'}`);
  print('mix   cells     UEs  connected  flows  CPU ms  wall ms  worst  ns/UE-tick  state B/UE  RSS MB');
  const results = new Map<string, Result>();
  for (const busy of [false, true]) {
    for (const cells of SIZES) {
      const rounds = Array.from({ length: ROUNDS }, () => apart(cells, busy)).sort(
        (a, b) => a.cpuMs - b.cpuMs,
      );
      const result = rounds[Math.floor(ROUNDS / 2)] as Result;
      results.set(`${busy}${cells}`, result);
      print(
        `${busy ? 'busy' : 'mix '} ${String(cells).padStart(6)} ${String(result.ues).padStart(7)} ` +
          `${String(result.connected).padStart(10)} ${String(result.flows).padStart(6)} ` +
          `${result.cpuMs.toFixed(1).padStart(7)} ${result.tickMs.toFixed(1).padStart(8)} ${result.worstMs.toFixed(0).padStart(6)} ` +
          `${result.nsPerUeTick.toFixed(0).padStart(11)} ${result.stateBytesPerUe.toFixed(0).padStart(11)} ` +
          `${(result.rssBytes / 1e6).toFixed(0).padStart(7)}`,
      );
    }
  }
  const of = (busy: boolean, cells: number) => results.get(`${busy}${cells}`) as Result;
  const most = (name: string, value: number, unit: string, limit: number) => ({
    name,
    value: Number(value.toFixed(2)),
    unit,
    goal: `<= ${limit}`,
    ok: value <= limit,
  });
  const goals = [
    most('CPU of a tick, 1,000 cells and 100,000 UEs', of(false, 1000).cpuMs, 'ms', 500),
    most('the same with every UE connected', of(true, 1000).cpuMs, 'ms', 500),
    most('resident memory at 1,000 cells', of(false, 1000).rssBytes / 1e6, 'MB', 500),
    most(
      'ns per UE-tick, 1,000 cells to 57',
      of(false, 1000).nsPerUeTick / of(false, 57).nsPerUeTick,
      'ratio',
      1.3,
    ),
  ];
  print(JSON.stringify({ bench: 'network', goals }));
  process.exitCode = goals.every(({ ok }) => ok) ? 0 : 1;
}
