import { createGrid, hexagonLayout, type Layout, type Profile } from '../grid/index.ts';
import { SCENARIOS } from '../grid/lookup.ts';
import { probit } from '../grid/random.ts';
import { losProbability, SHADOWING } from '../radio/index.ts';
import { type Check, judge, rounded } from './check.ts';

const QUIET: Profile = { name: 'quiet', share: 1, onS: 1e9, offS: 0, dlMbps: 0.1, ulMbps: 0.1 };
const WALKERS = 400;
const SPEED = 5;
const TICKS = 60;

/**
 * Shadowing as the engine draws it while UEs move: standard deviation of a link's variate, and its
 * correlation over `SPEED` metres, by scenario, of links with and without line of sight.
 */
export function shadowing(seed: number): Check[] {
  return SCENARIOS.slice(0, 3).flatMap((scenario) => {
    const layout: Layout = hexagonLayout({ cells: 21, isdM: 400, scenario, streetM: 5000 });
    const grid = createGrid(layout, {
      seed,
      ues: WALKERS,
      population: { indoor: 0, pedestrians: 0, vehicleMps: [SPEED, SPEED], profiles: [QUIET] },
    });
    grid.tick(2);
    const { ues, plan } = grid.columns;
    const { candidates } = plan;
    let count = 0;
    let sum = 0;
    let squares = 0;
    const pairs = { los: { product: 0, square: 0 }, nlos: { product: 0, square: 0 } };
    const before = new Float32Array(ues.shadow.length);
    const square = new Int32Array(WALKERS);
    for (let t = 0; t < TICKS; t++) {
      before.set(ues.shadow);
      square.set(ues.square);
      grid.tick();
      for (let u = 0; u < WALKERS; u++) {
        // A walker that entered another square has other links in its row.
        const same = ues.square[u] === square[u];
        for (let k = 0; k < candidates; k++) {
          const at = u * candidates + k;
          const now = ues.shadow[at] as number;
          count++;
          sum += now;
          squares += now * now;
          if (!same) continue;
          const site = plan.near[(ues.square[u] as number) * candidates + k] as number;
          const d2D = Math.hypot(
            (ues.x[u] as number) - (plan.siteX[site] as number),
            (ues.y[u] as number) - (plan.siteY[site] as number),
          );
          const sight = probit(Math.min(1 - 1e-7, Math.max(1e-7, losProbability(scenario, d2D))));
          const of = (ues.sight[at] as number) < sight ? pairs.los : pairs.nlos;
          of.product += now * (before[at] as number);
          of.square += (before[at] as number) ** 2;
        }
      }
    }
    const mean = sum / count;
    const deviation = Math.sqrt(squares / count - mean * mean);
    const { sigmaLos, sigmaNlos, dcorLos, dcorNlos } = SHADOWING[scenario];
    return [
      ['LOS', sigmaLos, dcorLos, pairs.los] as const,
      ['NLOS', sigmaNlos, dcorNlos, pairs.nlos] as const,
    ].flatMap(([kind, sigma, distance, of]) => {
      const gotSigma = deviation * sigma;
      const gotDistance = -SPEED / Math.log(of.product / of.square);
      return [
        judge(
          'shadowing',
          `${scenario} ${kind} standard deviation`,
          `${rounded(gotSigma)} dB`,
          `${sigma} dB ± 3 %`,
          Math.abs(gotSigma / sigma - 1) <= 0.03,
        ),
        judge(
          'shadowing',
          `${scenario} ${kind} correlation distance`,
          `${rounded(gotDistance)} m`,
          `${distance} m ± 15 %`,
          Math.abs(gotDistance / distance - 1) <= 0.15,
        ),
      ];
    });
  });
}
