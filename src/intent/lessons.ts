import type { CoverageForecast, Experience, GeoPoint, Risk, Trip } from './types.ts';

/** An experience that this trip will pass again, and when. */
export interface Learnt {
  experience: Experience;
  start: number;
  end: number;
  cellIds: string[];
  points: CoverageForecast[];
}

/** Experiences whose place the trip passes, in order of time, at the time of day at which they held. */
export function matchExperience(
  experience: readonly Experience[],
  coverage: readonly CoverageForecast[],
  trip: Trip,
): Learnt[] {
  const regions = new Set(trip.segments.map(({ regionId }) => regionId));
  return experience
    .filter(({ region }) => regions.has(region))
    .flatMap((one) => {
      const points = coverage.filter(
        ({ point, t }) =>
          distanceM(point, one.place) <= one.place.radiusM &&
          (one.kind !== 'congestion' || inTimeOfDay(t, one.timeOfDay)),
      );
      const first = points[0];
      const last = points.at(-1);
      if (!first || !last) return [];
      return [{ experience: one, start: first.t, end: last.t + 10_000, cellIds: one.cellIds, points }];
    })
    .sort((a, b) => a.start - b.start);
}

export function riskOf({ experience, start, end, points }: Learnt, id: string): Risk {
  const first = points[0] as CoverageForecast;
  const last = points.at(-1) as CoverageForecast;
  const { kind } = experience;
  return {
    id,
    kind,
    start,
    end,
    cellIds: experience.cellIds,
    where: { from: first.point, to: last.point },
    standbyUsable:
      kind === 'weak-coverage' || (kind === 'congestion' && points.some(({ standby }) => standby !== null)),
    confidence: Math.min(1, 0.5 + experience.severity / 2),
    source: 'experience',
    detail: `${kind.replace('-', ' ')} was met here on an earlier trip, though no forecast shows it`,
  };
}

/** Great-circle distance, m. */
export function distanceM(a: GeoPoint, b: GeoPoint): number {
  const rad = Math.PI / 180;
  const h =
    Math.sin(((b.lat - a.lat) * rad) / 2) ** 2 +
    Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(((b.lon - a.lon) * rad) / 2) ** 2;
  return 2 * 6_371_000 * Math.asin(Math.min(1, Math.sqrt(h)));
}

export function minuteOf(t: number): number {
  return Math.floor((((t % 86_400_000) + 86_400_000) % 86_400_000) / 60_000);
}

function inTimeOfDay(t: number, { start, end }: { start: number; end: number }): boolean {
  const minute = minuteOf(t);
  return start <= end ? minute >= start && minute <= end : minute >= start || minute <= end;
}
