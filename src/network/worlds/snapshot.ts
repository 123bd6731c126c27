import { fail } from '../../errors.ts';
import type { ControlState } from './control.ts';
import type { HappeningsState } from './happenings.ts';
import type { JourneyState } from './journeys.ts';
import type { WorldFile } from './read.ts';
import type { ServiceState } from './services.ts';

/** What a snapshot of a world holds beside the grid's. */
export interface WorldState {
  version: 1;
  world: string;
  digest: string;
  seed: number;
  /** ms since the epoch. */
  start: number;
  second: number;
  now: number;
  happenings: HappeningsState;
  control: ControlState;
  transport: Array<[supi: string, dnai: string]>;
  planning: { seconds: number; loads: number[][] };
  journeys: JourneyState[];
  services: ServiceState[];
}

const MAGIC = 'NAWORLD1';
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Magic, length of the state, the state as JSON, then the grid's snapshot. */
export function encodeWorld(state: WorldState, grid: Uint8Array): Uint8Array {
  const json = encoder.encode(JSON.stringify(state));
  const from = MAGIC.length + 4;
  const bytes = new Uint8Array(from + json.length + grid.length);
  bytes.set(encoder.encode(MAGIC));
  new DataView(bytes.buffer).setUint32(MAGIC.length, json.length, true);
  bytes.set(json, from);
  bytes.set(grid, from + json.length);
  return bytes;
}

/** @throws NETWORK_SNAPSHOT_INVALID for anything but a snapshot of this very world. */
export function decodeWorld(
  bytes: Uint8Array,
  world: WorldFile,
  start: number,
): { state: WorldState; grid: Uint8Array } {
  const refuse = (problem: string) => fail('NETWORK_SNAPSHOT_INVALID', { problem });
  const from = MAGIC.length + 4;
  if (bytes.length < from || decoder.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    throw refuse('it is not a snapshot of a world');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(MAGIC.length, true);
  if (bytes.length < from + length) throw refuse('it ends too early');
  let state: WorldState;
  try {
    state = JSON.parse(decoder.decode(bytes.subarray(from, from + length))) as WorldState;
  } catch {
    throw refuse('its head is no JSON');
  }
  const { name, seed } = world.description;
  if (state.version !== 1) throw refuse(`it is of version ${state.version}; this reads version 1`);
  if (state.world !== name) throw refuse(`it is of the world ${state.world}, not of ${name}`);
  if (state.seed !== seed) throw refuse(`it has seed ${state.seed}, this world has ${seed}`);
  if (state.digest !== world.digest)
    throw refuse(`the description of ${name} has changed since it was saved`);
  if (state.start !== start) throw refuse('it began at another time');
  return { state, grid: bytes.subarray(from + length) };
}
