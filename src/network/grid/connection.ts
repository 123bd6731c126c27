import { RRC } from './columns.ts';
import { COUNTER, count } from './counters.ts';
import { EVENT } from './events.ts';
import { LTE_, NR_ } from './plan.ts';
import type { World } from './world.ts';

/** A link is set up only this far above the camping level and the out-of-sync threshold, dB. */
const SETUP_MARGIN_DB = 1;
/** User plane lost by a re-establishment, and by a failed handover before it (T304), ms. */
const REESTABLISH_MS = 150;
const T304_MS = 500;
/** Cause of a change of RAT, as events carry it. */
export const RAT_CAUSE = { fallback: 0, return: 1, policy: 2, order: 3 } as const;

const usable = (world: World, rat: number, rsrp: number, sinr: number): boolean =>
  rsrp >= (rat === NR_ ? world.tuning.campNr : world.tuning.campLte) + SETUP_MARGIN_DB &&
  sinr >= world.tuning.qinDb;

/** What the radio does to the connections of the UEs in `list`, after their measurement. */
export function connect(world: World, list: Int32Array, length: number): void {
  const { ues, cells } = world;
  for (let n = 0; n < length; n++) {
    const u = list[n] as number;
    ues.gap[u] = 0;
    ues.recovered[u] = 0;
    const state = ues.rrc[u] as number;
    const cell = ues.cell[u] as number;
    if (state === RRC.connected) {
      if (cells.up[cell] === 0 || cells.asleep[cell] !== 0) fail(world, u);
      else inConnection(world, u);
    } else {
      reselect(world, u);
      if (ues.wanted[u] !== 0) establish(world, u);
    }
    if (ues.rrc[u] === RRC.connected) continue;
    // Nobody waits for a link that carries nothing.
    ues.outage[u] = ues.wanted[u] === 0 ? 0 : (ues.outage[u] as number) + world.tickMs;
    ues.gap[u] = ues.wanted[u] === 0 ? 0 : world.tickMs;
  }
}

function inConnection(world: World, u: number): void {
  if (syncLost(world, u)) {
    fail(world, u);
    return;
  }
  if (betweenRats(world, u)) return;
  withinRat(world, u);
}

/** N310, T310 and N311 of TS 38.331 5.3.10, at the granularity of a tick. True when T310 expires. */
function syncLost(world: World, u: number): boolean {
  const { ues, tuning, tickMs } = world;
  const sinr = ues.sinr[u] as number;
  const out =
    sinr < tuning.qoutDb ? Math.min(255, (ues.outOfSync[u] as number) + tickMs / tuning.qoutPeriodMs) : 0;
  const back =
    sinr > tuning.qinDb ? Math.min(255, (ues.inSync[u] as number) + tickMs / tuning.qinPeriodMs) : 0;
  ues.outOfSync[u] = out;
  ues.inSync[u] = back;
  let t310 = ues.t310[u] as number;
  if (t310 > 0) t310 = back >= tuning.n311 ? 0 : t310 + tickMs;
  // It starts with the N310th indication of this run; what is left of the tick has run already.
  else if (out >= tuning.n310) t310 = Math.max(1, (out - tuning.n310) * tuning.qoutPeriodMs);
  ues.t310[u] = t310;
  return t310 >= tuning.t310Ms;
}

/** Event A3 with hysteresis and time to trigger, then the handover. */
/** A level with the individual offset of its cell. */
const biased = ({ cells }: World, cell: number, rsrp: number): number =>
  rsrp + (cell < 0 ? 0 : (cells.offset[cell] as number));

function withinRat(world: World, u: number): void {
  const { ues, tuning, tickMs } = world;
  const target = ues.neighbour[u] as number;
  const margin =
    target < 0
      ? -1
      : biased(world, target, ues.neighbourRsrp[u] as number) -
        biased(world, ues.cell[u] as number, ues.rsrp[u] as number) -
        tuning.a3OffsetDb -
        tuning.hysteresisDb;
  const before = ues.a3Cell[u] === target ? (ues.a3Margin[u] as number) : 0;
  ues.a3Cell[u] = target;
  ues.a3Margin[u] = margin;
  if (margin <= 0) {
    ues.a3Timer[u] = 0;
    return;
  }
  // Entered within this tick: the margin is taken to have grown evenly since the last one.
  const timer =
    before > 0
      ? (ues.a3Timer[u] as number) + tickMs
      : before < 0
        ? (tickMs * margin) / (margin - before)
        : tickMs / 2;
  ues.a3Timer[u] = timer;
  if (timer >= tuning.tttMs) handOver(world, u, target);
}

