import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Report } from '../schema/index.ts';
import type { Meter } from './meter.ts';
import type { NfLoad } from './nf-load.ts';

/** How long the event loop keeps its work waiting. */
export interface LoopDelay {
  /** Mean since it was asked last, ms. */
  read(): number;
  close(): void;
}

const RESOLUTION_MS = 10;

export function watchLoop(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return {
    read() {
      // The histogram counts the interval of its own timer in.
      const ms = histogram.mean / 1e6 - RESOLUTION_MS;
      histogram.reset();
      return Number.isFinite(ms) ? Math.max(0, ms) : 0;
    },
    close: () => void histogram.disable(),
  };
}

/** Below the first nobody notices, ms; at the second the process is as good as full. */
const LOOP_MS = [25, 250] as const;

/** 0..100 for a delay in ms. */
export function loopLoad(ms: number): number {
  const [free, full] = LOOP_MS;
  return Math.round(Math.min(1, Math.max(0, (ms - free) / (full - free))) * 100);
}

/** NF types behind each tool. */
export type Behind = () => ReadonlyArray<readonly string[]>;

/**
 * One report of a tool server (NetMCP 6): its own load is the greater of its meter's and its event loop's;
 * that of the NFs counts as a call meets it on average, the busiest NF of each tool.
 */
export async function measure(options: {
  meter: Meter;
  loop: LoopDelay | null;
  nfLoad: Pick<NfLoad, 'read'> | null;
  behind: Behind;
}): Promise<Omit<Report, 'lease'>> {
  const { meter, loop, nfLoad, behind } = options;
  const tools = behind();
  const byType = nfLoad === null ? {} : await nfLoad.read([...new Set(tools.flat())]);
  const own = meter.forced() ?? Math.max(meter.load(), loopLoad(loop?.read() ?? 0), met(tools, byType));
  return {
    load: own,
    inFlight: meter.inFlight(),
    queue: meter.queue(),
    p95Ms: meter.p95Ms(),
    nfLoad: byType,
  };
}

export function met(tools: ReturnType<Behind>, byType: Record<string, number>): number {
  const known = new Map(Object.entries(byType));
  const loads = tools.map((types) => Math.max(0, ...types.map((type) => known.get(type) ?? 0)));
  return loads.length === 0 ? 0 : Math.round(loads.reduce((sum, one) => sum + one, 0) / loads.length);
}
