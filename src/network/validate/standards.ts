import { HEIGHT_BS } from '../grid/lookup.ts';
import {
  MCS_TABLES,
  pathLoss,
  peakRateMbps,
  type Scenario,
  TABLE_64QAM,
  TABLE_256QAM,
  transportBlockSize,
} from '../radio/index.ts';
import { type Check, judge, rounded, skipped } from './check.ts';
import { GOLDEN_CQI, GOLDEN_DISTANCES, GOLDEN_MCS, GOLDEN_PATH_LOSS, GOLDEN_TBS } from './golden.ts';

const LOSS_GOAL = '<= 0.001 dB';

/** Path loss against the built-in points. */
export function goldenPathLoss(): Check {
  let worst = 0;
  let points = 0;
  for (const [fcGHz, scenario, los, values] of GOLDEN_PATH_LOSS) {
    values.forEach((value, i) => {
      const got = pathLoss(scenario, los, {
        d2D: GOLDEN_DISTANCES[i] as number,
        fcGHz,
        hBS: HEIGHT_BS[scenario],
        hUT: 1.5,
      });
      worst = Math.max(worst, Math.abs(got - value));
      points++;
    });
  }
  return judge(
    'path loss',
    `largest error, ${points} built-in points`,
    `${rounded(worst)} dB`,
    LOSS_GOAL,
    worst <= 1e-3,
  );
}

/** Path loss against a file of points of an independent simulator. */
export function oraclePathLoss(csv: string | undefined): Check {
  if (csv === undefined) {
    return skipped('path loss', 'largest error, oracle points', LOSS_GOAL, 'no tr38901-pathloss-oracle.csv');
  }
  const [, ...lines] = csv.trim().split(/\r?\n/);
  let worst = 0;
  let where = '';
  for (const line of lines) {
    const [scenario = '', hz, hBS, hUT, d2D, condition, loss] = line.split(',');
    const got = pathLoss(scenario as Scenario, condition === 'LOS', {
      d2D: Number(d2D),
      fcGHz: Number(hz) / 1e9,
      hBS: Number(hBS),
      hUT: Number(hUT),
    });
    const error = Math.abs(got - Number(loss));
    if (error > worst || Number.isNaN(error)) {
      worst = error;
      where = line;
    }
  }
  const name = `largest error, ${lines.length} oracle points`;
  return judge('path loss', name, `${rounded(worst)} dB`, LOSS_GOAL, worst <= 1e-3, `worst at ${where}`);
}

/** CQI, MCS and transport-block tables, entry by entry. */
export function linkTables(): Check[] {
  const checks: Check[] = [];
  const exact = (name: string, wrong: string[], of: number) =>
    checks.push(
      judge(
        'link adaptation',
        name,
        `${of - wrong.length} of ${of} exact`,
        'all exact',
        wrong.length === 0,
        `differs: ${wrong.join(', ')}`,
      ),
    );
  for (const [name, table] of [
    ['64QAM', TABLE_64QAM],
    ['256QAM', TABLE_256QAM],
  ] as const) {
    const wrong = GOLDEN_CQI[name].flatMap(([qm, rate], i) =>
      Math.abs((table.efficiency[i + 1] as number) - (qm * rate) / 1024) < 5.1e-5 ? [] : [`CQI ${i + 1}`],
    );
    exact(`CQI table ${name === '64QAM' ? '5.2.2.1-2' : '5.2.2.1-3'}`, wrong, 15);
  }
  for (const table of [1, 2, 3] as const) {
    const rows = GOLDEN_MCS[table].flatMap(([qm, rates]) =>
      rates.split(' ').map((rate) => ({ qm, rate: Number(rate) })),
    );
    const ours = MCS_TABLES[table];
    const wrong = rows.flatMap((row, i) =>
      ours[i]?.qm === row.qm && ours[i]?.rate === row.rate ? [] : [`MCS ${i}`],
    );
    if (ours.length !== rows.length) wrong.push(`${ours.length} rows instead of ${rows.length}`);
    exact(`MCS table 5.1.3.1-${table}`, wrong, rows.length);
  }
  const wrong = GOLDEN_TBS.flatMap(([table, mcs, prbs, layers, bits]) => {
    const got = transportBlockSize({ table, mcs, prbs, layers });
    return got === bits
      ? []
      : [`table ${table} MCS ${mcs}, ${prbs} PRB, ${layers} layers: ${got} not ${bits}`];
  });
  exact('transport block sizes, 5.1.3.2', wrong, GOLDEN_TBS.length);
  return checks;
}

/** TS 38.306 4.1.2. */
export function peakRate(): Check {
  const got = Math.round(peakRateMbps(4, 8, 273, 1));
  return judge(
    'link adaptation',
    '38.306 peak, 273 PRB, 4 layers, 256QAM',
    `${got} Mbit/s`,
    '2337 Mbit/s',
    got === 2337,
  );
}
