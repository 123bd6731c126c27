/**
 * The joint between the radio and traffic simulation (`sim/`) and the network functions (`nf/`).
 * Times are milliseconds since the Unix epoch of *network time*; rates Mbit/s; powers dBm; levels dB;
 * distances m; angles degrees.
 */

export interface GeoPoint {
  lat: number;
  lon: number;
}

export type Rat = 'NR' | 'EUTRA';

export interface Region {
  /** Lower-case slug of the place, for example `shanghai`. */
  id: string;
  name: string;
  centre: GeoPoint;
  radiusM: number;
  /** Tracking area code, 6 hex digits (TS 29.571 Tac). */
  tac: string;
}

export interface Cell {
  /** NrCellId (9 hex digits) or E-UTRA cell id (7 hex digits), TS 29.571. */
  id: string;
  rat: Rat;
  regionId: string;
  siteId: string;
  sector: 0 | 1 | 2;
  position: GeoPoint;
  azimuthDeg: number;
  carrierGHz: number;
  bandwidthMHz: number;
  prbTotal: number;
  txPowerDbm: number;
}

/** Counters of one cell over the last second, under their TS 28.552 names. */
export interface CellKpis {
  cellId: string;
  t: number;
  /** Percent of PRBs used, downlink and uplink. */
  'RRU.PrbTotDl': number;
  'RRU.PrbTotUl': number;
  /** Mean active UEs in the downlink. */
  'DRB.MeanActiveUeDl': number;
  /** kbit/s. */
  'DRB.UEThpDl': number;
  'DRB.UEThpUl': number;
  'RRC.ConnMean': number;
  /** Units of 0.1 ms. */
  'DRB.AirIfDelayDl': number;
  /** Percent of PRBs taken by GBR flows, downlink (not in TS 28.552; needed to explain congestion). */
  gbrPrbRatioDl: number;
}

/** What the network knows of one UE's radio at `t`. */
export interface UeRadio {
  supi: string;
  t: number;
  /** `in-flight`: on the aircraft's own Wi-Fi, outside the operator's radio. `none`: no coverage. */
  medium: 'cellular' | 'in-flight' | 'none';
  position: GeoPoint;
  speedMps: number;
  rat: Rat | null;
  cellId: string | null;
  rsrpDbm: number | null;
  rsrqDb: number | null;
  sinrDb: number | null;
  cqi: number | null;
  /** Best cell of the other RAT, whether or not the UE may use it now. */
  standby: { rat: Rat; cellId: string; rsrpDbm: number; sinrDb: number } | null;
  dlMbps: number;
  ulMbps: number;
  /** One-way user-plane delay, UE to the service's server. */
  delayMs: number;
  handovers: number;
  radioLinkFailures: number;
}

/** A QoS flow with its 5QI and ARP (TS 23.501 5.7). Rates in Mbit/s; absent GBR = best effort. */
export interface QosFlow {
  id: string;
  supi: string;
  fiveQi: number;
  arp: {
    priorityLevel: number;
    preemptCap: 'NOT_PREEMPT' | 'MAY_PREEMPT';
    preemptVuln: 'NOT_PREEMPTABLE' | 'PREEMPTABLE';
  };
  gbrDlMbps?: number;
  gbrUlMbps?: number;
  mbrDlMbps?: number;
  mbrUlMbps?: number;
}

export type Admission =
  | { admitted: true; guaranteed: boolean }
  | { admitted: false; cause: 'UE_NOT_FOUND' | 'UE_NOT_REACHABLE' | 'NO_RADIO_RESOURCES' };

/** RRMPolicyRatio of TS 28.541 4.3.36, for a group of UEs on some cells; percent of PRBs. */
export interface RrmPolicy {
  id: string;
  cellIds: string[];
  supis: string[];
  dedicatedRatio: number;
  /** Applies in this window only; absent = at once and until removed. */
  start?: number;
  end?: number;
}

/** 5G-to-4G steering of one UE, as an A1 traffic-steering policy sets it in the gNB. */
export interface SteeringPolicy {
  id: string;
  supi: string;
  /** Move to the standby RAT when the serving NR cell is below either of these. */
  toStandbyBelow: { rsrpDbm: number; sinrDb: number };
  /** Return when NR is above both of these. */
  returnAbove: { rsrpDbm: number; sinrDb: number };
  /** Applies in this window only; absent = at once and until removed. */
  start?: number;
  end?: number;
}

/** Scheduling priority of one UE's traffic (A1-P QoS target): smaller is sooner, 1..127. */
export interface UePriorityPolicy {
  id: string;
  supi: string;
  priorityLevel: number;
}

export type NetworkEvent =
  /** QNC, TS 23.501 5.7.2.4. */
  | {
      type: 'qos.not-guaranteed' | 'qos.guaranteed';
      t: number;
      supi: string;
      flowId: string;
      cellId: string | null;
    }
  | { type: 'handover'; t: number; supi: string; fromCell: string; toCell: string; rat: Rat }
  | {
      type: 'rat-change';
      t: number;
      supi: string;
      from: Rat;
      to: Rat;
      cause: 'policy' | 'order' | 'fallback' | 'return';
    }
  | { type: 'radio-link-failure'; t: number; supi: string; cellId: string };

