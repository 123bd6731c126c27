import type { Cell, LoadForecast, Simulation } from '../model.ts';
import type { CellInArea } from './network-area.ts';
import { iso, toBitRate } from './schemas.ts';

/** A cell of an area with the load that is expected in it. */
export interface Expected extends CellInArea {
  load: LoadForecast;
}

const percent = (share: number) => Math.round(share * 100);

/** QosSustainabilityInfo of TS 29.520 5.1.6.2.19. */
export function sustainability(simulation: Simulation, one: Expected) {
  const { area: areaInfo, load } = one;
  return {
    areaInfo,
    startTs: iso(load.start),
    endTs: iso(load.end),
    ranUeThrouThd: toBitRate(sustainableMbps(simulation, one)),
    confidence: percent(load.confidence),
  };
}

const TYPICAL_BPS_PER_HZ = 2;

/** Lowest downlink rate over the window that one more user may hope for, near the cell. */
function sustainableMbps(simulation: Simulation, { cell, load }: Expected): number {
  const at = inFrontOf(cell);
  const times = [load.start, (load.start + load.end) / 2, load.end];
  const rates = simulation.forecastCoverage(times.map((t) => ({ ...at, t }))).map((here) => {
    if (here.cellId === cell.id) return here.dlMbps;
    if (here.standby?.cellId === cell.id) return here.standby.dlMbps;
    // Another cell is stronger there: what the load leaves of a typical rate stands in.
    return cell.bandwidthMHz * TYPICAL_BPS_PER_HZ * Math.max(0, 1 - load.prbRatio / 100);
  });
  return Math.min(...rates);
}

const METRES_A_DEGREE = 111_320;

/** A point 150 m into the sector. */
function inFrontOf({ position, azimuthDeg }: Cell) {
  const angle = (azimuthDeg * Math.PI) / 180;
  const shrink = Math.cos((position.lat * Math.PI) / 180);
  return {
    lat: position.lat + (150 * Math.cos(angle)) / METRES_A_DEGREE,
    lon: position.lon + (150 * Math.sin(angle)) / (METRES_A_DEGREE * shrink),
  };
}

/** UserDataCongestionInfo of TS 29.520 5.1.6.2.18. */
export function congestion({ area: networkArea, load }: Expected) {
  return {
    networkArea,
    congestionInfo: {
      congType: 'USER_PLANE',
      timeIntev: { startTime: iso(load.start), stopTime: iso(load.end) },
      nsi: { congLevel: Math.round(load.prbRatio) },
      confidence: percent(load.confidence),
      // Not in TS 29.520: the part of the load that cannot be pushed aside.
      gbrPrbRatio: Math.round(load.gbrPrbRatio * 10) / 10,
    },
  };
}

/** NetworkPerfInfo of TS 29.520 5.1.6.2.23, one for each kind. */
export function networkPerformance(simulation: Simulation, found: readonly Expected[]) {
  const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const users = found.map(({ cell }) => simulation.kpis(cell.id)?.['RRC.ConnMean'] ?? 0);
  const networkArea = {
    ncgis: found.flatMap(({ area }) => ('ncgis' in area ? (area.ncgis as object[]) : [])),
  };
  const confidence = percent(mean(found.map(({ load }) => load.confidence)));
  // A ratio of TS 29.571 is 1 at the least.
  const ratio = (value: number) => Math.min(100, Math.max(1, Math.round(value)));
  const about = (nwPerfType: string, value: object) => ({ networkArea, nwPerfType, ...value, confidence });
  return [
    about('GNB_ACTIVE_RATIO', { relativeRatio: 100 }),
    about('GNB_RSC_USAGE_OVERALL_TRAFFIC', {
      relativeRatio: ratio(mean(found.map(({ load }) => load.prbRatio))),
    }),
    about('GNB_RSC_USAGE_GBR_TRAFFIC', {
      relativeRatio: ratio(mean(found.map(({ load }) => load.gbrPrbRatio))),
    }),
    about('NUM_OF_UE', { absoluteNum: Math.round(users.reduce((a, b) => a + b, 0)) }),
  ];
}

/** Mean use of resource blocks over the NR cells of the regions in service, percent. */
export function ranLoad(simulation: Simulation): number {
  const ratios = simulation
    .regions()
    .flatMap((region) => simulation.cells(region.id))
    .filter((cell) => cell.rat === 'NR')
    .map((cell) => simulation.kpis(cell.id)?.['RRU.PrbTotDl'] ?? 0);
  return ratios.length === 0 ? 0 : Math.round(ratios.reduce((a, b) => a + b, 0) / ratios.length);
}
