export { type Panel, sectorGain } from './antenna.ts';
export {
  type Carrier,
  carrierOf,
  dlPerPrb,
  dlPerPrbRepeated,
  LTE,
  NR,
  powerPerRe,
  ulPrbRate,
  ulPrbsFor,
  ulRate,
} from './carrier.ts';
export {
  CQI_EFFICIENCY,
  CQI_SINR_DB,
  type CqiTable,
  cqiOf,
  efficiencyOf,
  layersOf,
  nextShadow,
  noiseDbm,
  sinrOfCqi,
  TABLE_64QAM,
  TABLE_256QAM,
} from './link.ts';
export {
  type LinkGeometry,
  losProbability,
  losProbabilityOpenOffice,
  pathLoss,
  type Scenario,
  SHADOWING,
} from './pathloss.ts';
export { buildingLoss, CAR_LOSS, PENETRATION_SIGMA } from './penetration.ts';
export { type Grant, MCS_TABLES, peakRateMbps, transportBlockSize } from './tbs.ts';
