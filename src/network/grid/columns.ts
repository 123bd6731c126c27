import type { Plan } from './plan.ts';

/** Radio resource control of a UE. */
export const RRC = { none: 0, idle: 1, connected: 2 } as const;
/** How a UE moves. */
export const MOTION = { still: 0, streets: 1, route: 2 } as const;
/** Discontinuous reception: awake, short cycles, long cycles, idle with paging. */
export const DRX = { active: 0, short: 1, long: 2, idle: 3 } as const;

const f32 = (n: number) => new Float32Array(n);
const f64 = (n: number) => new Float64Array(n);
const i32 = (n: number) => new Int32Array(n);
const u32 = (n: number) => new Uint32Array(n);
const u16 = (n: number) => new Uint16Array(n);
const u8 = (n: number) => new Uint8Array(n);

/** One row a UE. Rates Mbit/s, levels dBm or dB, distances m, times ms unless said. */
export type Ues = ReturnType<typeof ueColumns>;

export function ueColumns(n: number, candidates: number) {
  return {
    // Motion
    x: f32(n),
    y: f32(n),
    speed: f32(n),
    /** Next way point on the streets, or distance along the route in `targetX`. */
    targetX: f32(n),
    targetY: f32(n),
    motion: u8(n),
    route: u16(n),
    /** Direction along the route; on the streets, which axis goes first. */
    heading: new Int8Array(n),
    legs: u32(n),
    /** Tick of the last move. */
    movedAt: i32(n),
    /** Metres since the last measurement. */
    moved: f32(n),
    /** Loss into the building or car, dB. */
    indoor: f32(n),
    // Links: standard normal variates of shadowing and line of sight to each near site
    square: i32(n).fill(-1),
    shadow: f32(n * candidates),
    sight: f32(n * candidates),
    /** Part of shadowing that is common to all sites. */
    common: f32(n),
    // Radio
    rrc: u8(n),
    rat: u8(n),
    cell: i32(n).fill(-1),
    rsrp: f32(n),
    rsrq: f32(n),
    sinr: f32(n),
    /** Coupling loss of the serving link with interference over thermal, dB. */
    ulLoss: f32(n),
    neighbour: i32(n).fill(-1),
    neighbourRsrp: f32(n),
    neighbourSinr: f32(n),
    standby: i32(n).fill(-1),
    standbyRsrp: f32(n),
    standbySinr: f32(n),
    // Connection timers
    a3Cell: i32(n).fill(-1),
    a3Margin: f32(n),
    a3Timer: f32(n),
    outOfSync: u8(n),
    inSync: u8(n),
    t310: f32(n),
    weak: f32(n),
    good: f32(n),
    /** User plane lost in this tick. */
    gap: f32(n),
    /** Since the link was lost; 0 while there is one. */
    outage: f32(n),
    /** Length of the outage that ended in this tick. */
    recovered: f32(n),
    handovers: u32(n),
    failures: u32(n),
    ratChanges: u32(n),
    /** RAT that an order holds the UE on: 0 none, 1 NR, 2 E-UTRA. */
    ordered: u8(n),
    /** Thresholds of a steering policy; NaN where none. */
    steerRsrp: f32(n).fill(Number.NaN),
    steerSinr: f32(n).fill(Number.NaN),
    returnRsrp: f32(n).fill(Number.NaN),
    returnSinr: f32(n).fill(Number.NaN),
    // Traffic of the default flow
    profile: u8(n),
    /** It has traffic to carry: a connection is wanted. */
    wanted: u8(n),
    on: u8(n),
    /** Tick at which the on or off period ends. */
    switchAt: i32(n),
    sessions: u32(n),
    wantDl: f32(n),
    wantUl: f32(n),
    /** Backlog, Mbit. */
    queueDl: f32(n),
    queueUl: f32(n),
    /** Offered to the default flow and lost because its queue was full, Mbit. */
    droppedDl: f32(n),
    droppedUl: f32(n),
    gotDl: f32(n),
    gotUl: f32(n),
    /** Averages of the proportional fair scheduler. */
    meanDl: f32(n),
    meanUl: f32(n),
    weight: f32(n).fill(1),
    /** Best 5QI priority level that a policy sets; 128 = none. */
    priority: u8(n).fill(128),
    policies: u32(n),
    firstFlow: i32(n).fill(-1),
    // Latency and energy
    roundTrip: f32(n),
    bler: f32(n),
    drx: u8(n),
    quiet: f32(n),
    awake: f32(n),
    /** Energy in units of TR 38.840 (deep sleep = 1) times seconds. */
    energy: f64(n),
  };
}

