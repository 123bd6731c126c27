/** A road: its points, and the distance of each from the start, m. */
export interface Polyline {
  points: ReadonlyArray<readonly [number, number]>;
  along: readonly number[];
}

export function polylineOf(points: ReadonlyArray<readonly [number, number]>): Polyline {
  const along = [0];
  for (let i = 1; i < points.length; i++) {
    const [ax, ay] = points[i - 1] as readonly [number, number];
    const [bx, by] = points[i] as readonly [number, number];
    along.push((along[i - 1] as number) + Math.hypot(bx - ax, by - ay));
  }
  return { points, along };
}

export const lengthOf = (line: Polyline): number => line.along.at(-1) as number;

/** The point `metres` from the start, held at the ends, and the direction there, clockwise from north. */
export function alongRoute(line: Polyline, metres: number): { x: number; y: number; bearingDeg: number } {
  const at = Math.max(0, Math.min(lengthOf(line), metres));
  let i = 0;
  while (i < line.points.length - 2 && (line.along[i + 1] as number) < at) i++;
  const [ax, ay] = line.points[i] as readonly [number, number];
  const [bx, by] = line.points[i + 1] as readonly [number, number];
  const from = line.along[i] as number;
  const span = (line.along[i + 1] as number) - from;
  const share = span > 0 ? (at - from) / span : 0;
  const bearing = (Math.atan2(bx - ax, by - ay) * 180) / Math.PI;
  return { x: ax + share * (bx - ax), y: ay + share * (by - ay), bearingDeg: (bearing + 360) % 360 };
}
