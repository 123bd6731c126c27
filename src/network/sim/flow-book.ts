import type { QosFlow, RrmPolicy, UePriorityPolicy } from '../model.ts';
import type { GbrFlow, Reservation } from './cell-share.ts';
import { clamp } from './geo.ts';

/** 5QI priority levels, TS 23.501 table 5.7.4-1; smaller is scheduled sooner. */
const PRIORITY: Readonly<Record<number, number>> = {
  ...{ 1: 20, 2: 40, 3: 30, 4: 50, 65: 7, 66: 20, 67: 15, 71: 56, 72: 56, 73: 56, 74: 56, 76: 56 },
  ...{
    5: 10,
    6: 60,
    7: 70,
    8: 80,
    9: 90,
    69: 5,
    70: 55,
    79: 65,
    80: 68,
    82: 19,
    83: 22,
    84: 24,
    85: 21,
    86: 18,
  },
};
const BEST_EFFORT_PRIORITY = 90;
/** Seconds of the GBR averaging window (2000 ms, TS 23.501 table 5.7.4-1). */
const WINDOW = 2;

export interface BookedFlow {
  flow: QosFlow;
  /** Null for a flow without guaranteed rates. */
  gbr: GbrFlow | null;
  guaranteed: boolean;
  /** Seconds in a row in which the last verdict was contradicted. */
  against: number;
}

/** What the core and the RAN have asked for, by UE; the regions read it each second. */
export class FlowBook {
  readonly flows = new Map<string, BookedFlow>();
  readonly priorities = new Map<string, UePriorityPolicy>();
  readonly reservations = new Map<string, RrmPolicy>();
  #serial = 100_000;

  /** The booked form of a flow, not yet admitted anywhere. */
  draft(flow: QosFlow, ue: number): BookedFlow {
    const gbrDl = flow.gbrDlMbps ?? 0;
    const gbrUl = flow.gbrUlMbps ?? 0;
    if (gbrDl <= 0 && gbrUl <= 0) return { flow, gbr: null, guaranteed: true, against: 0 };
    const gbr: GbrFlow = {
      ue,
      priority: this.#priority(flow),
      arp: flow.arp.priorityLevel,
      mayPreempt: flow.arp.preemptCap === 'MAY_PREEMPT',
      preemptable: flow.arp.preemptVuln === 'PREEMPTABLE',
      gbrDl,
      gbrUl,
      order: this.#serial++,
      admittedAt: -1,
      served: false,
    };
    return { flow, gbr, guaranteed: false, against: 0 };
  }

  #priority(flow: QosFlow): number {
    const own = PRIORITY[flow.fiveQi] ?? BEST_EFFORT_PRIORITY;
    return Math.min(own, this.priorities.get(flow.supi)?.priorityLevel ?? own);
  }

  /** GBR flows of the UEs that `ueOf` finds in a region. */
  gbrIn(ueOf: (supi: string) => number): GbrFlow[] {
    const list: GbrFlow[] = [];
    for (const { flow, gbr } of this.flows.values()) {
      if (!gbr) continue;
      const ue = ueOf(flow.supi);
      if (ue < 0) continue;
      gbr.ue = ue;
      gbr.priority = this.#priority(flow);
      list.push(gbr);
    }
    return list;
  }

  /** Weight of a UE's best-effort traffic: its best priority level against that of 5QI 9. */
  weightOf(supi: string): number {
    let level = this.priorities.get(supi)?.priorityLevel ?? BEST_EFFORT_PRIORITY;
    for (const { flow, gbr } of this.flows.values()) {
      if (flow.supi === supi && !gbr) level = Math.min(level, PRIORITY[flow.fiveQi] ?? level);
    }
    return clamp(BEST_EFFORT_PRIORITY / level, 0.5, 8);
  }

  /** Maximum rates (MFBR) of the GBR flow that carries the UE's service; infinite without one. */
  limitOf(supi: string): { dl: number; ul: number } {
    let dl = Number.POSITIVE_INFINITY;
    let ul = Number.POSITIVE_INFINITY;
    for (const { flow, gbr } of this.flows.values()) {
      if (flow.supi !== supi || !gbr) continue;
      dl = Math.min(dl, Math.max(flow.mbrDlMbps ?? dl, gbr.gbrDl));
      ul = Math.min(ul, Math.max(flow.mbrUlMbps ?? ul, gbr.gbrUl));
    }
    return { dl, ul };
  }

  weightsIn(ueOf: (supi: string) => number): Map<number, number> {
    const weights = new Map<number, number>();
    const supis = new Set([...this.priorities.values()].map((p) => p.supi));
    for (const { flow } of this.flows.values()) supis.add(flow.supi);
    for (const supi of supis) {
      const ue = ueOf(supi);
      if (ue >= 0) weights.set(ue, this.weightOf(supi));
    }
    return weights;
  }

  /** Set-asides at `t` by cell index. Together they leave at least a tenth of a cell to the others. */
  reservedIn(
    t: number,
    cellOf: (id: string) => { index: number; prbs: number } | undefined,
    ueOf: (supi: string) => number,
  ): Map<number, Reservation[]> {
    const byCell = new Map<number, Reservation[]>();
    for (const policy of this.reservations.values()) {
      if (t < (policy.start ?? t) || t >= (policy.end ?? t + 1)) continue;
      const ues = new Set(policy.supis.map(ueOf).filter((ue) => ue >= 0));
      for (const id of policy.cellIds) {
        const cell = cellOf(id);
        if (!cell) continue;
        const list = byCell.get(cell.index) ?? [];
        const taken = list.reduce((sum, r) => sum + r.prbs, 0);
        const prbs = Math.min((policy.dedicatedRatio / 100) * cell.prbs, 0.9 * cell.prbs - taken);
        if (prbs > 0) list.push({ prbs, ues });
        byCell.set(cell.index, list);
      }
    }
    return byCell;
  }

  /** Notification control (TS 23.501 5.7.2.4): flows whose verdict turned over a whole window. */
  judge(active: (supi: string) => boolean): BookedFlow[] {
    const turned: BookedFlow[] = [];
    for (const booked of this.flows.values()) {
      if (!booked.gbr || !active(booked.flow.supi)) continue;
      booked.against = booked.gbr.served === booked.guaranteed ? 0 : booked.against + 1;
      if (booked.against < WINDOW) continue;
      booked.guaranteed = booked.gbr.served;
      booked.against = 0;
      turned.push(booked);
    }
    return turned;
  }
}
