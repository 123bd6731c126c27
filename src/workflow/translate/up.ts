import type { WorkflowDocument } from '../dsl/types.ts';
import type { WorkflowError } from '../fault.ts';
import { FIGURES } from './figures.ts';
import { fitted, type Insight } from './insight.ts';

/** What was heard of a run; `Lifecycle` events of the engine fit, and those of a run of an agent. */
export interface RunEvent {
  type: string;
  at: number;
  pointer?: string;
  name?: string;
  text?: string;
}

/** A run as it ended. */
export interface RunRecord {
  id: string;
  document: Pick<WorkflowDocument, 'document'>;
  events: readonly RunEvent[];
  output?: unknown;
  fault?: WorkflowError | null;
  cancelled?: boolean;
  /** Tool calls that were made. */
  actions?: ReadonlyArray<{ tool: string; agent?: string; chain?: ReadonlyArray<{ status: number }> }>;
  scope?: { area?: string; cells?: readonly string[]; subscribers?: readonly string[] };
  /** Figures around the run, by name; those of a policy's report are taken from its output. */
  kpis?: { before: Record<string, number>; after: Record<string, number> };
  /** Which way a figure is good, beside those that are known. */
  better?: Record<string, 'higher' | 'lower'>;
}

/** How many of each are said at most. */
const MOST = { cells: 6, effect: 6, anomalies: 6, evidence: 8 };
/** Changes below this share count as none. */
const NOISE = 0.02;

interface Report {
  outcome?: string;
  before?: Record<string, number>;
  after?: Record<string, number>;
  missed: string[];
  done: string[];
  problems: Array<{ task: string; what: string }>;
}

/** Translates a run up: what happened, where, when, what it brought in figures, what was odd, and what to do next. */
export function translateUp(run: RunRecord): Insight {
  const report = reportOf(run.output);
  const effect = effectOf(run, report);
  const anomalies = anomaliesOf(run, report);
  const outcome = outcomeOf(run, report, effect);
  const { title, name, namespace } = run.document.document;
  const { area, cells = [], subscribers = [] } = run.scope ?? {};
  const times = run.events.map(({ at }) => at);
  return fitted({
    what: title ?? `${namespace}/${name}`,
    where: {
      ...(area !== undefined && { area }),
      ...(cells.length > 0 && { cells: cells.slice(0, MOST.cells), cellCount: cells.length }),
      ...(subscribers.length > 0 && { subscribers: subscribers.length }),
    },
    when: { start: least(times), end: most(times) },
    outcome,
    effect: effect.slice(0, MOST.effect),
    anomalies: anomalies.slice(0, MOST.anomalies),
    anomalyCount: anomalies.length,
    suggestions: suggestionsOf(outcome, report, run, anomalies),
    confidence: confidenceOf(run, report, effect, anomalies),
    evidence: [
      `run ${run.id}`,
      ...report.done.map((id) => `measure ${id}`),
      ...[...new Set((run.actions ?? []).map(({ tool }) => `tool ${tool}`))],
    ].slice(0, MOST.evidence),
  });
}

const least = (times: number[]) => times.reduce((a, b) => Math.min(a, b), times[0] ?? 0);
const most = (times: number[]) => times.reduce((a, b) => Math.max(a, b), times[0] ?? 0);
const isRecord = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
const numbers = (value: unknown): Record<string, number> | undefined => {
  if (!isRecord(value)) return undefined;
  const found = Object.entries(value).filter(([, one]) => typeof one === 'number' && Number.isFinite(one));
  return found.length === 0 ? undefined : (Object.fromEntries(found) as Record<string, number>);
};

/** What a policy's workflow says at its end; of other outputs, what fits. */
function reportOf(output: unknown): Report {
  const given = isRecord(output) ? output : {};
  const before = numbers(given.before);
  const after = numbers(given.after);
  return {
    ...(typeof given.outcome === 'string' && { outcome: given.outcome }),
    ...(before && { before }),
    ...(after && { after }),
    missed: texts(given.missed),
    done: texts(given.done),
    problems: (Array.isArray(given.problems) ? given.problems : [])
      .filter(isRecord)
      .map(({ task, what }) => ({ task: String(task ?? ''), what: String(what ?? '') })),
  };
}

function effectOf(run: RunRecord, report: Report): Insight['effect'] {
  const before = { ...report.before, ...run.kpis?.before };
  const after = { ...report.after, ...run.kpis?.after };
  return Object.entries(before)
    .filter(([kpi]) => Object.hasOwn(after, kpi))
    .map(([kpi, was]) => [kpi, rounded(was), rounded(after[kpi] as number)] as const)
    .map(([kpi, was, is]) => {
      const percent = Math.round((100 * (is - was)) / Math.abs(was));
      const way = own(run.better, kpi) ?? own(FIGURES, kpi)?.better;
      const moved = Math.abs(is - was) > NOISE * Math.abs(was);
      return {
        kpi,
        before: was,
        after: is,
        change: rounded(is - was),
        ...(Number.isFinite(percent) && { percent }),
        ...(way !== undefined && moved && { better: way === 'higher' ? is > was : is < was }),
      };
    })
    .filter(({ change }) => Number.isFinite(change))
    .sort((a, b) => Math.abs(b.percent ?? 0) - Math.abs(a.percent ?? 0));
}

