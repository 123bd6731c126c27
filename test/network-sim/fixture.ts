import type { NetworkEvent, Simulation, TraceRow, Trip } from '../../src/network/model.ts';
import { createSimulation } from '../../src/network/sim/index.ts';

export const SUPI = 'imsi-001010000000001';
export const HOUR = 3_600_000;
/** 10 a.m. in China. */
export const START = Date.UTC(2026, 10, 24, 2);
export const DEMAND = { name: 'conference', dlMbps: 4, ulMbps: 3, maxDelayMs: 150 };
export const FLOW_ID = 'conference-flow';

export interface Run {
  sim: Simulation;
  trip: Trip;
  events: NetworkEvent[];
}

export interface RunOptions {
  seed: number;
  start?: number;
  mode?: 'fly' | 'drive' | 'stay';
  destination?: string;
  trace?: TraceRow[];
}

/** A subscriber in Guangzhou with a trip booked, by default to Shanghai for a conference in the evening. */
export function booked({
  seed,
  start = START,
  mode = 'fly',
  destination = 'shanghai',
  trace,
}: RunOptions): Run {
  const sim = createSimulation({
    seed,
    startTime: start,
    homeRegion: 'Guangzhou',
    supi: SUPI,
    ...(trace ? { trace } : {}),
  });
  const events: NetworkEvent[] = [];
  sim.onEvent((event) => events.push(event));
  const trip = sim.bookTrip({
    tripId: 'trip-1',
    supi: SUPI,
    mode,
    destination,
    departure: { start: start + HOUR, end: start + 7 * HOUR },
    service: { ...DEMAND, window: { start: start + 8 * HOUR, end: start + 12 * HOUR } },
  });
  return { sim, trip, events };
}

/** A plain script of assurance: GBR from the start, steering to 4G, priority when the network asks. */
export function assure({ sim, trip }: Run): void {
  sim.advanceTo(trip.service.start);
  sim.onEvent((event) => {
    if (event.type !== 'qos.not-guaranteed') return;
    sim.modifyFlow(FLOW_ID, {
      arp: { priorityLevel: 2, preemptCap: 'MAY_PREEMPT', preemptVuln: 'NOT_PREEMPTABLE' },
    });
  });
  addConference(sim);
  sim.setSteering({
    id: 'steer',
    supi: SUPI,
    toStandbyBelow: { rsrpDbm: -102, sinrDb: -4 },
    returnAbove: { rsrpDbm: -98, sinrDb: 0 },
  });
}

export function addConference(sim: Simulation) {
  return sim.addFlow({
    id: FLOW_ID,
    supi: SUPI,
    fiveQi: 2,
    arp: { priorityLevel: 8, preemptCap: 'NOT_PREEMPT', preemptVuln: 'NOT_PREEMPTABLE' },
    gbrDlMbps: DEMAND.dlMbps,
    gbrUlMbps: DEMAND.ulMbps,
  });
}
