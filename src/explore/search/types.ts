/** A point of the unit cube. */
export type Point = readonly number[];

/** Minimises a function that is asked from outside: `ask` a point, `tell` its value, again and again. */
export interface Search {
  ask(): Point;
  /** `x` need not have been asked for. */
  tell(x: Point, value: number): void;
}

/** The cube that is searched. */
export interface Cube {
  dimensions: number;
  /** Distance of neighbouring values in each dimension, 0 for a continuous one. */
  steps?: readonly number[];
}

/** The point of the cube that a search may ask for: inside, and on the steps. */
export function snap({ dimensions, steps }: Cube, x: Point): number[] {
  return Array.from({ length: dimensions }, (_, d) => {
    const inside = Math.max(0, Math.min(1, x[d] as number));
    const step = steps?.[d] ?? 0;
    // The last value of a range that is no multiple of its step is left out.
    return step > 0 ? Math.min(Math.round(inside / step), Math.floor(1 / step + 1e-9)) * step : inside;
  });
}
