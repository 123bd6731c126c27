import type { ServiceSecond, Trip } from '../model.ts';
import type { Deployed } from './deploy.ts';
import { type Journey, KEEP_ALIVE_MBPS } from './journeys.ts';
import type { Transport } from './transport.ts';

export interface ServiceState {
  seconds: ServiceSecond[];
  others: { sums: number[]; seconds: number } | null;
  dropped: [number, number];
  active: boolean;
}

/** Round to 0.1 kbit/s: columns are 32-bit floats, and a target met must count as met. */
const rate = (mbps: number) => Math.round(mbps * 1e4) / 1e4;

/** The service that one named UE uses, second by second, and what the others had meanwhile. */
export class ServiceRecord {
  readonly seconds: ServiceSecond[] = [];
  readonly #deployed: Deployed;
  readonly #journey: Journey;
  readonly #transport: Transport;
  #others: { sums: Float64Array; seconds: number } | null = null;
  #dropped: [number, number] = [0, 0];
  #active = false;

  constructor(deployed: Deployed, journey: Journey, transport: Transport) {
    this.#deployed = deployed;
    this.#journey = journey;
    this.#transport = transport;
  }

  /** Another trip: begins anew. */
  reset(): void {
    this.seconds.length = 0;
    this.#others = null;
  }

  /** Before the tick that ends at `t`: what the service offers; `carried` goes over QoS flows. */
  offer(t: number, carried: { dl: number; ul: number }): void {
    const { grid } = this.#deployed;
    const { u, trip } = this.#journey;
    const { ues } = grid.columns;
    this.#dropped = [ues.droppedDl[u] as number, ues.droppedUl[u] as number];
    const used = trip !== null && inUse(trip, t);
    if (used) {
      const { dlMbps, ulMbps } = trip.service;
      const rest = (all: number, part: number) => Math.max(KEEP_ALIVE_MBPS, all - part);
      grid.setTraffic(u, rest(dlMbps, carried.dl), rest(ulMbps, carried.ul));
    } else if (this.#active) grid.setTraffic(u, KEEP_ALIVE_MBPS, KEEP_ALIVE_MBPS);
    this.#active = used;
  }

  /** After it: what arrived. */
  record(t: number, delayMs: number): void {
    const { trip, u, supi } = this.#journey;
    if (!this.#active || trip === null) return;
    const { grid, cells } = this.#deployed;
    const { ues } = grid.columns;
    const { dlMbps, ulMbps } = trip.service;
    const cell = cells[ues.cell[u] as number];
    const cut = this.#transport.isCut(supi);
    const dropped =
      (ues.droppedDl[u] as number) - this.#dropped[0] + (ues.droppedUl[u] as number) - this.#dropped[1];
    const offered = dlMbps + ulMbps;
    this.seconds.push({
      t,
      // What stood in the queue of the last second is no rate of the service.
      dlMbps: cut ? 0 : rate(Math.min(dlMbps, ues.gotDl[u] as number)),
      ulMbps: cut ? 0 : rate(Math.min(ulMbps, ues.gotUl[u] as number)),
      delayMs,
      lossRatio: cut ? 1 : offered > 0 ? Math.max(0, Math.min(1, dropped / offered)) : 0,
      rat: cell?.rat ?? null,
      cellId: cell?.id ?? null,
    });
    this.#others ??= { sums: new Float64Array(grid.ueCount), seconds: 0 };
    const { sums } = this.#others;
    for (let other = 0; other < sums.length; other++)
      sums[other] = (sums[other] as number) + (ues.gotDl[other] as number);
    this.#others.seconds++;
  }

  /** Mean downlink rate of the others over the seconds recorded. */
  othersMean(supiOf: (u: number) => string): Map<string, number> {
    const mean = new Map<string, number>();
    const { sums, seconds } = this.#others ?? { sums: [], seconds: 1 };
    sums.forEach((sum, u) => {
      if (u !== this.#journey.u) mean.set(supiOf(u), sum / seconds);
    });
    return mean;
  }

  save(): ServiceState {
    return {
      seconds: this.seconds,
      others: this.#others && { sums: [...this.#others.sums], seconds: this.#others.seconds },
      dropped: this.#dropped,
      active: this.#active,
    };
  }

  restore(state: ServiceState): void {
    this.seconds.splice(0, this.seconds.length, ...state.seconds);
    this.#others = state.others && {
      sums: Float64Array.from(state.others.sums),
      seconds: state.others.seconds,
    };
    this.#dropped = state.dropped;
    this.#active = state.active;
  }
}

export const inUse = ({ service }: Trip, t: number): boolean => t > service.start && t <= service.end;
