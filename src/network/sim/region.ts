import type { CellKpis } from '../model.ts';
import { cqiOf, dlPerPrb, LTE, NR, powerPerRe } from '../radio/index.ts';
import { type CellInput, type GbrFlow, type Reservation, shareCell, type UeTable } from './cell-share.ts';
import type { Deployment } from './deployment.ts';
import type { Point } from './geo.ts';
import { normal, PURPOSE } from './hash.ts';
import {
  ambientMean,
  ambientNow,
  CROWD,
  LIVE,
  type Person,
  trafficAt,
  wants,
  whereIs,
} from './population.ts';
import { type RadioMap, type Sample, sinrOf, strongest } from './radio-map.ts';

/** The traveller as a guest of the region in one second. */
export interface Guest {
  /** Global cell index: NR sectors first, then E-UTRA; -1 when without service. */
  cell: number;
  rsrpDbm: number;
  sinrDb: number;
  cqi: number;
  wantDl: number;
  wantUl: number;
  weight: number;
}

export interface StepInput {
  second: number;
  guest: Guest | null;
  crowd: boolean;
  /** Flows added by the core, besides those that the people have of themselves. */
  flows: readonly GbrFlow[];
  reservations: ReadonlyMap<number, Reservation[]>;
  /** Weights of UEs under a priority policy or a better 5QI; others 1. */
  weights: ReadonlyMap<number, number>;
}

const A3_DB = 3;
const NR_FLOOR_DBM = -116;
const NR_RETURN_DBM = -111;
const LIVE_PRIORITY = 56;
const LIVE_ARP = 6;
/** Radio delay of an idle carrier: processing and scheduling, ms. */
const AIR_BASE_MS = 4;

/** Cells, people and traffic of one region, stepped second by second. */
export class RegionSim {
  readonly deployment: Deployment;
  readonly map: RadioMap;
  readonly people: Person[];
  readonly serving: Int16Array;
  readonly rsrp: Float64Array;
  readonly sinr: Float64Array;
  readonly table: UeTable;
  /** Downlink load of the last second, for interference; uplink load, for interference over thermal. */
  readonly loadNr: Float64Array;
  readonly loadLte: Float64Array;
  readonly loadUl: Float64Array;
  readonly positions: Point[];
  lastSecond = -1;
  readonly #seed: number;
  readonly #samples: Sample[];
  readonly #average: Float64Array;
  readonly #gbrPrb: Float64Array;
  readonly #members: number[][];
  readonly #flowsAt: GbrFlow[][];
  readonly #live: GbrFlow[];
  readonly #inputs: CellInput[] = [];

