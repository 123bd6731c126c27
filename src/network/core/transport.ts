import type { Faults } from './faults.ts';

/** A way from a region to its data network, as the simulation draws it. */
export interface PathView {
  dnai: string;
  /** One way, ms. */
  delayMs: number;
  healthy: boolean;
}

export interface Link {
  id: string;
  dnai: string;
  capacityMbps: number;
  /** Of the capacity, 0..1. */
  utilisation: number;
  /** One way, ms; what the link adds to the delay of its path when it is idle is part of the path. */
  queueMs: number;
  lossRatio: number;
  state: 'up' | 'cut';
}

/** By kind of access identifier: `central-shanghai` is central. */
const CAPACITY_MBPS: Readonly<Record<string, number>> = { central: 10_000, edge: 2_000, backup: 4_000 };
/** Utilisation that the delay of a path without faults already has in it. */
const USUAL = 0.35;
/** Mean time that one burst takes on the link, ms. */
const SERVICE_MS = 0.5;
/** Above this utilisation the queue overflows. */
const FULL = 0.95;
/** What traffic over a cut link waits: longer than any service lets it. */
const CUT_MS = 10_000;

/** Queue of an M/M/1 server at a utilisation, ms. */
const queueMs = (utilisation: number) => (SERVICE_MS * utilisation) / (1 - utilisation);

/** Transport links behind the access identifiers: capacity, congestion, loss, cuts. Pure, but for faults. */
export class Transport {
  readonly #faults: Faults;
  /** Guaranteed traffic that sessions put on each access identifier, Mbit/s. */
  readonly #offered = new Map<string, Map<string, number>>();

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** What a session puts on a link from now on; 0 takes it away. */
  offer(dnai: string, session: string, mbps: number): void {
    const sessions = this.#offered.get(dnai) ?? new Map<string, number>();
    if (mbps > 0) sessions.set(session, mbps);
    else sessions.delete(session);
    this.#offered.set(dnai, sessions);
  }

  link(dnai: string): Link {
    const id = `link-${dnai}`;
    const capacityMbps = CAPACITY_MBPS[dnai.split('-')[0] ?? ''] ?? 1_000;
    const own = [...(this.#offered.get(dnai)?.values() ?? [])].reduce((a, b) => a + b, 0);
    const congested = this.#faults.of('link-congested').filter(({ link }) => link === id);
    const background = Math.max(USUAL, ...congested.map(({ load }) => load / 100));
    const utilisation = Math.min(0.99, background + own / capacityMbps);
    const cut = this.#faults.of('link-cut').some(({ link }) => link === id);
    return {
      id,
      dnai,
      capacityMbps,
      utilisation,
      queueMs: queueMs(utilisation),
      lossRatio: cut ? 1 : Math.max(0, (utilisation - FULL) / (1 - FULL)) * 0.1,
      state: cut ? 'cut' : 'up',
    };
  }

  /** The path with what its link does to it now. */
  shape(path: PathView): PathView {
    const link = this.link(path.dnai);
    if (link.state === 'cut') return { ...path, delayMs: CUT_MS, healthy: false };
    const extra = link.queueMs - queueMs(USUAL);
    if (extra < 0.05) return path;
    const delayMs = Math.round((path.delayMs + extra) * 10) / 10;
    return { ...path, delayMs, healthy: path.healthy && link.utilisation < FULL };
  }
}
