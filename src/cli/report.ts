import type { Action } from '../runtime/agents/api.ts';
import type { Outcome, Quality } from '../runtime/outcome.ts';
import { table } from './table.ts';

/** The outcome as a person reads it at the terminal. */
export function report(outcome: Outcome, timeZone: string): string {
  const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone });
  const parts = [
    'Plan',
    table(
      ['step', 'agent', 'what', 'why'],
      outcome.plan.steps.map((step) => [
        step.state === 'done' ? 'done' : 'FAILED',
        step.domain,
        step.skill,
        step.because,
      ]),
    ),
  ];
  if (outcome.plan.lessons.length > 0) {
    parts.push('', 'Learnt from earlier trips');
    parts.push(
      table(
        ['lesson', 'so the plan'],
        outcome.plan.lessons.map(({ text, change }) => [text, change]),
      ),
    );
  }
  parts.push('', 'Done in the network');
  parts.push(
    table(
      ['calls', 'agent', 'tool', 'network functions'],
      tally(outcome.actions).map(({ count, action }) => [
        String(count),
        action.agent,
        action.tool,
        [...new Set(action.chain.map(({ nf, operation }) => `${nf} ${operation}`))].join(', '),
      ]),
      110,
    ),
  );
  if (outcome.measures.length > 0) {
    parts.push('', 'Measures on the way');
    parts.push(
      table(
        ['time', 'measure', 'because'],
        outcome.measures.map(({ at, measure, reason }) => [clock.format(Date.parse(at)), measure, reason]),
      ),
    );
  }
  if (outcome.quality) parts.push('', qualityTable(outcome.quality, outcome.harm ?? {}));
  parts.push('', outcome.knowledge.summary);
  return parts.join('\n');
}

function qualityTable(quality: NonNullable<Outcome['quality']>, harm: Record<string, number>): string {
  const targets = Object.entries(quality.targets)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
  const rows = LABELS.map(([name, label]) => [
    label,
    figure(name, quality.assured[name]),
    figure(name, quality.unassured[name]),
  ]);
  const change = harm.othersMedianRateChange;
  return [
    `Quality of the ${quality.service} (targets a second: ${targets})`,
    table(['', 'with assurance', 'without'], rows),
    ...(change === undefined
      ? []
      : ['', `What it cost the others: their median rate changed by ${percent(change, 2)}.`]),
  ].join('\n');
}

const LABELS: Array<[Exclude<keyof Quality, 'service'>, string]> = [
  ['seconds', 'seconds of service'],
  ['secondsMet', 'seconds with all targets met'],
  ['freezes', 'freezes'],
  ['freezeSeconds', 'seconds frozen'],
  ['mos', 'estimated MOS (1 to 5)'],
  ['medianDlMbps', 'median downlink, Mbit/s'],
  ['p5DlMbps', 'worst 5 % downlink, Mbit/s'],
  ['medianUlMbps', 'median uplink, Mbit/s'],
  ['p95DelayMs', '95 % of delays below, ms'],
];

function figure(name: string, value: number): string {
  if (name === 'secondsMet') return percent(value, 1, false);
  return Number.isInteger(value) ? String(value) : value.toFixed(name === 'p95DelayMs' ? 0 : 2);
}

function percent(value: number, digits: number, sign = true): string {
  return `${sign && value > 0 ? '+' : ''}${(value * 100).toFixed(digits)} %`;
}

function tally(actions: Action[]): Array<{ count: number; action: Action }> {
  const byTool = new Map<string, { count: number; action: Action }>();
  for (const action of actions) {
    const key = `${action.agent} ${action.tool}`;
    const entry = byTool.get(key);
    if (entry) entry.count += 1;
    else byTool.set(key, { count: 1, action });
  }
  return [...byTool.values()];
}
