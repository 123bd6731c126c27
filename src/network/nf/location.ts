import type { Simulation, UeRadio } from '../model.ts';
import { iso, PLMN } from './schemas.ts';

/** UserLocation of TS 29.571 5.4.4.7 and what goes with it; undefined outside the operator's coverage. */
export function userLocation(simulation: Simulation, radio: UeRadio) {
  const cell = radio.cellId === null ? undefined : simulation.cell(radio.cellId);
  if (cell === undefined) return undefined;
  const region = simulation.regions().find((one) => one.id === cell.regionId);
  const tai = { plmnId: PLMN, tac: region?.tac ?? '000000' };
  const ueLocationTimestamp = iso(radio.t);
  return {
    location:
      cell.rat === 'NR'
        ? { nrLocation: { tai, ncgi: { plmnId: PLMN, nrCellId: cell.id }, ueLocationTimestamp } }
        : { eutraLocation: { tai, ecgi: { plmnId: PLMN, eutraCellId: cell.id }, ueLocationTimestamp } },
    ratType: cell.rat,
    regionId: cell.regionId,
    tac: tai.tac,
    geoInfo: {
      shape: 'POINT_UNCERTAINTY_CIRCLE',
      point: { lon: radio.position.lon, lat: radio.position.lat },
      uncertainty: 50,
    },
  };
}
