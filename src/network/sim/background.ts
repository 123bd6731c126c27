import type { UeRadio } from '../model.ts';
import { cqiOf, LTE, NR } from '../radio/index.ts';
import { toGeo } from './geo.ts';
import { sinrOf, strongest } from './radio-map.ts';
import { cellAt } from './traveller.ts';
import type { World } from './world.ts';

/** What the network knows of a background UE. */
export function backgroundRadio(world: World, ue: number, supi: string, t: number): UeRadio {
  const { sim } = world;
  const person = sim.people[ue] as { lteOnly: boolean; speedMps: number };
  sim.measure(ue);
  const cell = sim.serving[ue] as number;
  const onNr = cell < sim.cellCount;
  const sample = sim.sampleOf(ue);
  const otherRsrp = onNr ? sample.lte : sample.nr;
  const best = strongest(otherRsrp);
  const otherSinr = onNr
    ? sinrOf(LTE, sample.lteMw, best, sim.loadLte)
    : sinrOf(NR, sample.nrMw, best, sim.loadNr);
  const tenth = (value: number) => Math.round(value * 10) / 10;
  const sinr = sim.sinr[ue] as number;
  return {
    supi,
    t,
    medium: 'cellular',
    position: toGeo(sim.deployment.region.centre, sim.positions[ue] as { x: number; y: number }),
    speedMps: person.speedMps,
    rat: onNr ? 'NR' : 'EUTRA',
    cellId: cellAt(world, cell).id,
    rsrpDbm: tenth(sim.rsrp[ue] as number),
    rsrqDb: null,
    sinrDb: tenth(sinr),
    cqi: cqiOf(sinr, (onNr ? NR : LTE).cqiTable),
    standby: person.lteOnly
      ? null
      : {
          rat: onNr ? 'EUTRA' : 'NR',
          cellId: cellAt(world, onNr ? best + sim.cellCount : best).id,
          rsrpDbm: tenth(otherRsrp[best] as number),
          sinrDb: tenth(otherSinr),
        },
    dlMbps: sim.table.gotDl[ue] as number,
    ulMbps: sim.table.gotUl[ue] as number,
    delayMs: tenth(sim.airDelay(cell) + 15),
    handovers: 0,
    radioLinkFailures: 0,
  };
}
