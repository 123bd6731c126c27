import type { Rat } from '../model.ts';
import { DRX, RRC } from './columns.ts';
import { RATS } from './plan.ts';
import { sinrIndex } from './tables.ts';
import type { World } from './world.ts';

const nameOf = <T extends Record<string, number>>(codes: T, code: number) =>
  Object.keys(codes)[Object.values(codes).indexOf(code)] as keyof T & string;

/** One UE as the network sees it. Levels dBm and dB, rates Mbit/s, delays ms. */
export interface UeView {
  x: number;
  y: number;
  speedMps: number;
  rrc: keyof typeof RRC;
  rat: Rat | null;
  cell: number | null;
  rsrpDbm: number | null;
  rsrqDb: number | null;
  sinrDb: number | null;
  cqi: number | null;
  standby: { rat: Rat; cell: number; rsrpDbm: number; sinrDb: number } | null;
  dlMbps: number;
  ulMbps: number;
  roundTripMs: number;
  drx: keyof typeof DRX;
  /** Share of the last tick awake; energy in units of TR 38.840 times seconds. */
  awakeRatio: number;
  energy: number;
  handovers: number;
  radioLinkFailures: number;
  ratChanges: number;
}

export function viewUe({ ues, tables }: World, u: number): UeView {
  const served = ues.rrc[u] !== RRC.none && (ues.cell[u] as number) >= 0;
  const connected = ues.rrc[u] === RRC.connected;
  const rat = ues.rat[u] as number;
  const of = (column: Float32Array) => (served ? (column[u] as number) : null);
  const standby = ues.standby[u] as number;
  return {
    x: ues.x[u] as number,
    y: ues.y[u] as number,
    speedMps: ues.speed[u] as number,
    rrc: nameOf(RRC, ues.rrc[u] as number),
    rat: served ? (RATS[rat] as Rat) : null,
    cell: served ? (ues.cell[u] as number) : null,
    rsrpDbm: of(ues.rsrp),
    rsrqDb: of(ues.rsrq),
    sinrDb: of(ues.sinr),
    cqi: served
      ? ((tables.cqi[rat as 0 | 1] as Uint8Array)[sinrIndex(ues.sinr[u] as number)] as number)
      : null,
    standby:
      standby < 0
        ? null
        : {
            rat: RATS[1 - rat] as Rat,
            cell: standby,
            rsrpDbm: ues.standbyRsrp[u] as number,
            sinrDb: ues.standbySinr[u] as number,
          },
    dlMbps: ues.gotDl[u] as number,
    ulMbps: ues.gotUl[u] as number,
    roundTripMs: connected ? (ues.roundTrip[u] as number) : Number.POSITIVE_INFINITY,
    drx: connected ? nameOf(DRX, ues.drx[u] as number) : 'idle',
    awakeRatio: connected ? (ues.awake[u] as number) : 0,
    energy: ues.energy[u] as number,
    handovers: ues.handovers[u] as number,
    radioLinkFailures: ues.failures[u] as number,
    ratChanges: ues.ratChanges[u] as number,
  };
}
