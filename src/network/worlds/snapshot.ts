import { createHash } from 'node:crypto';
import { fail } from '../../errors.ts';
import type { ControlState } from './control.ts';
import type { HappeningsState } from './happenings.ts';
import type { JourneyState } from './journeys.ts';
import type { WorldFile } from './read.ts';
import type { ServiceState } from './services.ts';

/** What a snapshot of a world holds beside the grid's. */
export interface WorldState {
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

/** SHA-256 comes after the magic, then the length of the state. */
const CHECKED = MAGIC.length + 32;
const HEAD = CHECKED + 4;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** Magic, SHA-256 of all that follows, length of the state, the state as JSON, the grid's snapshot. */
export function encodeWorld(state: WorldState, grid: Uint8Array): Uint8Array {
  const json = encoder.encode(JSON.stringify(state));
  const bytes = new Uint8Array(HEAD + json.length + grid.length);
  bytes.set(encoder.encode(MAGIC));
  new DataView(bytes.buffer).setUint32(CHECKED, json.length, true);
  bytes.set(json, HEAD);
  bytes.set(grid, HEAD + json.length);
  bytes.set(sha256(bytes.subarray(CHECKED)), MAGIC.length);
  return bytes;
}

/** @throws NETWORK_SNAPSHOT_INVALID for anything but a snapshot of this very world. */
export function decodeWorld(
  bytes: Uint8Array,
  world: WorldFile,
  start: number,
): { state: WorldState; grid: Uint8Array } {
  const refuse = (problem: string) => fail('NETWORK_SNAPSHOT_INVALID', { problem });
  if (bytes.length < HEAD || decoder.decode(bytes.subarray(0, MAGIC.length)) !== MAGIC)
    throw refuse('it is not a snapshot of a world in version 1 of the format');
  if (!sha256(bytes.subarray(CHECKED)).equals(bytes.subarray(MAGIC.length, CHECKED)))
    throw refuse('it is damaged or ends too early');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(CHECKED, true);
  const state = JSON.parse(decoder.decode(bytes.subarray(HEAD, HEAD + length))) as WorldState;
  const { name, seed } = world.description;
  if (state.world !== name) throw refuse(`it is of the world ${state.world}, not of ${name}`);
  if (state.seed !== seed) throw refuse(`it has seed ${state.seed}, this world has ${seed}`);
  if (state.start !== start) throw refuse('it began at another time');
  if (state.digest !== world.digest)
    throw refuse(`the description of ${name} has changed since it was saved`);
  return { state, grid: bytes.subarray(HEAD + length) };
}
