import type { PathView } from './transport.ts';

export interface Upf {
  id: string;
  dnai: string;
  /** PDU sessions anchored there. */
  sessions: number;
}

/** Where PDU sessions are anchored: one UPF behind each access identifier (TS 23.501 6.3.3). */
export class Upfs {
  readonly #anchors = new Map<string, string>();

  /** The wanted one if it is healthy; else the one in use, then the healthy one with the least delay. */
  select(
    ways: ReadonlyArray<PathView & { active: boolean }>,
    wanted?: string,
  ): { upf: string; dnai: string } | undefined {
    const healthy = ways.filter((way) => way.healthy);
    const chosen =
      healthy.find((way) => way.dnai === wanted) ??
      healthy.find((way) => way.active) ??
      [...healthy].sort((a, b) => a.delayMs - b.delayMs)[0];
    return chosen && { upf: `upf-${chosen.dnai}`, dnai: chosen.dnai };
  }

  anchor(session: string, dnai: string): void {
    this.#anchors.set(session, dnai);
  }

  anchorOf(session: string): string | undefined {
    return this.#anchors.get(session);
  }

  release(session: string): void {
    this.#anchors.delete(session);
  }

  list(dnais: readonly string[]): Upf[] {
    const anchored = [...this.#anchors.values()];
    return dnais.map((dnai) => ({
      id: `upf-${dnai}`,
      dnai,
      sessions: anchored.filter((one) => one === dnai).length,
    }));
  }
}
