import type { SimulationOptions } from '../model.ts';
import { deploy } from './deployment.ts';
import type { Place } from './gazetteer.ts';
import { clamp, type Point } from './geo.ts';
import { populate } from './population.ts';
import { RadioMap, strongest } from './radio-map.ts';
import { RegionSim } from './region.ts';
import { along, cut, drawRide, pointsOf, type Ride, type Stretch } from './route.ts';
import type { Zone } from './terrain.ts';

/** A deployed region with its road, terrain, event venue and people. */
export interface World {
  sim: RegionSim;
  ride: Ride;
  hotel: Point;
  venue: Point;
  /** When the event at the venue draws its crowd, ms; null while nobody has booked past it. */
  event: { start: number; end: number } | null;
}

/** Mean NR level to which the weak zones bring the road, and the E-UTRA level that remains there. */
const WEAK_NR_DBM = -113;
const WEAK_LTE_DBM = -88;
const TUNNEL_LOSS_DB = 65;

export function buildWorld(options: SimulationOptions, place: Place): World {
  const deployment = deploy(place);
  const { region } = deployment;
  const map = new RadioMap(options.seed, deployment);
  const ride = drawRide(options.seed, place.index, region.radiusM);
  map.zones.push(...terrainOf(map, ride));
  ride.road = cut(ride.road, lodging(map, ride));
  const venue = along(ride.road, (ride.jam.from + ride.jam.to) / 2);
  const people = populate(
    options.seed,
    place.index,
    region.radiusM,
    options.uesPerRegion ?? DEFAULT_UES,
    venue,
  );
  return {
    sim: new RegionSim(options.seed, deployment, map, people),
    ride,
    hotel: along(ride.road, ride.road.length),
    venue,
    event: null,
  };
}

const DEFAULT_UES = 200;

/** Where on the last bit of the road the hotel stands: nobody builds one in the worst reception. */
function lodging(map: RadioMap, ride: Ride): number {
  const { length } = ride.road;
  let best = length;
  let level = Number.NEGATIVE_INFINITY;
  for (let s = 0.94 * length; s <= length; s += 15) {
    const { nr } = map.measure(along(ride.road, s));
    const here = nr[strongest(nr)] as number;
    if (here > level) {
      level = here;
      best = s;
    }
  }
  return best;
}

function terrainOf(map: RadioMap, ride: Ride): Zone[] {
  return [
    shaded(map, ride, ride.weak, 'weak', true),
    shaded(map, ride, ride.dip, 'dip', false),
    {
      kind: 'tunnel',
      mapped: true,
      line: pointsOf(ride.road, ride.tunnel, 20),
      halfWidth: 12,
      taper: 8,
      lossNrDb: TUNNEL_LOSS_DB,
      lossLteDb: TUNNEL_LOSS_DB,
    },
  ];
}

/** A zone that takes the road down to the level of poor 5G and leaves 4G, which bends round obstacles. */
function shaded(map: RadioMap, ride: Ride, stretch: Stretch, kind: 'weak' | 'dip', mapped: boolean): Zone {
  const line = pointsOf(ride.road, stretch, 20);
  let nr = 0;
  let lte = 0;
  for (const p of line) {
    const sample = map.measure(p);
    nr += (sample.nr[strongest(sample.nr)] as number) / line.length;
    lte += (sample.lte[strongest(sample.lte)] as number) / line.length;
  }
  const lossNrDb = clamp(nr - WEAK_NR_DBM, 12, 60);
  return {
    kind,
    mapped,
    line,
    halfWidth: 60,
    taper: 25,
    lossNrDb,
    lossLteDb: clamp(lte - WEAK_LTE_DBM, 2, lossNrDb - 8),
  };
}
