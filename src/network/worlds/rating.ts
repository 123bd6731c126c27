import { RRC } from '../grid/columns.ts';
import type { GridNetwork } from './grid-network.ts';
import type { Scope } from './parameters.ts';

/** Who wants less gets it nearly always: in a quantile of rates it would hide those that get less than they want. */
const RATED_MBPS = 1;

const quantile = (sorted: readonly number[], q: number): number =>
  sorted.length === 0 ? 0 : (sorted[Math.floor(q * (sorted.length - 1))] as number);
const ascending = (values: number[]) => values.sort((a, b) => a - b);
const mean = (values: readonly number[]) =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * KPIs of the UEs in a scope, and of all others, over the seconds that it observes. In scope are its
 * subscribers, or, where it names none, the UEs that its cells served when the rating began.
 */
export class Rating {
  readonly #network: GridNetwork;
  readonly #inScope: Uint8Array;
  readonly #cells: number[];
  readonly #columns: Record<
    'wanted' | 'out' | 'dl' | 'ul' | 'dlSeconds' | 'ulSeconds' | 'offeredDl' | 'offeredUl',
    Float64Array
  >;
  readonly #handovers: Uint32Array;
  readonly #failures: Uint32Array;
  readonly #radio = { rsrp: [] as number[], sinr: [] as number[] };
  readonly #loads = { dl: 0, ul: 0, iot: 0, connected: 0 };
  #seconds = 0;

