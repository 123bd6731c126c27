import type { Action, Evaluation, Experience, Intent, Outcome, Plan, Trip } from '../../src/index.ts';
import type { WatchState } from './decide.ts';

/** Tools that only read while monitoring: counted, not listed one by one. */
const READINGS = new Set([
  'ran_read_ue_radio',
  'ran_collect_cell_kpis',
  'core_read_flow_usage',
  'core_read_qos_session',
]);

export interface Reviewed {
  summary: string;
  learned: Experience[];
  prepared: Array<{ id: string; problem?: unknown }>;
  state: WatchState | null;
}

/** Puts together what the requester gets: what was understood, planned, done, reached and learnt. */
export function outcomeOf(parts: {
  intent: Intent;
  plan: Plan;
  trip: Trip;
  actions: Action[];
  reviewed: Reviewed;
  evaluation: Evaluation | undefined;
}): Outcome {
  const { intent, plan, trip, actions, reviewed, evaluation } = parts;
  const failed = new Set(
    reviewed.prepared.filter(({ problem }) => problem !== undefined).map(({ id }) => id),
  );
  return {
    intent,
    plan: {
      template: plan.template,
      segments: trip.segments.map(({ kind, from, to, start, end }) => ({
        kind,
        from,
        to,
        start: iso(start),
        end: iso(end),
      })),
      risks: plan.risks.map((risk) => ({
        kind: risk.kind,
        where: risk.detail,
        start: iso(risk.start),
        end: iso(risk.end),
        source: risk.source,
        confidence: round(risk.confidence),
      })),
      steps: plan.steps.map(({ id, domain, skill, because }) => ({
        id,
        domain,
        skill,
        because,
        state: failed.has(id) ? ('failed' as const) : ('done' as const),
      })),
      lessons: plan.lessons.map(({ text, change }) => ({ text, change })),
    },
    measures: (reviewed.state?.exceptions ?? []).map(({ t, measure, reason }) => ({
      at: iso(t),
      measure,
      reason,
    })),
    actions: actions.filter(({ tool }) => !READINGS.has(tool)),
    readings: actions.filter(({ tool }) => READINGS.has(tool)).length,
    ...(evaluation === undefined ? {} : qualityOf(evaluation)),
    knowledge: {
      applied: plan.lessons.map(({ experienceId }) => experienceId),
      learned: reviewed.learned.map(({ id }) => id),
      summary: reviewed.summary,
    },
  };
}

function qualityOf({ service, targets, assured, unassured, harm }: Evaluation) {
  return { quality: { service, targets, assured, unassured }, harm };
}

export function iso(t: number): string {
  return new Date(t).toISOString();
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
