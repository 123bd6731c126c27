import { fail } from '../../errors.ts';
import { MOTION, RRC } from './columns.ts';
import { COUNTER, count } from './counters.ts';
import { EVENT } from './events.ts';
import { nextTarget, placeOnRoute } from './mobility.ts';
import { settle } from './traffic.ts';
import type { World } from './world.ts';

/** Where and how one UE is from now on, in place of what the population drew for it. */
export interface Placement {
  motion: keyof typeof MOTION;
  speedMps: number;
  /** m; for `route` the metres along it are taken instead. */
  x?: number;
  y?: number;
  route?: number;
  alongM?: number;
  heading?: 1 | -1;
  /** Loss into the building or vehicle, dB. */
  lossDb: number;
  /** Index of its habits of traffic; its session is drawn anew. */
  profile: number;
}

/** Puts a UE somewhere else: its links are drawn anew there. */
export function placeUe(world: World, u: number, to: Placement): void {
  const { ues } = world;
  if (!(u >= 0 && u < ues.rrc.length))
    throw fail('NETWORK_GRID_INVALID', { field: 'ue', problem: `there is no UE ${u}` });
  if (to.profile >= world.profiles.length) {
    throw fail('NETWORK_GRID_INVALID', { field: 'profile', problem: `there is no profile ${to.profile}` });
  }
  ues.motion[u] = MOTION[to.motion];
  ues.speed[u] = to.speedMps;
  ues.indoor[u] = to.lossDb;
  ues.profile[u] = to.profile;
  ues.on[u] = 0;
  ues.wantDl[u] = 0;
  ues.wantUl[u] = 0;
  ues.queueDl[u] = 0;
  ues.queueUl[u] = 0;
  ues.switchAt[u] = 0;
  ues.square[u] = -1;
  ues.moved[u] = 0;
  ues.movedAt[u] = world.tick;
  if (to.motion === 'route') {
    ues.route[u] = to.route ?? 0;
    ues.heading[u] = to.heading ?? 1;
    ues.targetY[u] = 0;
    placeOnRoute(world, u, to.alongM ?? 0);
  } else {
    ues.x[u] = to.x ?? 0;
    ues.y[u] = to.y ?? 0;
    ues.targetX[u] = ues.x[u] as number;
    ues.targetY[u] = ues.y[u] as number;
    if (to.motion === 'streets') nextTarget(world, u);
  }
  settle(world, u);
  if (ues.switchAt[u] !== 0) ues.switchAt[u] = (ues.switchAt[u] as number) + world.tick;
}

/** Moves a UE by hand; its links change with the metres, as for any that moves. */
export function shiftUe({ ues }: World, u: number, x: number, y: number): void {
  const dx = x - (ues.x[u] as number);
  const dy = y - (ues.y[u] as number);
  ues.x[u] = x;
  ues.y[u] = y;
  ues.moved[u] = (ues.moved[u] as number) + Math.sqrt(dx * dx + dy * dy);
}

/** Measured radio of one UE, in place of what the channel model gives. */
export interface RadioTruth {
  cell: number;
  rsrpDbm: number;
  sinrDb: number | null;
  rsrqDb: number | null;
}

/** Sets the measured levels after the measurement; the connection follows the measured cells. */
export function applyTruths(world: World, truths: ReadonlyMap<number, RadioTruth>): void {
  const { ues, cells, plan, tables } = world;
  for (const [u, truth] of truths) {
    const rat = plan.cellRat[truth.cell] as number;
    const before = ues.cell[u] as number;
    if (before !== truth.cell && before >= 0 && ues.rrc[u] === RRC.connected) {
      if (ues.rat[u] === rat) {
        world.events.push(EVENT.handover, u, before, truth.cell);
        ues.handovers[u] = (ues.handovers[u] as number) + 1;
        count(world, before, COUNTER.hoRequests, 1);
        count(world, before, COUNTER.hoSuccesses, 1);
      } else {
        world.events.push(EVENT.ratChange, u, rat, rat === 0 ? 1 : 0);
        ues.ratChanges[u] = (ues.ratChanges[u] as number) + 1;
        count(world, before, COUNTER.ratChanges, 1);
      }
    }
    ues.rat[u] = rat;
    ues.cell[u] = truth.cell;
    ues.rsrp[u] = truth.rsrpDbm;
    if (truth.sinrDb !== null) ues.sinr[u] = truth.sinrDb;
    if (truth.rsrqDb !== null) ues.rsrq[u] = truth.rsrqDb;
    ues.ulLoss[u] =
      (cells.power[truth.cell] as number) -
      (tables.gain[rat as 0 | 1] as number) -
      truth.rsrpDbm +
      (cells.iot[truth.cell] as number);
    // The drive tells when the link changed: neither events A3 and B2 nor T310 decide here.
    ues.neighbour[u] = -1;
    ues.neighbourRsrp[u] = -200;
    ues.standby[u] = -1;
    ues.outOfSync[u] = 0;
    ues.t310[u] = 0;
  }
}
