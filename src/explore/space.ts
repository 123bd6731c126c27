import type { Cube, Point } from './search/index.ts';
import type { Bounds, Parameters } from './types.ts';

/** Between named parameters and points of the unit cube. */
export interface Space extends Cube {
  names: readonly string[];
  decode(x: Point): Parameters;
  /** Null where a parameter of the space is missing. */
  encode(parameters: Parameters): number[] | null;
}

export function spaceOf(bounds: Bounds): Space {
  const entries = Object.entries(bounds).filter(([, { min, max }]) => max > min);
  const fixed = Object.fromEntries(
    Object.entries(bounds).flatMap(([name, { min, max }]) => (max > min ? [] : [[name, min]])),
  );
  return {
    names: entries.map(([name]) => name),
    dimensions: entries.length,
    steps: entries.map(([, { min, max, step }]) => (step === undefined ? 0 : step / (max - min))),
    decode: (x) => ({
      ...fixed,
      ...Object.fromEntries(
        entries.map(([name, { min, max, step }], d) => {
          const value = min + (max - min) * (x[d] as number);
          // Steps of a tenth are not exact in binary.
          return [name, step === undefined ? value : Number(value.toPrecision(12))];
        }),
      ),
    }),
    encode(parameters) {
      const x = entries.map(([name, { min, max }]) => ((parameters[name] ?? Number.NaN) - min) / (max - min));
      return x.every(Number.isFinite) ? x : null;
    },
  };
}