  constructor(network: GridNetwork, scope: Scope) {
    this.#network = network;
    const { grid, cells } = network.deployed;
    const { ues } = grid.columns;
    const n = grid.ueCount;
    const numbers = new Set(cells.flatMap((cell, c) => (scope.cells.includes(cell.id) ? [c] : [])));
    this.#inScope = new Uint8Array(n);
    const named = scope.subscribers.flatMap((supi) => network.control.ueOf(supi) ?? []);
    for (const u of named) this.#inScope[u] = 1;
    if (named.length === 0) {
      for (let u = 0; u < n; u++) if (numbers.has(ues.cell[u] as number)) this.#inScope[u] = 1;
    }
    // Without cells in the scope, those that serve its subscribers.
    if (numbers.size === 0) for (const u of named) numbers.add(ues.cell[u] as number);
    this.#cells = [...numbers].filter((c) => c >= 0);
    const column = () => new Float64Array(n);
    this.#columns = {
      wanted: column(),
      out: column(),
      dl: column(),
      ul: column(),
      dlSeconds: column(),
      ulSeconds: column(),
      offeredDl: column(),
      offeredUl: column(),
    };
    this.#handovers = new Uint32Array(n);
    this.#failures = new Uint32Array(n);
  }

  /** Takes in the second that has just passed. */
  observe(): void {
    const { ues, cells, plan } = this.#network.deployed.grid.columns;
    const of = this.#columns;
    if (this.#seconds++ === 0) {
      this.#handovers.set(ues.handovers);
      this.#failures.set(ues.failures);
    }
    for (let u = 0; u < this.#inScope.length; u++) {
      if (ues.wanted[u] === 0) continue;
      add(of.wanted, u, 1);
      if (ues.rrc[u] !== RRC.connected) add(of.out, u, 1);
      if ((ues.wantDl[u] as number) > 0 || ues.gotDl[u] !== 0) {
        add(of.dl, u, ues.gotDl[u] as number);
        add(of.dlSeconds, u, 1);
        add(of.offeredDl, u, Math.max(ues.wantDl[u] as number, ues.gotDl[u] as number));
      }
      if ((ues.wantUl[u] as number) > 0 || ues.gotUl[u] !== 0) {
        add(of.ul, u, ues.gotUl[u] as number);
        add(of.ulSeconds, u, 1);
        add(of.offeredUl, u, Math.max(ues.wantUl[u] as number, ues.gotUl[u] as number));
      }
      if (this.#inScope[u] === 1 && (ues.cell[u] as number) >= 0) {
        this.#radio.rsrp.push(ues.rsrp[u] as number);
        this.#radio.sinr.push(ues.sinr[u] as number);
      }
    }
    for (const c of this.#cells) {
      const share = 1 / this.#cells.length;
      this.#loads.dl += (100 * share * (cells.usedDl[c] as number)) / (plan.cellPrbs[c] as number);
      this.#loads.ul += (100 * share * (cells.usedUl[c] as number)) / (plan.cellPrbs[c] as number);
      this.#loads.iot += share * (cells.iot[c] as number);
      this.#loads.connected += share * (cells.connected[c] as number);
    }
  }

  /** Facts of the scope's radio and load, then the KPIs of its UEs, and those of the others (`others...`). */
  kpis(): Record<string, number> {
    const { ues } = this.#network.deployed.grid.columns;
    const rsrp = ascending([...this.#radio.rsrp]);
    const sinr = ascending([...this.#radio.sinr]);
    const seconds = Math.max(1, this.#seconds);
    const speeds = ascending(Array.from(ues.speed).filter((_, u) => this.#inScope[u] === 1));
    return {
      prbDlPercent: this.#loads.dl / seconds,
      prbUlPercent: this.#loads.ul / seconds,
      iotDb: this.#loads.iot / seconds,
      connectedPerCell: this.#loads.connected / seconds,
      rsrpP5Dbm: quantile(rsrp, 0.05),
      sinrP5Db: quantile(sinr, 0.05),
      speedP95Mps: quantile(speeds, 0.95),
      ...this.#group(1, (name) => name),
      ...this.#group(0, (name) => `others${name[0]?.toUpperCase()}${name.slice(1)}`),
    };
  }

  #group(inScope: 0 | 1, nameOf: (name: string) => string): Record<string, number> {
    const of = this.#columns;
    const { ues } = this.#network.deployed.grid.columns;
    const dl: number[] = [];
    const ul: number[] = [];
    const sums = {
      wanted: 0,
      out: 0,
      gotDl: 0,
      gotUl: 0,
      offeredDl: 0,
      offeredUl: 0,
      changes: 0,
      failures: 0,
    };
    for (let u = 0; u < this.#inScope.length; u++) {
      if (this.#inScope[u] !== inScope || of.wanted[u] === 0) continue;
      rate(dl, of.dl[u] as number, of.offeredDl[u] as number, of.dlSeconds[u] as number);
      rate(ul, of.ul[u] as number, of.offeredUl[u] as number, of.ulSeconds[u] as number);
      sums.wanted += of.wanted[u] as number;
      sums.out += of.out[u] as number;
      if (Number.isFinite(of.offeredDl[u])) {
        sums.gotDl += of.dl[u] as number;
        sums.offeredDl += of.offeredDl[u] as number;
      }
      if (Number.isFinite(of.offeredUl[u])) {
        sums.gotUl += of.ul[u] as number;
        sums.offeredUl += of.offeredUl[u] as number;
      }
      sums.changes += (ues.handovers[u] as number) - (this.#handovers[u] as number);
      sums.failures += (ues.failures[u] as number) - (this.#failures[u] as number);
    }
    const ratio = (a: number, b: number, none: number) => (b > 0 ? a / b : none);
    const values = {
      edgeDlMbps: quantile(ascending(dl), 0.05),
      edgeUlMbps: quantile(ascending(ul), 0.05),
      meanDlMbps: mean(dl),
      meanUlMbps: mean(ul),
      servedDl: Math.min(1, ratio(sums.gotDl, sums.offeredDl, 1)),
      servedUl: Math.min(1, ratio(sums.gotUl, sums.offeredUl, 1)),
      outageRatio: ratio(sums.out, sums.wanted, 0),
      changesPerMinute: 60 * ratio(sums.changes, sums.wanted, 0),
      failuresPerMinute: 60 * ratio(sums.failures, sums.wanted, 0),
    };
    return Object.fromEntries(Object.entries(values).map(([name, value]) => [nameOf(name), value]));
  }
}

/** The mean rate of a UE that wanted more than a trickle. */
function rate(rates: number[], got: number, offered: number, seconds: number): void {
  if (seconds > 0 && offered / seconds >= RATED_MBPS) rates.push(got / seconds);
}

function add(column: Float64Array, u: number, amount: number): void {
  column[u] = (column[u] as number) + amount;
}
