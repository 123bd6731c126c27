import type { Clock } from '../../../machines/ports.ts';

export interface Figures {
  load: number;
  inFlight: number;
  queue: number;
  p95Ms: number;
}

/** What the registry thinks of the reports of one server (NetMCP 6). */
export interface Trust {
  /** Takes a report in; `load` is what counts from now on. */
  judge(
    report: Figures,
    peers: readonly Figures[],
  ): { load: number; untrusted: boolean; doubt: string | null };
  /** A report that could not even be read. Returns whether the server has just lost its trust. */
  malformed(): boolean;
  untrusted(): boolean;
  /** False: this server has sent too many reports, and this one is not heeded. */
  admit(): boolean;
}

/** A server that says it is idle is believed below this load only if its other figures agree. */
const IDLE = 50;
const SLOW = 5;
/** Latencies below this are no sign of load, ms. */
const QUICK_MS = 50;
/** Reports against it until a server is not believed, and for it until it is again. */
const STRIKES = 3;
const REDEMPTION = 5;
/** What an untrusted server counts as at least: `high`. */
const ASSUMED = 80;
/** Reports at once, and a second. */
const BURST = 20;
const RATE = 10;

export function createTrust(clock: Clock): Trust {
  let against = 0;
  let good = 0;
  let untrusted = false;
  const bucket = createBucket(clock, BURST, RATE);

  function strike(): boolean {
    good = 0;
    against += 1;
    if (untrusted || against < STRIKES) return false;
    untrusted = true;
    return true;
  }

  return {
    judge(report, peers) {
      const doubt = doubtOf(report, peers);
      if (doubt !== null) strike();
      else {
        against = 0;
        good += 1;
        if (good >= REDEMPTION) untrusted = false;
      }
      return { load: untrusted ? Math.max(ASSUMED, report.load) : report.load, untrusted, doubt };
    },
    malformed: strike,
    untrusted: () => untrusted,
    admit: () => bucket(),
  };
}

/** Why a report cannot be true: it says that it has room, and its own figures or its like say otherwise. */
export function doubtOf(report: Figures, peers: readonly Figures[]): string | null {
  if (report.load >= IDLE) return null;
  if (report.queue > 0 && report.queue >= report.inFlight) return 'calls queue at a server with room';
  const times = peers.map((peer) => peer.p95Ms).filter((ms) => ms > 0);
  const usual = median(times);
  if (report.inFlight > 0 && usual !== null && report.p95Ms > Math.max(QUICK_MS, SLOW * usual))
    return 'much slower than servers with the same tools, and says it is idle';
  return null;
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] as number;
}

/** Tokens: so many at once, so many a second. */
export function createBucket(clock: Clock, burst: number, perSecond: number): () => boolean {
  let tokens = burst;
  let at = clock.now();
  return () => {
    const now = clock.now();
    tokens = Math.min(burst, tokens + (Math.max(0, now - at) / 1_000) * perSecond);
    at = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