/** Names come from outside: those of every object are none of them. */
const own = <T>(of: Readonly<Record<string, T>> | undefined, key: string): T | undefined =>
  of !== undefined && Object.hasOwn(of, key) ? of[key] : undefined;

/** Three significant digits say enough to plan with. */
const rounded = (value: number) => Number(value.toPrecision(3));

function anomaliesOf(run: RunRecord, report: Report): Insight['anomalies'] {
  const found = [...report.problems];
  if (run.fault) found.unshift({ task: run.fault.instance, what: run.fault.title });
  for (const { type, pointer = '', name, text = '' } of run.events) {
    if (type === 'task.exception') found.push({ task: pointer, what: text });
    if (type === 'task.faulted') found.push({ task: pointer, what: `${text || name || pointer} faulted` });
  }
  for (const { tool, chain = [] } of run.actions ?? []) {
    const failed = chain.find(({ status }) => status === 0 || status >= 400);
    if (failed)
      found.push({ task: tool, what: failed.status === 0 ? 'no answer' : `status ${failed.status}` });
  }
  // One place is one anomaly: what was said first says most.
  return found.filter(({ task }, at) => found.findIndex((one) => one.task === task) === at);
}

function outcomeOf(run: RunRecord, report: Report, effect: Insight['effect']): Insight['outcome'] {
  if (run.cancelled) return 'cancelled';
  if (run.fault) return 'failed';
  const { outcome } = report;
  if (outcome === 'rolledBack') return 'undone';
  if (outcome === 'fulfilled' || outcome === 'already-met' || outcome === 'undone' || outcome === 'unseen')
    return outcome;
  const worse = effect.filter(({ better }) => better === false).length;
  const better = effect.filter((one) => one.better === true).length;
  if (worse > better) return 'worse';
  if (better > worse || outcome === 'improved') return 'improved';
  if (effect.length === 0) return outcome === undefined ? 'unseen' : 'unchanged';
  return 'unchanged';
}

function suggestionsOf(
  outcome: Insight['outcome'],
  { missed, done }: Report,
  run: RunRecord,
  anomalies: Insight['anomalies'],
): string[] {
  const say: string[] = [];
  const last = done.at(-1);
  if (outcome === 'fulfilled' && last !== undefined) say.push(`Use ${last} first where this comes again.`);
  if (outcome === 'already-met') say.push('Nothing to do; look again later.');
  if (missed.length > 0 && outcome !== 'undone')
    say.push(`Still missed: ${missed.join(', ')}; plan another measure.`);
  if (outcome === 'undone') say.push('Do not repeat it unchanged: it was taken back.');
  if (outcome === 'worse') say.push('Take it back, or try it on fewer cells.');
  if (outcome === 'unseen') say.push('Read the figures before anything else is changed.');
  if (outcome === 'failed' && run.fault) {
    const { status } = run.fault;
    say.push(
      status === 408
        ? 'It took too long: give it more time, or less to do.'
        : status === 500 || status === 503
          ? 'Try again when the network function answers.'
          : `Plan without ${nameOf(run.fault.instance)}, or change its input.`,
    );
  }
  if (outcome === 'cancelled') say.push('Ask whether it is still wanted.');
  const undoFailed = anomalies.find(({ task }) => task.startsWith('undo of '));
  if (undoFailed !== undefined) say.unshift(`A human must look: the ${undoFailed.task} failed.`);
  return say;
}

/** Name of a task out of its pointer. */
const nameOf = (pointer: string) => pointer.split('/').at(-1) || 'it';

/**
 * How far the figures may be put down to the run: they were read before and after, they moved the same way, nothing else
 * was odd. What nobody measured says little.
 */
function confidenceOf(
  run: RunRecord,
  report: Report,
  effect: Insight['effect'],
  anomalies: Insight['anomalies'],
): number {
  if (run.fault || run.cancelled) return 0.9;
  if (effect.length === 0) return 0.2;
  const judged = effect.filter(({ better }) => better !== undefined);
  const agree =
    judged.length === 0
      ? 0.5
      : Math.abs(2 * judged.filter(({ better }) => better).length - judged.length) / judged.length;
  const acted = report.done.length > 0 || (run.actions ?? []).length > 0 ? 0.2 : 0;
  const value = 0.4 + 0.3 * agree + acted - 0.1 * Math.min(3, anomalies.length);
  return Math.round(100 * Math.min(0.95, Math.max(0.1, value))) / 100;
}
