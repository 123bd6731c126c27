import { clamp, type Point } from './geo.ts';
import { normal, PURPOSE, uniform } from './hash.ts';

export type Habit = 'browse' | 'stream' | 'download' | 'live' | 'crowd-live';

/** A background subscriber. Where it is and what it wants are functions of the second of the day. */
export interface Person {
  supi: string;
  habit: Habit;
  home: Point;
  /** Unit vector of its walk or drive, there and back. */
  heading: Point;
  reachM: number;
  speedMps: number;
  phaseM: number;
  /** Has no NR. */
  lteOnly: boolean;
}

/** GBR of a live stream, Mbit/s: small down, large up (5QI 71). */
export const LIVE = { dl: 0.5, ul: 4 };
/** At the event streamers also watch each other. */
export const CROWD = { dl: 2, ul: 4 };
export const CROWD_SIZE = 64;

/** Relative traffic by local hour. */
const BY_HOUR = [
  0.45, 0.32, 0.24, 0.2, 0.2, 0.26, 0.4, 0.58, 0.7, 0.76, 0.8, 0.83, 0.88, 0.86, 0.84, 0.84, 0.86, 0.9, 0.95,
  0.98, 1, 1, 0.88, 0.66,
];

export function trafficAt(localHour: number): number {
  const hour = ((localHour % 24) + 24) % 24;
  const low = Math.floor(hour);
  const share = hour - low;
  return (BY_HOUR[low] as number) * (1 - share) + (BY_HOUR[(low + 1) % 24] as number) * share;
}

/** The people of a region; the last `CROWD_SIZE` are at the venue of its event. */
export function populate(
  seed: number,
  region: number,
  radiusM: number,
  count: number,
  venue: Point,
): Person[] {
  const people: Person[] = [];
  for (let i = 0; i < count; i++) {
    const u = (k: number) => uniform(seed, PURPOSE.ueHome, region, i, k);
    const angle = 2 * Math.PI * u(0);
    const far = 0.95 * radiusM * Math.sqrt(u(1));
    const heading = 2 * Math.PI * u(2);
    const drives = u(3) < 0.3;
    const mix = u(4);
    people.push({
      supi: supiOf(region, i),
      habit: mix < 0.5 ? 'browse' : mix < 0.86 ? 'stream' : mix < 0.94 ? 'download' : 'live',
      home: { x: far * Math.cos(angle), y: far * Math.sin(angle) },
      heading: { x: Math.cos(heading), y: Math.sin(heading) },
      reachM: drives ? 400 + 500 * u(5) : 60 + 120 * u(5),
      speedMps: drives ? 5 + 9 * u(6) : 0.8 + 0.7 * u(6),
      phaseM: 2000 * u(7),
      lteOnly: u(8) < 0.15,
    });
  }
  for (let i = 0; i < CROWD_SIZE; i++) {
    const angle = 2 * Math.PI * uniform(seed, PURPOSE.crowd, region, i, 0);
    const far = 60 * Math.sqrt(uniform(seed, PURPOSE.crowd, region, i, 1));
    people.push({
      supi: supiOf(region, count + i),
      habit: 'crowd-live',
      home: { x: venue.x + far * Math.cos(angle), y: venue.y + far * Math.sin(angle) },
      heading: { x: 1, y: 0 },
      reachM: 0,
      speedMps: 0,
      phaseM: 0,
      lteOnly: false,
    });
  }
  return people;
}

/** Test network 001-01 (TS 23.003 2.2), then the region and a serial number. */
function supiOf(region: number, serial: number): string {
  return `imsi-00101${String(region).padStart(3, '0')}${String(serial + 1).padStart(7, '0')}`;
}

export function whereIs(person: Person, second: number, into: Point): Point {
  if (person.reachM === 0) {
    into.x = person.home.x;
    into.y = person.home.y;
    return into;
  }
  const gone = (person.speedMps * second + person.phaseM) % (2 * person.reachM);
  const out = (gone < person.reachM ? gone : 2 * person.reachM - gone) - person.reachM / 2;
  into.x = person.home.x + person.heading.x * out;
  into.y = person.home.y + person.heading.y * out;
  return into;
}

/** Seconds for which a UE stays active or idle, its chance to be active in the busy hour, its rates. */
const HABITS: Readonly<Record<Habit, { block: number; chance: number; dl: number; ul: number }>> = {
  browse: { block: 12, chance: 0.3, dl: 6, ul: 0.4 },
  stream: { block: 90, chance: 0.5, dl: 8, ul: 0.1 },
  download: { block: 45, chance: 0.35, dl: 60, ul: 0.5 },
  live: { block: 240, chance: 0.3, dl: LIVE.dl, ul: LIVE.ul },
  'crowd-live': { block: 300, chance: 1, dl: CROWD.dl, ul: CROWD.ul },
};

/** Rates that it asks for now, written to `into` as [dl, ul]; zeros while idle. */
export function wants(
  seed: number,
  region: number,
  index: number,
  person: Person,
  second: number,
  traffic: number,
  into: Float64Array,
): void {
  const habit = HABITS[person.habit];
  const block = Math.floor((second + ((index * 37) % habit.block)) / habit.block);
  const active = uniform(seed, PURPOSE.ueActive, region, index, block) < habit.chance * traffic;
  // Crowd members stream for as long as the event lasts, which the region decides.
  const on = person.habit === 'crowd-live' || active;
  const steady = person.habit === 'live' || person.habit === 'crowd-live';
  // On the small carrier applications ask for less: they have learnt what it gives.
  const scale = steady ? 1 : (0.5 + ((index * 7) % 11) / 10) * (person.lteOnly ? 0.35 : 1);
  into[0] = on ? habit.dl * scale : 0;
  into[1] = on ? habit.ul * scale : 0;
}

/** Mean share of a cell's PRBs that the subscribers who are not simulated one by one ask for. */
export function ambientMean(
  seed: number,
  region: number,
  cell: number,
  traffic: number,
  direction: 'dl' | 'ul',
): number {
  const spread = normal(seed, PURPOSE.ambientBase, region, cell, direction === 'dl' ? 0 : 1);
  const mean = direction === 'dl' ? 0.4 : 0.28;
  return clamp(mean * Math.exp(0.4 * spread), 0.08, 0.75) * traffic;
}

const AMBIENT_BLOCK = 15;

/** The same now: it wanders about its mean within a quarter of a minute. */
export function ambientNow(
  seed: number,
  region: number,
  cell: number,
  second: number,
  purpose: number,
): number {
  const block = Math.floor(second / AMBIENT_BLOCK);
  const share = second / AMBIENT_BLOCK - block;
  const from = uniform(seed, purpose, region, cell, block);
  const to = uniform(seed, purpose, region, cell, block + 1);
  return 0.7 + 0.6 * (from * (1 - share) + to * share);
}
