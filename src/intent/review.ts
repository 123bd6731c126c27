import { distanceM, minuteOf } from './lessons.ts';
import type { Experience, Plan, TripException } from './types.ts';

const RADIUS_M = 250;
/** An experience holds this long before and after the minute in which it was made. */
const AROUND_MIN = 90;

/**
 * What a trip teaches: whatever was met and not foreseen, once a place and kind. `quality` is the share
 * of the service's seconds in which all targets were met, where it was measured.
 */
export function reviewTrip(parts: {
  plan: Plan;
  exceptions: readonly TripException[];
  region: string;
  quality?: { secondsMet: number };
}): { summary: string; experiences: Experience[] } {
  const { plan, exceptions, region, quality } = parts;
  const experiences: Experience[] = [];
  for (const { t, kind, measure, cellId, place, foreseen } of exceptions) {
    // A look that failed, or a return to 5G, says nothing of the place.
    if (foreseen || place === null || measure === 'missed' || measure === 'return-to-5g') continue;
    const same = experiences.find((other) => other.kind === kind && distanceM(other.place, place) < RADIUS_M);
    if (same) {
      if (cellId !== null && !same.cellIds.includes(cellId)) same.cellIds.push(cellId);
      continue;
    }
    const minute = minuteOf(t);
    experiences.push({
      id: `${region}-${kind}-${place.lat.toFixed(4)}-${place.lon.toFixed(4)}`,
      region,
      place: { lat: place.lat, lon: place.lon, radiusM: RADIUS_M },
      kind,
      cellIds: cellId === null ? [] : [cellId],
      timeOfDay: { start: (minute - AROUND_MIN + 1440) % 1440, end: (minute + AROUND_MIN) % 1440 },
      severity: kind === 'outage' ? 1 : 0.6,
      measure,
      // It helped where the same trouble did not come back at the same place.
      helped: !exceptions.some(
        (later) =>
          later.t > t &&
          later.kind === kind &&
          later.place !== null &&
          distanceM(later.place, place) < RADIUS_M,
      ),
    });
  }
  const foreseen = exceptions.filter((exception) => exception.foreseen).length;
  const met =
    quality === undefined
      ? ''
      : ` All targets were met in ${(100 * quality.secondsMet).toFixed(1)} % of the service's seconds.`;
  const learnt =
    experiences.length === 0
      ? 'Nothing new was learnt.'
      : `Learnt for the next trip: ${experiences.map(({ kind, cellIds }) => `${kind.replace('-', ' ')}${cellIds.length > 0 ? ` in cell ${cellIds.join(', ')}` : ''}`).join('; ')}.`;
  const summary = `${plan.steps.length} steps were planned for ${plan.risks.length} risks; ${exceptions.length} events on the way, ${foreseen} of them foreseen.${met} ${learnt}`;
  return { summary, experiences };
}
