import { COUNTER, COUNTERS, CQI_AT, MCS_AT } from './counters.ts';
import { NR_ } from './plan.ts';
import { sinrIndex } from './tables.ts';
import type { World } from './world.ts';

/** Weight of this tick in the load that the others' interference is reckoned with. */
const LOAD_GAIN = 0.5;
/** Interference over thermal at full load of the neighbours and full power of their UEs, dB (guess). */
const IOT_FULL_DB = 6;
/** Blocks a tick and UE while it receives: one a slot. */
const SLOTS = [2000, 1000] as const;

/** Closes a tick: loads, uplink interference, energy and the sums behind the measurements. */
export function account(world: World): void {
  loads(world);
  uplinkInterference(world);
  sums(world);
}

function loads({ cells, plan, tables }: World): void {
  for (let c = 0; c < plan.cells; c++) {
    const total = plan.cellPrbs[c] as number;
    const on = cells.up[c] === 1 && cells.asleep[c] === 0;
    const least = on ? (tables.alwaysOn[plan.cellRat[c] as 0 | 1] as number) : 0;
    const dl = Math.max(least, (cells.usedDl[c] as number) / total);
    cells.loadDl[c] = on ? (1 - LOAD_GAIN) * (cells.loadDl[c] as number) + LOAD_GAIN * dl : 0;
    cells.loadUl[c] =
      (1 - LOAD_GAIN) * (cells.loadUl[c] as number) + (LOAD_GAIN * (cells.usedUl[c] as number)) / total;
  }
}

function uplinkInterference({ cells, plan }: World): void {
  for (let c = 0; c < plan.cells; c++) {
    const from = plan.ringStart[c] as number;
    const to = plan.ringStart[c + 1] as number;
    let sum = 0;
    let sent = 0;
    for (let i = from; i < to; i++) {
      const load = cells.loadUl[plan.ring[i] as number] as number;
      sum += load;
      sent += load * (cells.towards[plan.ring[i] as number] as number);
    }
    const full = to > from ? (IOT_FULL_DB * sum) / (to - from) : 0;
    // Power control takes its share off each neighbour's part of the interference, as power.
    cells.iot[c] = sent === sum ? full : 10 * Math.log10(1 + ((10 ** (full / 10) - 1) * sent) / sum);
  }
}

function sums(world: World): void {
  const { cells, plan, ues, scratch, tables, tuning, tickMs } = world;
  const { counters } = cells;
  const { start, order } = scratch;
  const seconds = tickMs / 1000;
  const idle = [tuning.idleW.NR, tuning.idleW.EUTRA];
  const full = [tuning.fullW.NR, tuning.fullW.EUTRA];
  const sleep = [tuning.sleepW.NR, tuning.sleepW.EUTRA];
  for (let c = 0; c < plan.cells; c++) {
    const row = c * COUNTERS;
    const rat = plan.cellRat[c] as number;
    const cqiOf = rat === NR_ ? tables.cqi[0] : tables.cqi[1];
    const mcsOf = rat === NR_ ? tables.mcs[0] : tables.mcs[1];
    const from = start[c] as number;
    const to = start[c + 1] as number;
    let activeDl = 0;
    let activeUl = 0;
    let sumDl = 0;
    let sumUl = 0;
    let delay = 0;
    let blocks = 0;
    let errors = 0;
    for (let i = from; i < to; i++) {
      const u = order[i] as number;
      const index = sinrIndex(ues.sinr[u] as number);
      const gotDl = ues.gotDl[u] as number;
      const gotUl = ues.gotUl[u] as number;
      const cqi = CQI_AT + (cqiOf[index] as number);
      counters[row + cqi] = (counters[row + cqi] as number) + 1;
      delay += Math.max(0, (ues.roundTrip[u] as number) - tuning.coreMs);
      if (gotDl > 0) {
        activeDl++;
        sumDl += gotDl;
        const mcs = MCS_AT + (mcsOf[index] as number);
        counters[row + mcs] = (counters[row + mcs] as number) + 1;
      }
      if (gotUl > 0) {
        activeUl++;
        sumUl += gotUl;
      }
      const sent = (SLOTS[rat] as number) * seconds * (gotDl > 0 ? 1 : 0);
      blocks += sent;
      errors += sent * (ues.bler[u] as number);
    }
    const busy = activeDl > 0 ? (cells.usedDl[c] as number) / (plan.cellPrbs[c] as number) : 0;
    const asleep = cells.asleep[c] !== 0 || cells.up[c] === 0;
    const resting = !asleep && to === from && cells.usedDl[c] === 0;
    const watts = asleep
      ? cells.up[c] === 0
        ? 0
        : (sleep[rat] as number)
      : resting
        ? // Nobody to serve: symbols without signals are slept through.
          ((sleep[rat] as number) + (idle[rat] as number)) / 2
        : (idle[rat] as number) +
          (((full[rat] as number) - (idle[rat] as number)) * (cells.usedDl[c] as number)) /
            (plan.cellPrbs[c] as number);
    cells.power1s[c] = watts;
    const add = (counter: number, amount: number) => {
      counters[row + counter] = (counters[row + counter] as number) + amount;
    };
    add(COUNTER.ticks, 1);
    add(COUNTER.prbDl, cells.usedDl[c] as number);
    add(COUNTER.prbUl, cells.usedUl[c] as number);
    add(COUNTER.gbrPrbDl, cells.gbrDl[c] as number);
    add(COUNTER.activeDl, activeDl);
    add(COUNTER.activeUl, activeUl);
    add(COUNTER.connectedSum, to - from);
    if (to - from > (counters[row + COUNTER.connectedMax] as number))
      counters[row + COUNTER.connectedMax] = to - from;
    add(COUNTER.volumeDl, sumDl * seconds);
    add(COUNTER.volumeUl, sumUl * seconds);
    add(COUNTER.throughputDl, sumDl);
    add(COUNTER.throughputUl, sumUl);
    add(COUNTER.throughputDlCount, activeDl);
    add(COUNTER.throughputUlCount, activeUl);
    add(COUNTER.delayDl, delay / 2);
    add(COUNTER.delayUl, delay / 2);
    add(COUNTER.delayCount, to - from);
    // One block a slot in which the cell sends: its share of the UEs' turns.
    const turns = activeDl > 0 ? busy / activeDl : 0;
    add(COUNTER.blocksDl, blocks * turns);
    add(COUNTER.blockErrorsDl, errors * turns);
    add(COUNTER.energyWs, watts * seconds);
    if (asleep || resting) add(COUNTER.sleepTicks, 1);
  }
}
