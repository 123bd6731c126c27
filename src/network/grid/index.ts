export { EVENT, type EventLog } from './events.ts';
export type { Fault } from './faults.ts';
export { characteristicsOf, priorityOf } from './five-qi.ts';
export type { FlowView, NewFlow } from './flow-table.ts';
export { createGrid, Grid, type GridPolicy, restoreGrid } from './grid.ts';
export {
  type CellPlan,
  type HexagonOptions,
  hexagonLayout,
  type Layout,
  motorwayLayout,
  type Route,
  type SitePlan,
} from './layout.ts';
export type { CellMeasurements } from './measurements.ts';
export type { Placement, RadioTruth } from './placement.ts';
export type { GridOptions, Population, Traveller } from './population.ts';
export { mcsOfCqi } from './tables.ts';
export { PROFILES, type Profile } from './traffic.ts';
export { TUNING, type Tuning } from './tuning.ts';
export type { UeView } from './views.ts';
