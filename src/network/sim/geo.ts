import type { GeoPoint } from '../model.ts';

/** Metres east and north of a region's centre. */
export interface Point {
  x: number;
  y: number;
}

const METRES_PER_DEGREE = 111_320;
const EARTH_M = 6_371_000;
const rad = Math.PI / 180;

/** Equirectangular about `centre`: exact enough for some kilometres. */
export function toLocal(centre: GeoPoint, p: GeoPoint): Point {
  return {
    x: (p.lon - centre.lon) * METRES_PER_DEGREE * Math.cos(centre.lat * rad),
    y: (p.lat - centre.lat) * METRES_PER_DEGREE,
  };
}

export function toGeo(centre: GeoPoint, p: Point): GeoPoint {
  const round = (degrees: number) => Math.round(degrees * 1e7) / 1e7;
  return {
    lat: round(centre.lat + p.y / METRES_PER_DEGREE),
    lon: round(centre.lon + p.x / (METRES_PER_DEGREE * Math.cos(centre.lat * rad))),
  };
}

/** Great-circle distance in m. */
export function distance(a: GeoPoint, b: GeoPoint): number {
  const dLat = (b.lat - a.lat) * rad;
  const dLon = (b.lon - a.lon) * rad;
  const h = Math.sin(dLat / 2) ** 2 + Math.cos(a.lat * rad) * Math.cos(b.lat * rad) * Math.sin(dLon / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

export const between = (a: number, b: number, share: number): number => a + (b - a) * share;
export const clamp = (value: number, low: number, high: number): number =>
  Math.max(low, Math.min(high, value));