/** Radio expected at a point and time, from planning data and history: never from the future itself. */
export interface CoverageForecast {
  point: GeoPoint;
  t: number;
  cellId: string | null;
  rsrpDbm: number;
  sinrDb: number;
  /** Rates that one more GBR user could get. */
  dlMbps: number;
  ulMbps: number;
  standby: { cellId: string; rsrpDbm: number; sinrDb: number; dlMbps: number; ulMbps: number } | null;
  /** 0..1. */
  confidence: number;
}

export interface LoadForecast {
  cellId: string;
  start: number;
  end: number;
  /** Percent of PRBs expected in use, and by GBR traffic alone. */
  prbRatio: number;
  gbrPrbRatio: number;
  confidence: number;
}

/** A service with its targets per second; all must be met for the second to count. */
export interface ServiceDemand {
  name: string;
  dlMbps: number;
  ulMbps: number;
  maxDelayMs: number;
}

/** What somebody books: the trip from where the user is now. Windows bound the choice, not the result. */
export interface TripRequest {
  tripId: string;
  supi: string;
  /** `fly` to another region, `drive` or `stay` inside the present one. */
  mode: 'fly' | 'drive' | 'stay';
  /** Region id of the destination. */
  destination: string;
  departure: { start: number; end: number };
  service: ServiceDemand & { window: { start: number; end: number } };
}

export interface TripSegment {
  id: string;
  kind: 'drive' | 'fly' | 'stay';
  regionId: string | null;
  from: string;
  to: string;
  start: number;
  end: number;
  /** At most one a 10 s, in order of `t`. Empty in the air. */
  waypoints: Array<GeoPoint & { t: number }>;
}

export interface Trip {
  tripId: string;
  supi: string;
  segments: TripSegment[];
  /** When the service is really used. */
  service: ServiceDemand & { start: number; end: number };
}

/** One second of the service as its user had it. */
export interface ServiceSecond {
  t: number;
  dlMbps: number;
  ulMbps: number;
  delayMs: number;
  lossRatio: number;
  rat: Rat | null;
  cellId: string | null;
}

/** One row of a measured drive (columns of the UCC 5G data set). */
export interface TraceRow {
  /** Seconds since the first row. */
  second: number;
  position: GeoPoint;
  /** m/s. */
  speedMps: number;
  cellId: string;
  networkMode: string;
  rsrpDbm: number;
  rsrqDb: number | null;
  snrDb: number | null;
  cqi: number | null;
  dlMbps: number;
  ulMbps: number;
}

export interface SimulationOptions {
  seed: number;
  /** Network time at the start. */
  startTime: number;
  /** Region in which the subscriber is at the start. */
  homeRegion: string;
  /** The subscriber under assurance. */
  supi: string;
  /** Other UEs a region. */
  uesPerRegion?: number;
  trace?: TraceRow[];
  /** What transport does to a way to the data network now; absent = nothing. */
  shapePath?: (path: { dnai: string; delayMs: number; healthy: boolean }) => typeof path;
}

/**
 * The radio network, its cells, UEs and traffic. Synchronous and deterministic: the same options and
 * the same calls at the same network times give the same state, and no call that assures one UE draws
 * from another's random stream, so that a twin without the calls stays comparable.
 */
export interface Simulation {
  readonly now: number;
  /**
   * Advances in ticks of 1 s. A jump of more than two minutes with no service in use is taken in one
   * step: mobility and load are then drawn anew for that time of day.
   */
  advanceTo(t: number): void;
  onEvent(listener: (event: NetworkEvent) => void): () => void;

  regions(): Region[];
  /** Deploys the region on first use; undefined for a place that no gazetteer entry names. */
  region(nameOrId: string): Region | undefined;
  cells(regionId: string): Cell[];
  cell(cellId: string): Cell | undefined;
  kpis(cellId: string): CellKpis | undefined;
  ue(supi: string): UeRadio | undefined;
  /** Subscribers that can be addressed: the one under assurance and the background UEs. */
  subscribers(): string[];

  addFlow(flow: QosFlow): Admission;
  modifyFlow(id: string, change: Partial<Omit<QosFlow, 'id' | 'supi'>>): Admission;
  removeFlow(id: string): boolean;
  flow(id: string): (QosFlow & { guaranteed: boolean }) | undefined;
  setRrmPolicy(policy: RrmPolicy): void;
  removeRrmPolicy(id: string): boolean;
  setSteering(policy: SteeringPolicy): void;
  removeSteering(id: string): boolean;
  setUePriority(policy: UePriorityPolicy): void;
  removeUePriority(id: string): boolean;
  /** Switches a cell off or on; absent where the radio cannot, false for a cell it does not know. */
  setCellState?(cellId: string, up: boolean): boolean;
  /** Orders an inter-RAT handover now; false if the target RAT has no usable cell. */
  switchRat(supi: string, rat: Rat): boolean;
  /** Sends the UE's traffic over the data network access identifier; false if unknown. */
  routeVia(supi: string, dnai: string): boolean;
  /** Access identifiers, with their one-way transport delay now, in ms, for that UE. */
  paths(supi: string): Array<{ dnai: string; delayMs: number; healthy: boolean; active: boolean }>;

  forecastCoverage(points: Array<GeoPoint & { t: number }>): CoverageForecast[];
  forecastLoad(cellId: string, start: number, end: number): LoadForecast;

  bookTrip(request: TripRequest): Trip;
  trip(supi: string): Trip | undefined;

  /** Seconds of the service used so far. */
  serviceSeconds(supi: string): ServiceSecond[];
  /** Mean downlink rate of each background UE over the seconds in which the service was used. */
  othersMeanDl(supi: string): Map<string, number>;
}