function handOver(world: World, u: number, target: number): void {
  const { ues, tuning } = world;
  const from = ues.cell[u] as number;
  count(world, from, COUNTER.hoRequests, 1);
  if ((ues.neighbourSinr[u] as number) < tuning.qoutDb) {
    count(world, from, COUNTER.hoFailures, 1);
    ues.gap[u] = Math.min(world.tickMs, (ues.gap[u] as number) + T304_MS);
    fail(world, u);
    return;
  }
  count(world, from, COUNTER.hoSuccesses, 1);
  count(world, from, COUNTER.hoTime, tuning.handoverGapMs);
  world.events.push(EVENT.handover, u, from, target);
  ues.handovers[u] = (ues.handovers[u] as number) + 1;
  serve(
    world,
    u,
    ues.rat[u] as number,
    target,
    ues.neighbourRsrp[u] as number,
    ues.neighbourSinr[u] as number,
  );
  ues.gap[u] = Math.min(world.tickMs, (ues.gap[u] as number) + tuning.handoverGapMs);
}

/** Fallback to E-UTRA, return to NR, and steering by policy. True if the UE changed. */
function betweenRats(world: World, u: number): boolean {
  const { ues, tuning, tickMs } = world;
  const rsrp = ues.rsrp[u] as number;
  const sinr = ues.sinr[u] as number;
  const standby = ues.standby[u] as number;
  const standbyRsrp = ues.standbyRsrp[u] as number;
  const standbySinr = ues.standbySinr[u] as number;
  const ordered = ues.ordered[u] as number;
  if (ues.rat[u] === NR_) {
    const can = standby >= 0 && usable(world, LTE_, standbyRsrp, standbySinr);
    const steered = rsrp < (ues.steerRsrp[u] as number) || sinr < (ues.steerSinr[u] as number);
    const weak = rsrp < tuning.fallbackRsrp || sinr < tuning.fallbackSinr;
    ues.weak[u] = weak ? (ues.weak[u] as number) + tickMs : 0;
    if (!can) return false;
    const cause =
      ordered === LTE_ + 1
        ? RAT_CAUSE.order
        : steered
          ? RAT_CAUSE.policy
          : (ues.weak[u] as number) >= tuning.fallbackMs
            ? RAT_CAUSE.fallback
            : -1;
    if (cause < 0) return false;
    changeRat(world, u, LTE_, cause);
    return true;
  }
  const can = standby >= 0 && usable(world, NR_, standbyRsrp, standbySinr) && ordered !== LTE_ + 1;
  const overRsrp = ues.returnRsrp[u] as number;
  const byPolicy = !Number.isNaN(overRsrp);
  const above = byPolicy
    ? standbyRsrp > overRsrp && standbySinr > (ues.returnSinr[u] as number)
    : standbyRsrp > tuning.returnRsrp && standbySinr > tuning.returnSinr;
  ues.good[u] = can && above ? (ues.good[u] as number) + tickMs : 0;
  if (!can || !(ordered === NR_ + 1 || (ues.good[u] as number) >= tuning.returnMs)) return false;
  changeRat(
    world,
    u,
    NR_,
    ordered === NR_ + 1 ? RAT_CAUSE.order : byPolicy ? RAT_CAUSE.policy : RAT_CAUSE.return,
  );
  return true;
}

function changeRat(world: World, u: number, rat: number, cause: number): void {
  const { ues, tuning } = world;
  count(world, ues.cell[u] as number, COUNTER.ratChanges, 1);
  world.events.push(EVENT.ratChange, u, rat, cause);
  ues.ratChanges[u] = (ues.ratChanges[u] as number) + 1;
  // An order to NR is done with; one to E-UTRA holds, or the UE would return at once.
  if (rat === NR_) ues.ordered[u] = 0;
  toStandby(world, u);
  ues.gap[u] = Math.min(world.tickMs, (ues.gap[u] as number) + tuning.ratGapMs);
}

