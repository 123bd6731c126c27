import { RRC } from './columns.ts';
import { move } from './mobility.ts';
import { draw, EXPONENTIAL, lower, upper } from './random.ts';
import type { World } from './world.ts';

/** Traffic of a UE's default flow: sessions with silence between them. */
export interface Profile {
  name: string;
  /** Share of the population. */
  share: number;
  /** Mean length of a session and of the silence, s; no silence: always on. */
  onS: number;
  offS: number;
  /** Mbit/s offered while on; Infinity: as fast as it goes. */
  dlMbps: number;
  ulMbps: number;
}

/** Share of the subscribers and their habits in the busy hour (guess). */
export const PROFILES: readonly Profile[] = [
  { name: 'browsing', share: 0.6, onS: 12, offS: 48, dlMbps: 1.5, ulMbps: 0.15 },
  { name: 'video', share: 0.2, onS: 180, offS: 360, dlMbps: 4, ulMbps: 0.1 },
  { name: 'call', share: 0.1, onS: 90, offS: 600, dlMbps: 1, ulMbps: 1 },
  { name: 'download', share: 0.02, onS: 20, offS: 300, dlMbps: Number.POSITIVE_INFINITY, ulMbps: 0.5 },
  { name: 'upload', share: 0.02, onS: 30, offS: 300, dlMbps: 0.2, ulMbps: 6 },
  { name: 'silent', share: 0.06, onS: 1, offS: 600, dlMbps: 0.05, ulMbps: 0.02 },
];

/** A queue of the default flow holds this many seconds of what is offered; the rest is dropped. */
const QUEUE_S = 4;
/** A UE in idle moves and measures once in so many ticks. */
export const IDLE_TICKS = 5;

/**
 * Advances sessions and queues by one tick, and puts into `due` the UEs that move and measure in it:
 * all that are connected or want to be, and of the idle ones a fifth. Returns how many.
 */
export function generate(world: World, due: Int32Array): number {
  const { ues, tick, tickMs } = world;
  const { rrc, switchAt, on, wanted, wantDl, queueDl, wantUl, queueUl, movedAt, firstFlow, quiet } = ues;
  const seconds = tickMs / 1000;
  const n = rrc.length;
  let length = 0;
  for (let u = 0; u < n; u++) {
    if (tick >= (switchAt[u] as number)) toggle(world, u);
    const connected = rrc[u] === RRC.connected;
    let need = (firstFlow[u] as number) >= 0 ? 1 : 0;
    if (on[u] === 1) {
      need = 1;
      fill(queueDl, ues.droppedDl, u, wantDl[u] as number, seconds);
      fill(queueUl, ues.droppedUl, u, wantUl[u] as number, seconds);
    } else if (connected && ((queueDl[u] as number) > 0 || (queueUl[u] as number) > 0)) need = 1;
    wanted[u] = need;
    if (connected && need === 0) {
      const silence = (quiet[u] as number) + tickMs;
      quiet[u] = silence;
      if (silence >= world.tuning.inactivityMs) rrc[u] = RRC.idle;
    } else quiet[u] = 0;
    if (!connected && need === 0 && (tick + u) % IDLE_TICKS !== 0) continue;
    const since = tick - (movedAt[u] as number);
    if (since > 0) {
      movedAt[u] = tick;
      move(world, u, since * seconds);
    }
    due[length++] = u;
  }
  return length;
}

function fill(queue: Float32Array, dropped: Float32Array, u: number, rate: number, seconds: number): void {
  if (rate === Number.POSITIVE_INFINITY) {
    queue[u] = rate;
    return;
  }
  const limit = rate * QUEUE_S;
  const next = (queue[u] as number) + rate * seconds;
  if (next > limit) dropped[u] = (dropped[u] as number) + next - limit;
  queue[u] = Math.min(next, limit);
}

/** Starts or ends a session; draws how long the next period lasts. */
function toggle(world: World, u: number): void {
  const { ues, tick, tickMs } = world;
  const profile = world.profiles[ues.profile[u] as number] as Profile;
  const session = (ues.sessions[u] as number) + 1;
  ues.sessions[u] = session;
  const bits = draw(world.streams.traffic, u, session);
  const start = ues.on[u] === 0;
  const forever = profile.offS === 0;
  ues.on[u] = start || forever ? 1 : 0;
  if (!start && !forever && ues.queueDl[u] === Number.POSITIVE_INFINITY) ues.queueDl[u] = 0;
  const mean = start || forever ? profile.onS : profile.offS;
  const length = Math.ceil((mean * 1000 * (EXPONENTIAL[upper(bits)] as number)) / tickMs);
  ues.switchAt[u] = forever ? 0x7fffffff : tick + Math.max(1, length);
  if (start || forever) {
    ues.wantDl[u] = profile.dlMbps;
    ues.wantUl[u] = profile.ulMbps;
  } else {
    ues.wantDl[u] = 0;
    ues.wantUl[u] = 0;
  }
}

/** The state in which the population is found at the start: in the long-run mix of on and off. */
export function settle(world: World, u: number): void {
  const { ues, tickMs } = world;
  const profile = world.profiles[ues.profile[u] as number] as Profile;
  if (profile.offS === 0) return;
  const bits = draw(world.streams.traffic, u, 0);
  const share = profile.onS / (profile.onS + profile.offS);
  const busy = lower(bits) < share * 4096;
  const mean = busy ? profile.onS : profile.offS;
  ues.on[u] = busy ? 1 : 0;
  ues.wantDl[u] = busy ? profile.dlMbps : 0;
  ues.wantUl[u] = busy ? profile.ulMbps : 0;
  // Memoryless: what is left of a period is as long as a whole one.
  ues.switchAt[u] = 1 + Math.ceil((mean * 1000 * (EXPONENTIAL[upper(bits)] as number)) / tickMs);
}