  constructor(seed: number, deployment: Deployment, map: RadioMap, people: Person[]) {
    this.#seed = seed;
    this.deployment = deployment;
    this.map = map;
    this.people = people;
    const ues = people.length + 1;
    const cells = deployment.nr.length;
    const of = () => new Float64Array(ues);
    this.serving = new Int16Array(ues).fill(-1);
    this.rsrp = of();
    this.sinr = of();
    this.table = {
      perPrb: of(),
      ulLoss: of(),
      wantDl: of(),
      wantUl: of(),
      weight: of().fill(1),
      gotDl: of(),
      gotUl: of(),
    };
    this.loadNr = new Float64Array(cells);
    this.loadLte = new Float64Array(cells);
    this.loadUl = new Float64Array(2 * cells);
    this.positions = people.map((p) => ({ ...p.home }));
    this.#samples = people.map((p) => map.near(p.home));
    this.#average = of();
    this.#gbrPrb = new Float64Array(2 * cells);
    this.#members = Array.from({ length: 2 * cells }, () => []);
    this.#flowsAt = Array.from({ length: 2 * cells }, () => []);
    this.#live = people.flatMap((person, ue) =>
      person.habit === 'live'
        ? [liveFlow(ue, LIVE)]
        : person.habit === 'crowd-live'
          ? [liveFlow(ue, CROWD)]
          : [],
    );
  }

  get guestIndex(): number {
    return this.people.length;
  }

  get cellCount(): number {
    return this.deployment.nr.length;
  }

  traffic(second: number): number {
    return trafficAt(second / 3600 + this.deployment.place.utcOffset);
  }

  /** Forgets all history: after this the next step depends on the time of day alone. */
  reset(second: number): void {
    const traffic = this.traffic(second);
    const { index } = this.deployment.place;
    const cells = this.cellCount;
    for (let c = 0; c < 2 * cells; c++) {
      const mean = ambientMean(this.#seed, index, c, traffic, 'dl');
      if (c < cells) this.loadNr[c] = mean;
      else this.loadLte[c - cells] = mean;
      this.loadUl[c] = ambientMean(this.#seed, index, c, traffic, 'ul');
    }
    this.serving.fill(-1);
    this.#average.fill(0);
    for (const flow of this.#live) flow.admittedAt = -1;
    this.lastSecond = -1;
  }

  step(input: StepInput): void {
    this.#move(input);
    this.#place(input);
    this.#schedule(input);
    this.lastSecond = input.second;
  }

  /** The input with which a cell was last shared: what a flow asks to be admitted to between ticks. */
  inputOf(cell: number): CellInput | undefined {
    return this.#inputs[cell];
  }

  /** Between ticks: puts a flow, or its changed form, into the list of its cell, and takes one out. */
  replaceFlow(before: GbrFlow | null, after: GbrFlow | null): void {
    for (const flows of this.#flowsAt) {
      const at = before ? flows.indexOf(before) : -1;
      if (at >= 0) flows.splice(at, 1);
    }
    if (after) this.#flowsAt[this.serving[after.ue] as number]?.push(after);
  }

  #move(input: StepInput): void {
    const second = input.second % 86400;
    const traffic = this.traffic(second);
    const { index } = this.deployment.place;
    const rates = new Float64Array(2);
    for (let u = 0; u < this.people.length; u++) {
      const person = this.people[u] as Person;
      const attending = person.habit !== 'crowd-live' || input.crowd;
      if (person.reachM > 0) {
        const p = whereIs(person, second, this.positions[u] as Point);
        this.#samples[u] = this.map.near(p);
      }
      if (attending) wants(this.#seed, index, u, person, second, traffic, rates);
      else rates.fill(0);
      this.table.wantDl[u] = rates[0] as number;
      this.table.wantUl[u] = rates[1] as number;
      this.table.weight[u] = input.weights.get(u) ?? 1;
      this.#attach(u, person, this.#samples[u] as Sample);
    }
    this.#settleGuest(input.guest);
  }

  #settleGuest(guest: Guest | null): void {
    const u = this.guestIndex;
    const { table } = this;
    this.serving[u] = guest?.cell ?? -1;
    table.wantDl[u] = guest?.wantDl ?? 0;
    table.wantUl[u] = guest?.wantUl ?? 0;
    table.weight[u] = guest?.weight ?? 1;
    table.gotDl[u] = 0;
    table.gotUl[u] = 0;
    if (!guest || guest.cell < 0) return;
    this.rsrp[u] = guest.rsrpDbm;
    this.sinr[u] = guest.sinrDb;
    this.#rate(u, guest.cqi);
  }

  /** Cell selection of background UEs: strongest cell with A3 hysteresis, E-UTRA where NR is too weak. */
  #attach(u: number, person: Person, sample: Sample): void {
    const cells = this.cellCount;
    let cell = this.serving[u] as number;
    const nr = strongest(sample.nr);
    const nrDbm = sample.nr[nr] as number;
    const floor = cell >= cells ? NR_RETURN_DBM : NR_FLOOR_DBM;
    if (person.lteOnly || nrDbm < floor) {
      const lte = strongest(sample.lte);
      const now = cell >= cells ? (sample.lte[cell - cells] as number) : Number.NEGATIVE_INFINITY;
      if ((sample.lte[lte] as number) > now + A3_DB) cell = lte + cells;
    } else {
      const now = cell >= 0 && cell < cells ? (sample.nr[cell] as number) : Number.NEGATIVE_INFINITY;
      if (nrDbm > now + A3_DB) cell = nr;
    }
    this.serving[u] = cell;
  }

  /** Link of each UE to its serving cell, with fading of its own. */
  #place(input: StepInput): void {
    const cells = this.cellCount;
    const { index } = this.deployment.place;
    for (let u = 0; u < this.people.length; u++) {
      this.table.gotDl[u] = 0;
      this.table.gotUl[u] = 0;
      if (this.table.wantDl[u] === 0 && this.table.wantUl[u] === 0) continue;
      this.measure(u);
      const fade = 1.5 * normal(this.#seed, PURPOSE.fading, index * 4096 + u, input.second % 86400, cells);
      this.sinr[u] = (this.sinr[u] as number) + fade;
      const table = ((this.serving[u] as number) < cells ? NR : LTE).cqiTable;
      this.#rate(u, cqiOf(this.sinr[u] as number, table));
    }
  }

  /** Signal and SINR of a background UE on its serving cell now. */
  measure(u: number): void {
    const cells = this.cellCount;
    const cell = this.serving[u] as number;
    const sample = this.#samples[u] as Sample;
    const nr = cell < cells;
    this.rsrp[u] = (nr ? sample.nr[cell] : sample.lte[cell - cells]) as number;
    this.sinr[u] = nr
      ? sinrOf(NR, sample.nrMw, cell, this.loadNr)
      : sinrOf(LTE, sample.lteMw, cell - cells, this.loadLte);
  }

  sampleOf(u: number): Sample {
    return this.#samples[u] as Sample;
  }

  #rate(u: number, cqi: number): void {
    const cell = this.serving[u] as number;
    const carrier = cell < this.cellCount ? NR : LTE;
    this.table.perPrb[u] = dlPerPrb(carrier, this.sinr[u] as number, cqi);
    // Coupling loss from the downlink by reciprocity; interference over thermal grows with load.
    this.table.ulLoss[u] =
      powerPerRe(carrier) - (this.rsrp[u] as number) + 1 + 4 * (this.loadUl[cell] as number);
    // Proportional fair: who is better off than usual goes first.
    const rate = this.table.perPrb[u] as number;
    const usual = this.#average[u] as number;
    if (usual > 0) {
      const edge = Math.max(0.5, Math.min(2, rate / usual));
      this.table.weight[u] = (this.table.weight[u] as number) * edge;
    }
    this.#average[u] = usual > 0 ? 0.8 * usual + 0.2 * rate : rate;
  }

  #schedule(input: StepInput): void {
    const { index } = this.deployment.place;
    const cells = this.cellCount;
    const second = input.second % 86400;
    const traffic = this.traffic(second);
    for (const list of this.#members) list.length = 0;
    for (const list of this.#flowsAt) list.length = 0;
    const { wantDl, wantUl } = this.table;
    for (let u = 0; u <= this.people.length; u++) {
      const cell = this.serving[u] as number;
      if (cell >= 0 && ((wantDl[u] as number) > 0 || (wantUl[u] as number) > 0)) {
        (this.#members[cell] as number[]).push(u);
      }
    }
    for (const flow of this.#live) {
      if ((wantUl[flow.ue] as number) > 0) this.#flowsAt[this.serving[flow.ue] as number]?.push(flow);
      else flow.admittedAt = -1;
    }
    for (const flow of input.flows) {
      const cell = this.serving[flow.ue] as number;
      if (cell >= 0) (this.#flowsAt[cell] as GbrFlow[]).push(flow);
      else {
        flow.admittedAt = -1;
        flow.served = false;
      }
    }
    for (let c = 0; c < 2 * cells; c++) {
      const carrier = c < cells ? NR : LTE;
      const wander = (purpose: number) => ambientNow(this.#seed, index, c, second, purpose);
      const down =
        ambientMean(this.#seed, index, c, traffic, 'dl') * wander(PURPOSE.ambientNow) * carrier.prbTotal;
      const up =
        ambientMean(this.#seed, index, c, traffic, 'ul') * wander(PURPOSE.ambientUl) * carrier.prbTotal;
      const cellInput: CellInput = {
        cell: c,
        carrier,
        ues: this.#members[c] as number[],
        flows: this.#flowsAt[c] as GbrFlow[],
        reservations: input.reservations.get(c) ?? [],
        ambientDl: down,
        ambientUl: up,
      };
      this.#inputs[c] = cellInput;
      const use = shareCell(this.table, cellInput);
      const load = use.prbDl / carrier.prbTotal;
      if (c < cells) this.loadNr[c] = load;
      else this.loadLte[c - cells] = load;
      this.loadUl[c] = use.prbUl / carrier.prbTotal;
      this.#gbrPrb[c] = use.gbrPrbDl;
    }
  }

  loadOf(cell: number): number {
    const cells = this.cellCount;
    return (cell < cells ? this.loadNr[cell] : this.loadLte[cell - cells]) as number;
  }

  /** Air-interface delay in ms at the load of the cell: waiting, and HARQ on a tenth of the blocks. */
  airDelay(cell: number): number {
    const carrier = cell < this.cellCount ? NR : LTE;
    const rho = Math.min(0.97, this.loadOf(cell));
    return AIR_BASE_MS + (rho / (1 - rho)) * carrier.slotMs + 8 * 0.1;
  }

  kpis(cell: number, t: number): CellKpis {
    const cells = this.cellCount;
    const carrier = cell < cells ? NR : LTE;
    const cellOf = (cell < cells ? this.deployment.nr[cell] : this.deployment.lte[cell - cells]) as {
      id: string;
    };
    const ues = this.#members[cell] as number[];
    const sum = (rates: Float64Array) => ues.reduce((total, ue) => total + (rates[ue] as number), 0);
    const active = ues.filter((ue) => (this.table.wantDl[ue] as number) > 0).length;
    const mean = (rates: Float64Array) => (ues.length > 0 ? (1000 * sum(rates)) / ues.length : 0);
    let connected = 0;
    for (let u = 0; u <= this.people.length; u++) if (this.serving[u] === cell) connected++;
    const percent = (share: number) => Math.round(share * 1e4) / 100;
    return {
      cellId: cellOf.id,
      t,
      'RRU.PrbTotDl': percent(this.loadOf(cell)),
      'RRU.PrbTotUl': percent(this.loadUl[cell] as number),
      'DRB.MeanActiveUeDl': active,
      'DRB.UEThpDl': Math.round(mean(this.table.gotDl)),
      'DRB.UEThpUl': Math.round(mean(this.table.gotUl)),
      'RRC.ConnMean': connected,
      'DRB.AirIfDelayDl': Math.round(10 * this.airDelay(cell)),
      gbrPrbRatioDl: percent((this.#gbrPrb[cell] as number) / carrier.prbTotal),
    };
  }
}

function liveFlow(ue: number, rates: { dl: number; ul: number }): GbrFlow {
  return {
    ue,
    priority: LIVE_PRIORITY,
    arp: LIVE_ARP,
    mayPreempt: false,
    preemptable: true,
    gbrDl: rates.dl,
    gbrUl: rates.ul,
    order: ue,
    admittedAt: -1,
    served: false,
  };
}
