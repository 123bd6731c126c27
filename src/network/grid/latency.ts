import { DRX, RRC } from './columns.ts';
import { NR_ } from './plan.ts';
import { draw, EXPONENTIAL, lower, unit, upper } from './random.ts';
import { sinrIndex } from './tables.ts';
import type { World } from './world.ts';

/** HARQ gives up after this many transmissions; RLC in acknowledged mode repeats then. */
const HARQ_TRIES = 4;
/** A full cell still gives a UE with little traffic its turn: waiting for it grows up to this load. */
const MOST_LOADED = 0.8;
/** Slots that a packet waits for its UE's turn at load 0.5 (guess). */
const QUEUE_SLOTS = 2;
/** Standing queue of a download that takes all it gets, ms (guess: pings under load). */
const BUFFER_MS = 40;
/** Longest time that a queue of the UE's own holds a packet, ms. */
const OWN_QUEUE_MS = 4000;
/** Relative power of TR 38.840 table 18: sleep, on without data, receiving, sending. */
const POWER = { sleep: 1, micro: 45, monitor: 100, receive: 300, send: 500 } as const;

/** DRX state, awake share, energy and this tick's round trip of the connected UEs of every cell. */
export function follow(world: World): void {
  const { ues, scratch, plan, tickMs } = world;
  const { start, order } = scratch;
  const end = start[plan.cells] as number;
  const seconds = tickMs / 1000;
  for (let i = 0; i < end; i++) {
    const u = order[i] as number;
    const rat = ues.rat[u] as number;
    ues.bler[u] = (rat === NR_ ? world.tables.bler[0] : world.tables.bler[1])[
      sinrIndex(ues.sinr[u] as number)
    ] as number;
    sleepCycle(world, u, seconds);
    ues.roundTrip[u] = roundTrip(world, u, 0);
  }
}

function sleepCycle(world: World, u: number, seconds: number): void {
  const { ues, tuning, tickMs } = world;
  const got = (ues.gotDl[u] as number) + (ues.gotUl[u] as number);
  const backlog = (ues.queueDl[u] as number) > 0 || (ues.queueUl[u] as number) > 0;
  // Some 80 packets a Mbit, awake a millisecond for each, and once the inactivity timer behind them.
  const bursts = got <= 0 ? 0 : Math.min(tickMs, 80 * got * seconds);
  const busy = backlog ? tickMs : Math.min(tickMs, bursts + (got > 0 ? tuning.drxInactivityMs : 0));
  const short = tuning.drxShortMs * tuning.drxShortCycles;
  let state: number = DRX.active;
  if (busy === 0) state = (ues.quiet[u] as number) > short ? DRX.long : DRX.short;
  ues.drx[u] = state;
  const cycle = state === DRX.long ? tuning.drxLongMs : tuning.drxShortMs;
  const awake = Math.min(1, busy / tickMs + ((1 - busy / tickMs) * tuning.drxOnMs) / cycle);
  ues.awake[u] = awake;
  const sending = Math.min(1, (ues.gotUl[u] as number) > 0 ? 0.1 + (ues.gotUl[u] as number) / 50 : 0);
  const receiving = Math.min(1, (ues.gotDl[u] as number) > 0 ? 0.1 + (ues.gotDl[u] as number) / 200 : 0);
  const power =
    awake *
      (POWER.monitor + sending * (POWER.send - POWER.monitor) + receiving * (POWER.receive - POWER.monitor)) +
    (1 - awake) * (POWER.sleep + POWER.micro / 10);
  ues.energy[u] = (ues.energy[u] as number) + power * seconds;
}

/**
 * One round trip of a small packet, sent by the UE within this tick, ms: the server, the scheduling
 * request and grant, HARQ both ways, the cell's queue, the UE's own backlog, DRX, and what handovers and
 * lost coverage add. `sample` tells draws of the same tick apart. Infinity while there is no link.
 */
export function roundTrip(world: World, u: number, sample: number): number {
  const { ues, cells, tuning, tickMs } = world;
  if (ues.rrc[u] !== RRC.connected) return Number.POSITIVE_INFINITY;
  const a = draw(world.streams.roundTrip, u, Math.imul(world.tick, 64) + sample);
  const b = draw(world.streams.roundTrip, ~u, Math.imul(world.tick, 64) + sample);
  const rat = ues.rat[u] as number;
  const nr = rat === NR_;
  const cell = ues.cell[u] as number;
  let delay = tuning.coreMs + (nr ? tuning.grantNrMs : tuning.grantLteMs);
  delay += unit(a) * (nr ? tuning.srPeriodNrMs : tuning.srPeriodLteMs);
  const harq = nr ? tuning.harqNrMs : tuning.harqLteMs;
  const bler = ues.bler[u] as number;
  delay += repeats(a, bler, harq, tuning.rlcMs) + repeats(b, bler, harq, tuning.rlcMs);
  const queue = (load: number) => {
    const rho = Math.min(load, MOST_LOADED);
    return (rho / (1 - rho)) * QUEUE_SLOTS * (nr ? 0.5 : 1);
  };
  delay += queue(cells.loadDl[cell] as number) * (EXPONENTIAL[upper(b)] as number);
  delay += queue(cells.loadUl[cell] as number) * (EXPONENTIAL[lower(b)] as number);
  delay += ownQueue(ues.queueDl[u] as number, ues.gotDl[u] as number, tickMs);
  delay += ownQueue(ues.queueUl[u] as number, ues.gotUl[u] as number, tickMs);
  const drx = ues.drx[u] as number;
  if (drx !== DRX.active) delay += unit(b) * (drx === DRX.long ? tuning.drxLongMs : tuning.drxShortMs);
  const gap = ues.gap[u] as number;
  // A packet within the gap of a handover waits for its end.
  if (gap > 0 && unit(b << 7) < gap / tickMs) delay += unit(a << 11) * gap;
  const outage = ues.recovered[u] as number;
  // The first packets after an outage are those that had waited through it.
  if (outage > 0 && sample === 0) delay += outage;
  return delay;
}

/** Time that a packet waits behind the UE's own backlog (Mbit) at the rate that it gets. */
function ownQueue(backlog: number, mbps: number, tickMs: number): number {
  if (backlog === 0) return 0;
  if (backlog === Number.POSITIVE_INFINITY) return BUFFER_MS;
  return mbps > 0 ? Math.min(OWN_QUEUE_MS, (1000 * backlog) / mbps) : tickMs;
}

/** Delay of HARQ repetitions, and of RLC's where they do not suffice, out of one draw. */
function repeats(bits: number, bler: number, harqMs: number, rlcMs: number): number {
  let delay = 0;
  let random = unit(bits << 9);
  // A repetition combines with what came before: its errors are a fifth of the first one's.
  let error = bler;
  for (let round = 0; round < 3; round++) {
    for (let n = 1; n < HARQ_TRIES; n++) {
      if (random >= error) return delay;
      random = error > 0 ? random / error : 0;
      delay += harqMs;
      error = bler >= 1 ? 1 : error * 0.2 + 0.8 * bler * bler;
    }
    if (random >= error) return delay;
    random = error > 0 ? random / error : 0;
    delay += rlcMs;
    error = bler;
  }
  return delay;
}