/** Slots for RRM policies: a bit each in the masks of UEs and cells. */
export const POLICY_SLOTS = 32;

/** One row a cell. Loads are shares of the PRBs. */
export type Cells = ReturnType<typeof cellColumns>;

export function cellColumns(plan: Plan, counters: number) {
  const n = plan.cells;
  return {
    up: u8(n).fill(1),
    /** Put to sleep by order. */
    asleep: u8(n),
    tilt: plan.cellTilt.slice(),
    power: plan.cellPower.slice(),
    /** Demand of subscribers that are not simulated one by one, share of the PRBs. */
    ambientDl: f32(n),
    ambientUl: f32(n),
    /** On top of it, by a fault. */
    overloadDl: f32(n),
    overloadUl: f32(n),
    /** What the radio of the others sees: smoothed over ticks. */
    loadDl: f32(n),
    loadUl: f32(n),
    /** Interference over thermal in the uplink, dB. */
    iot: f32(n),
    /** Uplink power control (TS 38.213 7.1.1): dBm in 180 kHz, NaN for full power; compensation of the loss. */
    p0: f32(n).fill(Number.NaN),
    alpha: f32(n).fill(1),
    /** Power of the UEs towards other cells, against full power. */
    towards: f32(n).fill(1),
    /** Cell individual offset (Ocn and Ocp of TS 38.331 5.5.4.4), dB. */
    offset: f32(n),
    usedDl: f32(n),
    usedUl: f32(n),
    gbrDl: f32(n),
    gbrUl: f32(n),
    connected: i32(n),
    policies: u32(n),
    policyRatio: f32(n * POLICY_SLOTS),
    power1s: f32(n),
    counters: f64(n * counters),
  };
}

/** One row a QoS flow; rows of removed flows are used again. */
export type Flows = ReturnType<typeof flowColumns>;

export function flowColumns(n: number) {
  return {
    used: u8(n),
    ue: i32(n).fill(-1),
    next: i32(n).fill(-1),
    fiveQi: u8(n),
    priority: u8(n),
    arp: u8(n),
    /** Bit 0: may pre-empt; bit 1: may be pre-empted. */
    preemption: u8(n),
    gbrDl: f32(n),
    gbrUl: f32(n),
    mbrDl: f32(n),
    mbrUl: f32(n),
    offerDl: f32(n),
    offerUl: f32(n),
    gotDl: f32(n),
    gotUl: f32(n),
    /** Cell that admitted it, −1 for none. */
    admittedAt: i32(n).fill(-1),
    /** The guaranteed rates were available in the last tick. */
    served: u8(n),
    /** Order of arrival: ties are broken by it. */
    order: u32(n),
  };
}

type Column = Float32Array | Float64Array | Int32Array | Uint32Array | Uint16Array | Uint8Array | Int8Array;
export type Table = Record<string, Column>;

/** Bytes of all columns. */
export function bytesOf(table: Table): number {
  return Object.values(table).reduce((sum, column) => sum + column.byteLength, 0);
}

/** A table with room for `rows` more of the same; the old rows are kept. */
export function grown<T extends Table>(old: T, make: (n: number) => T, rows: number): T {
  const bigger = make(rows);
  for (const [name, column] of Object.entries(old)) (bigger[name] as Column).set(column as never);
  return bigger;
}
