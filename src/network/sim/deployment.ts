import type { Cell, Rat, Region } from '../model.ts';
import { type Carrier, LTE, NR } from '../radio/index.ts';
import type { Place } from './gazetteer.ts';
import { type Point, toGeo } from './geo.ts';

export const INTER_SITE_M = 700;
/** 19 sites: one in the middle and two rings. */
const RINGS = 2;
const AZIMUTHS = [30, 150, 270] as const;
export const HEIGHT_BS = 25;
export const HEIGHT_UT = 1.5;

export interface Deployment {
  place: Place;
  region: Region;
  sites: Point[];
  /** Sector `i` of both lists stands on site `floor(i / 3)` and looks the same way. */
  nr: Cell[];
  lte: Cell[];
}

/** Hexagonal grid of three-sector sites, each with an NR and an E-UTRA layer. */
export function deploy(place: Place): Deployment {
  const centre = { lat: place.lat, lon: place.lon };
  const region: Region = {
    id: place.id,
    name: place.name,
    centre,
    radiusM: Math.round(INTER_SITE_M * (RINGS + 0.7)),
    tac: hex(place.index, 6),
  };
  const sites = hexagon();
  const layer = (carrier: Carrier): Cell[] =>
    sites.flatMap((site, s) =>
      ([0, 1, 2] as const).map((sector) => ({
        id: cellId(carrier.rat, place.index, s, sector),
        rat: carrier.rat,
        regionId: place.id,
        siteId: `${place.id}-${String(s + 1).padStart(2, '0')}`,
        sector,
        position: toGeo(centre, site),
        azimuthDeg: AZIMUTHS[sector],
        carrierGHz: carrier.fcGHz,
        bandwidthMHz: carrier.bandwidthMHz,
        prbTotal: carrier.prbTotal,
        txPowerDbm: carrier.txPowerDbm,
      })),
    );
  return { place, region, sites, nr: layer(NR), lte: layer(LTE) };
}

function hexagon(): Point[] {
  const sites: Point[] = [];
  for (let q = -RINGS; q <= RINGS; q++) {
    for (let r = Math.max(-RINGS, -q - RINGS); r <= Math.min(RINGS, -q + RINGS); r++) {
      sites.push({ x: INTER_SITE_M * (q + r / 2), y: INTER_SITE_M * r * (Math.sqrt(3) / 2) });
    }
  }
  return sites.sort((a, b) => Math.hypot(a.x, a.y) - Math.hypot(b.x, b.y) || a.x - b.x || a.y - b.y);
}

/** NrCellId: 36 bits, 24 of them the gNB (TS 38.413 9.3.1.7); E-UTRA: 28 bits, 20 of them the eNB. */
function cellId(rat: Rat, region: number, site: number, sector: number): string {
  if (rat === 'NR') return hex(region, 3) + hex(site + 1, 3) + hex(sector + 1, 3);
  return hex(region, 2) + hex(site + 1, 3) + hex(sector + 1, 2);
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0');
