import type { CoverageForecast, LoadForecast, QualityMap, Risk, Trip } from './types.ts';

/** Signal at which the forecast rate is no longer to be trusted. */
const WEAK = { rsrpDbm: -110, sinrDb: 0 };
const USABLE = { rsrpDbm: -118, sinrDb: -3 };
/** Weak points closer than this in time are one stretch, ms. */
const JOIN_MS = 30_000;
const STEP_MS = 10_000;
/** Percent of PRBs from which a cell is expected to be congested: all traffic, guaranteed traffic. */
const BUSY = { all: 85, gbr: 60 };

interface Need {
  dlMbps: number;
  ulMbps: number;
  start: number;
  end: number;
}

/** Marks along the trip what may hurt the service while it is used, in order of time. */
export function buildQualityMap(parts: {
  trip: Trip;
  coverage: CoverageForecast[];
  load: LoadForecast[];
  service: Need;
}): QualityMap {
  const { trip, load, service } = parts;
  const coverage = parts.coverage
    .filter(({ t }) => t >= service.start && t <= service.end)
    .sort((a, b) => a.t - b.t);
  const risks = [
    ...inFlight(trip),
    ...weakStretches(coverage, service),
    ...congested(coverage, load, service),
  ]
    .sort((a, b) => a.start - b.start || a.kind.localeCompare(b.kind))
    .map((risk, index) => ({ ...risk, id: `risk-${index + 1}` }));
  return { risks, coverage };
}

function inFlight(trip: Trip): Risk[] {
  return trip.segments
    .filter(({ kind }) => kind === 'fly')
    .map(({ start, end, from, to }) => ({
      id: '',
      kind: 'in-flight',
      start,
      end,
      cellIds: [],
      where: null,
      standbyUsable: false,
      confidence: 1,
      source: 'forecast',
      detail: `in flight from ${from} to ${to}: the aircraft's own Wi-Fi, which no network here can assure`,
    }));
}

function weakStretches(coverage: CoverageForecast[], need: Need): Risk[] {
  const bad = coverage
    .map((point) => ({ point, kind: judge(point, need) }))
    .filter(({ kind }) => kind !== 'good');
  const stretches: Array<typeof bad> = [];
  for (const item of bad) {
    const last = stretches.at(-1);
    const previous = last?.at(-1);
    if (last && previous && previous.kind === item.kind && item.point.t - previous.point.t <= JOIN_MS)
      last.push(item);
    else stretches.push([item]);
  }
  return stretches.map((items) => {
    const points = items.map(({ point }) => point);
    const first = points[0] as CoverageForecast;
    const last = points.at(-1) as CoverageForecast;
    const kind = items[0]?.kind === 'outage' ? ('outage' as const) : ('weak-coverage' as const);
    const standbyUsable = points.filter(usableStandby).length * 2 > points.length;
    const seconds = Math.round((last.t - first.t + STEP_MS) / 1000);
    const worst = Math.min(...points.map(({ rsrpDbm }) => rsrpDbm)).toFixed(0);
    const help = standbyUsable ? '4G carries the service there' : '4G does not help there';
    return {
      id: '',
      kind,
      start: first.t,
      end: last.t + STEP_MS,
      cellIds: cellsOf(points),
      where: { from: first.point, to: last.point },
      standbyUsable,
      confidence: points.reduce((sum, { confidence }) => sum + confidence, 0) / points.length,
      source: 'forecast' as const,
      detail:
        kind === 'outage'
          ? `no network for about ${seconds} s`
          : `5G below what the service needs for about ${seconds} s (down to ${worst} dBm); ${help}`,
    };
  });
}

function judge(point: CoverageForecast, need: Need): 'good' | 'weak-coverage' | 'outage' {
  const weak =
    point.cellId === null ||
    point.rsrpDbm < WEAK.rsrpDbm ||
    point.sinrDb < WEAK.sinrDb ||
    point.dlMbps < need.dlMbps ||
    point.ulMbps < need.ulMbps;
  if (!weak) return 'good';
  const dead = point.cellId === null || point.rsrpDbm < -125;
  return dead && !usableStandby(point) ? 'outage' : 'weak-coverage';
}

function usableStandby({ standby }: CoverageForecast): boolean {
  return standby !== null && standby.rsrpDbm > USABLE.rsrpDbm && standby.sinrDb > USABLE.sinrDb;
}

function congested(coverage: CoverageForecast[], load: LoadForecast[], service: Need): Risk[] {
  const risks: Risk[] = [];
  for (const { cellId, start, end, prbRatio, gbrPrbRatio, confidence } of load) {
    if (prbRatio < BUSY.all && gbrPrbRatio < BUSY.gbr) continue;
    const points = coverage.filter(
      (point) =>
        point.cellId === cellId && point.t >= (start ?? service.start) && point.t <= (end ?? service.end),
    );
    const first = points[0];
    const last = points.at(-1);
    if (!first || !last) continue;
    risks.push({
      id: '',
      kind: 'congestion',
      start: first.t,
      end: last.t + STEP_MS,
      cellIds: [cellId],
      where: { from: first.point, to: last.point },
      standbyUsable: points.some(usableStandby),
      confidence,
      source: 'forecast',
      detail: `cell ${cellId} is expected to use ${prbRatio.toFixed(0)} % of its resource blocks, ${gbrPrbRatio.toFixed(0)} % of them guaranteed`,
    });
  }
  return risks;
}

function cellsOf(points: CoverageForecast[]): string[] {
  return [...new Set(points.flatMap(({ cellId }) => (cellId === null ? [] : [cellId])))];
}
