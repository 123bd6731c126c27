import type { Rat } from '../model.ts';
import type { Point } from './geo.ts';

/** A strip of land in which signals are weaker than path loss alone says. */
export interface Zone {
  kind: 'weak' | 'dip' | 'tunnel';
  /** On the operator's maps; the forecast sees these only. */
  mapped: boolean;
  line: Point[];
  /** Full loss within, none beyond `halfWidth + taper`. */
  halfWidth: number;
  taper: number;
  lossNrDb: number;
  lossLteDb: number;
}

/** Loss of all zones at a point in dB; with `mappedOnly` what planning data says. */
export function zoneLoss(zones: readonly Zone[], p: Point, rat: Rat, mappedOnly: boolean): number {
  let loss = 0;
  for (const zone of zones) {
    if (mappedOnly && !zone.mapped) continue;
    const full = rat === 'NR' ? zone.lossNrDb : zone.lossLteDb;
    const away = distanceToLine(zone.line, p) - zone.halfWidth;
    if (away >= zone.taper) continue;
    loss += away <= 0 ? full : full * (1 - away / zone.taper);
  }
  return loss;
}

function distanceToLine(line: readonly Point[], p: Point): number {
  let best = Number.POSITIVE_INFINITY;
  for (let i = 1; i < line.length; i++) {
    const a = line[i - 1] as Point;
    const b = line[i] as Point;
    const dx = b.x - a.x;
    const dy = b.y - a.y;
    const span = dx * dx + dy * dy;
    const t = span > 0 ? Math.max(0, Math.min(1, ((p.x - a.x) * dx + (p.y - a.y) * dy) / span)) : 0;
    best = Math.min(best, Math.hypot(p.x - a.x - t * dx, p.y - a.y - t * dy));
  }
  return best;
}
