import type { NetworkEvent, Rat, SteeringPolicy } from '../model.ts';

/** One cell as the traveller measures it in this second; `cell` counts within its RAT. */
export interface Reading {
  cell: number;
  rsrpDbm: number;
  sinrDb: number;
  cqi: number;
  rsrqDb: number | null;
}

/** What the traveller can measure now. */
export interface Air {
  /** Strongest cell of a RAT; null where none is received. */
  best(rat: Rat): Reading | null;
  /** That cell of that RAT. */
  reading(rat: Rat, cell: number): Reading | null;
  /** The RAT that a measured drive holds the link on: no hand-over rule of ours applies within it. */
  held: Rat | null;
}

export type Happening =
  | { type: 'handover'; rat: Rat; from: number; to: number }
  | {
      type: 'rat-change';
      from: Rat;
      to: Rat;
      cause: Extract<NetworkEvent, { type: 'rat-change' }>['cause'];
    }
  | { type: 'radio-link-failure'; rat: Rat; cell: number };

const A3_DB = 3;
const RLF_SINR_DB = -8;
const RLF_SECONDS = 2;
/** Weakest signal on which a link is set up, and the worst SINR. */
const USABLE = { NR: -121, EUTRA: -119 } as const;
const SETUP_SINR_DB = -6.5;
const FALLBACK_DBM = -118;
const FALLBACK_SECONDS = 2;
const RETURN_DBM = -110;
const RETURN_SECONDS = 5;
/** A policy returns faster: it has an upper threshold of its own against ping-pong. */
const POLICY_RETURN_SECONDS = 3;
/** Seconds of user plane lost: hand-over inside a RAT, between RATs. */
const HANDOVER_GAP = 0.05;
const RAT_GAP = 0.12;

/** The traveller's radio connection: cell changes, failures, and the switch between the RATs. */
export class Connection {
  rat: Rat | null = null;
  cell = -1;
  handovers = 0;
  failures = 0;
  #ordered: Rat | null = null;
  #weak = 0;
  #failing = 0;
  #good = 0;
  #pendingGap = 0;
  #candidate = -1;

  /** Starts anew: strongest NR cell first. Counters and a standing order stay. */
  reset(): void {
    this.rat = null;
    this.cell = -1;
    this.#weak = 0;
    this.#failing = 0;
    this.#good = 0;
  }

  /**
   * Order from outside: change to `rat` now. An order to 4G holds, or 5G would take the UE back at once; one
   * to 5G does not keep it there: the gNB's own policies apply again. False if no cell of it can be used.
   */
  order(rat: Rat, air: Air): Happening[] | false {
    const target = usable(air, rat);
    if (!target) return false;
    this.#ordered = rat === 'NR' ? null : rat;
    if (this.rat === rat) return [];
    this.#pendingGap += RAT_GAP;
    return this.#change(rat, target.cell, 'order');
  }

  clearOrder(): void {
    this.#ordered = null;
  }

  /** One second: what happens to the link, and the share of the second without user plane. */
  update(air: Air, policy: SteeringPolicy | undefined): { gap: number; happenings: Happening[] } {
    const happenings: Happening[] = [];
    let gap = this.#pendingGap;
    this.#pendingGap = 0;
    if (this.rat === null) {
      const first = usable(air, this.#ordered ?? 'NR') ?? usable(air, 'NR') ?? usable(air, 'EUTRA');
      if (!first) return { gap: 1, happenings };
      this.rat = usable(air, this.#ordered ?? 'NR')
        ? (this.#ordered ?? 'NR')
        : usable(air, 'NR')
          ? 'NR'
          : 'EUTRA';
      this.cell = first.cell;
    }
    gap += this.#withinRat(air, happenings);
    gap += this.#betweenRats(air, policy, happenings);
    gap += this.#failure(air, happenings);
    return { gap: Math.min(1, gap), happenings };
  }

  #withinRat(air: Air, happenings: Happening[]): number {
    const rat = this.rat as Rat;
    const best = air.best(rat);
    if (!best || best.cell === this.cell) return 0;
    const now = air.reading(rat, this.cell);
    const better = !now || best.rsrpDbm > now.rsrpDbm + A3_DB;
    // The time to trigger and the layer 3 filter together: the same neighbour has to lead twice.
    const again = better && this.#candidate === best.cell;
    this.#candidate = better ? best.cell : -1;
    if (air.held !== rat && !again) return 0;
    happenings.push({ type: 'handover', rat, from: this.cell, to: best.cell });
    this.cell = best.cell;
    this.handovers++;
    this.#failing = 0;
    return HANDOVER_GAP;
  }

  #betweenRats(air: Air, policy: SteeringPolicy | undefined, happenings: Happening[]): number {
    const before = happenings.length;
    const nr = this.rat === 'NR' ? air.reading('NR', this.cell) : usable(air, 'NR');
    if (this.rat === 'NR') {
      const standby = usable(air, 'EUTRA');
      this.#weak = nr && (nr.rsrpDbm >= FALLBACK_DBM || air.held === 'NR') ? 0 : this.#weak + 1;
      const below =
        policy &&
        nr &&
        (nr.rsrpDbm < policy.toStandbyBelow.rsrpDbm || nr.sinrDb < policy.toStandbyBelow.sinrDb);
      if (standby && below && this.#ordered !== 'NR') {
        happenings.push(...this.#change('EUTRA', standby.cell, 'policy'));
      } else if (standby && (!nr || this.#weak >= FALLBACK_SECONDS)) {
        this.#ordered = null;
        happenings.push(...this.#change('EUTRA', standby.cell, 'fallback'));
      }
    } else if (nr) {
      const above = policy
        ? nr.rsrpDbm > policy.returnAbove.rsrpDbm && nr.sinrDb > policy.returnAbove.sinrDb
        : this.#ordered !== 'EUTRA' && (nr.rsrpDbm > RETURN_DBM || air.held === 'NR');
      this.#good = above ? this.#good + 1 : 0;
      const wait = policy ? POLICY_RETURN_SECONDS : air.held === 'NR' ? 1 : RETURN_SECONDS;
      if (this.#good >= wait) {
        this.#ordered = null;
        happenings.push(...this.#change('NR', nr.cell, 'return'));
      }
    } else this.#good = 0;
    return happenings.length > before ? RAT_GAP : 0;
  }

  /** Radio-link failure (TS 38.331 5.3.10): the second is lost, then the UE looks for any cell. */
  #failure(air: Air, happenings: Happening[]): number {
    const rat = this.rat as Rat;
    const now = air.reading(rat, this.cell);
    const bad = !now || (air.held !== rat && (now.sinrDb < RLF_SINR_DB || now.rsrpDbm < USABLE[rat] - 3));
    this.#failing = bad ? this.#failing + 1 : 0;
    if (this.#failing < RLF_SECONDS) return 0;
    happenings.push({ type: 'radio-link-failure', rat, cell: this.cell });
    this.failures++;
    this.reset();
    return 1;
  }

  #change(to: Rat, cell: number, cause: 'policy' | 'order' | 'fallback' | 'return'): Happening[] {
    const from = this.rat;
    this.rat = to;
    this.cell = cell;
    this.#weak = 0;
    this.#good = 0;
    this.#failing = 0;
    return from === null ? [] : [{ type: 'rat-change', from, to, cause }];
  }
}

/** The strongest cell of a RAT if a link can be set up on it. */
export function usable(air: Air, rat: Rat): Reading | null {
  const best = air.best(rat);
  if (!best) return null;
  if (air.held === rat) return best;
  return best.rsrpDbm > USABLE[rat] && best.sinrDb > SETUP_SINR_DB ? best : null;
}