/** Takes the best cell of the other RAT; the one that served becomes the standby. */
function toStandby(world: World, u: number): void {
  const { ues } = world;
  const { cell, rsrp, sinr, standby, standbyRsrp, standbySinr } = ues;
  const before = [cell[u] as number, rsrp[u] as number, sinr[u] as number] as const;
  serve(
    world,
    u,
    1 - (ues.rat[u] as number),
    standby[u] as number,
    standbyRsrp[u] as number,
    standbySinr[u] as number,
  );
  [standby[u], standbyRsrp[u], standbySinr[u]] = before;
}

/** Radio-link failure: re-establishment on the best usable cell, or no link at all. */
function fail(world: World, u: number): void {
  const { ues } = world;
  const from = ues.cell[u] as number;
  world.events.push(EVENT.radioLinkFailure, u, from, -1);
  ues.failures[u] = (ues.failures[u] as number) + 1;
  count(world, from, COUNTER.reestablishAttempts, 1);
  ues.rrc[u] = RRC.none;
  if (camp(world, u)) {
    ues.rrc[u] = RRC.connected;
    ues.gap[u] = Math.min(world.tickMs, (ues.gap[u] as number) + REESTABLISH_MS);
  }
}

/** Idle or without a link: camps on the best cell, NR before E-UTRA. */
function reselect(world: World, u: number): void {
  world.ues.rrc[u] = camp(world, u) ? RRC.idle : RRC.none;
}

function camp(world: World, u: number): boolean {
  const { ues } = world;
  const rat = ues.rat[u] as number;
  // The serving cell is among the measured ones: the better of it and its neighbour stands for the RAT.
  const stay =
    biased(world, ues.cell[u] as number, ues.rsrp[u] as number) >=
    biased(world, ues.neighbour[u] as number, ues.neighbourRsrp[u] as number);
  const cell = (stay ? ues.cell : ues.neighbour)[u] as number;
  const rsrp = (stay ? ues.rsrp : ues.neighbourRsrp)[u] as number;
  const sinr = (stay ? ues.sinr : ues.neighbourSinr)[u] as number;
  const here = cell >= 0 && usable(world, rat, rsrp, sinr);
  const there =
    (ues.standby[u] as number) >= 0 &&
    usable(world, 1 - rat, ues.standbyRsrp[u] as number, ues.standbySinr[u] as number);
  if (there && (!here || (rat === LTE_ && ues.ordered[u] !== LTE_ + 1))) {
    // From E-UTRA a UE in idle takes NR back only above the return level.
    if (!here || (ues.standbyRsrp[u] as number) > world.tuning.returnRsrp) {
      toStandby(world, u);
      return true;
    }
  }
  if (!here) {
    ues.cell[u] = -1;
    return false;
  }
  serve(world, u, rat, cell, rsrp, sinr);
  return true;
}

/** Connection set-up for a UE with traffic. */
function establish(world: World, u: number): void {
  const { ues } = world;
  if (ues.rrc[u] !== RRC.idle) return;
  const cell = ues.cell[u] as number;
  count(world, cell, COUNTER.setupAttempts, 1);
  count(world, cell, COUNTER.setupSuccesses, 1);
  ues.rrc[u] = RRC.connected;
  ues.recovered[u] = ues.outage[u] as number;
  ues.outage[u] = 0;
  ues.quiet[u] = 0;
}

function serve(world: World, u: number, rat: number, cell: number, rsrp: number, sinr: number): void {
  const { ues, cells, tables } = world;
  if (ues.cell[u] !== cell || ues.rat[u] !== rat) {
    ues.a3Cell[u] = -1;
    ues.a3Timer[u] = 0;
    ues.outOfSync[u] = 0;
    ues.inSync[u] = 0;
    ues.t310[u] = 0;
    ues.weak[u] = 0;
    ues.good[u] = 0;
  }
  ues.rat[u] = rat;
  ues.cell[u] = cell;
  ues.rsrp[u] = rsrp;
  ues.sinr[u] = sinr;
  ues.ulLoss[u] =
    (cells.power[cell] as number) - (tables.gain[rat] as number) - rsrp + (cells.iot[cell] as number);
}
