import {
  type AgentServices,
  buildQualityMap,
  CALL_KEY,
  defineAgent,
  type Intent,
  intentEffects,
  type Journey,
  makePlan,
  type Outcome,
  type Plan,
  reviewTrip,
  type TaskControl,
  type TaskRequest,
  type Trip,
  understand,
} from '../../src/index.ts';
import { type Decision, decide, type Look, START, type WatchState } from './decide.ts';
import { iso, outcomeOf, type Reviewed } from './outcome.ts';
import { Reservations } from './reservations.ts';
import { evaluationInput, lookInput, missedInput, reviewInput } from './schemas.ts';
import { clockOf, describe } from './words.ts';

const TEMPLATE = 'travel-assurance';

/** What `understand` finds and `assure` works on. */
interface Understood {
  intent: Intent;
  journey: Journey;
}

export default defineAgent((services) => {
  /** What each task has taken of the network, until it is released. */
  const held = new Map<string, Reservations>();
  return intentEffects<Understood, Outcome>({
    async understand(request) {
      if (request.text === '') return { kind: 'refused', text: 'Say in words what you need of the network.' };
      const understood = understand(request.text, {
        now: services.time.now(),
        timeZone: services.subscriber.timeZone,
        conversation: request.history,
      });
      if (understood.kind === 'refused') {
        const { code, reason } = understood;
        return { kind: 'refused', text: reason, data: { code, reason } };
      }
      if (understood.kind === 'incomplete') {
        const { missing } = understood;
        const text = missing.map(({ question, why }) => `${question} (${why})`).join('\n');
        return { kind: 'incomplete', text, data: { missing } };
      }
      return { kind: 'understood', intent: { intent: understood.intent, journey: understood.journey } };
    },
    async assure({ request, intent: understood }, control) {
      control.status(describe(understood.journey, clockOf(services.subscriber.timeZone)), {
        phase: 'intent',
        intent: understood.intent,
      });
      const reservations = new Reservations(services);
      held.set(request.taskId, reservations);
      return assure(services, request, control, understood, reservations);
    },
    async report({ outcome }, control) {
      const text = outcome.knowledge.summary;
      control.artifact({ name: 'outcome', text, data: outcome });
      return { state: 'completed', text };
    },
    async release({ request }) {
      const reservations = held.get(request.taskId);
      held.delete(request.taskId);
      await reservations?.release();
    },
  });
});

/** Runs the workflow of the plan to its end. */
async function assure(
  services: AgentServices,
  request: TaskRequest,
  control: TaskControl,
  { intent, journey }: Understood,
  reservations: Reservations,
): Promise<Outcome> {
  const { supi } = services.subscriber;
  const made: { plan?: Plan; trip?: Trip; reviewed?: Reviewed } = {};
  const parentCall = request.metadata[CALL_KEY];
  const { actions } = await services.runWorkflow(
    TEMPLATE,
    { supi, intent, journey, trip: tripRequest(supi, request.taskId, journey) },
    {
      signal: control.signal,
      ...(typeof parentCall === 'string' ? { parentCall } : {}),
      onAnswer: (call, output) => reservations.note(call, output),
      functions: {
        plan: async (input) => {
          const evaluated = evaluate(services, control, { intent, journey }, input);
          Object.assign(made, evaluated);
          return evaluated;
        },
        decide: async (input) => watch(services, control, input),
        missed: async (input) => missed(control, services, input),
        review: async (input) => {
          made.reviewed = review(services, control, supi, input);
          return { summary: made.reviewed.summary };
        },
      },
    },
  );
  const { plan, trip, reviewed } = made;
  if (plan === undefined || trip === undefined || reviewed === undefined) {
    throw new Error('The workflow ended before its review.');
  }
  return outcomeOf({ intent, plan, trip, actions, reviewed, evaluation: services.evaluation?.(supi) });
}

function evaluate(
  services: AgentServices,
  control: TaskControl,
  { intent, journey }: Understood,
  input: Record<string, unknown>,
) {
  const { trip, coverage, demand } = evaluationInput.parse(input);
  const qualityMap = buildQualityMap({ trip, coverage, load: demand.congestion, service: trip.service });
  const experience = services.knowledge.experienceFor({ region: regionOf(trip) });
  const plan = makePlan({ intent, journey, trip, qualityMap, experience });
  for (const lesson of plan.lessons) {
    control.status(`Learnt earlier: ${lesson.text} ${lesson.change}`, { phase: 'lesson', ...lesson });
  }
  const clock = clockOf(services.subscriber.timeZone);
  for (const risk of plan.risks) {
    control.status(`Risk on the way: ${risk.detail} (${clock.window(risk)}).`, {
      phase: 'evaluated',
      kind: risk.kind,
      start: iso(risk.start),
      end: iso(risk.end),
      source: risk.source,
    });
  }
  control.status(`Plan of ${plan.steps.length} steps: ${plan.steps.map(({ skill }) => skill).join(', ')}.`, {
    phase: 'planned',
  });
  const { start, end, periodS } = plan.monitoring;
  const looks = Math.ceil((end - start) / 1000 / periodS);
  return { plan, trip, period: `PT${periodS}S`, ticks: Array.from({ length: looks }, (_, index) => index) };
}

function watch(services: AgentServices, control: TaskControl, input: Record<string, unknown>): Decision {
  const { plan, sessionId, state, radio, qos } = lookInput.parse(input);
  const look: Look = {
    supi: services.subscriber.supi,
    plan: plan as Plan,
    sessionId,
    state: state as WatchState | null,
    radio,
    guaranteed: qos.guaranteed,
  };
  const decision = decide(look);
  if (decision.measure !== 'none') {
    const at = clockOf(services.subscriber.timeZone).time(radio.t);
    control.status(`${at} ${decision.measure}: ${decision.reason}`, {
      phase: 'measure',
      at: iso(radio.t),
      measure: decision.measure,
      reason: decision.reason,
    });
  }
  return decision;
}

function missed(control: TaskControl, services: AgentServices, input: Record<string, unknown>) {
  const { state, problem } = missedInput.parse(input);
  const before = (state as WatchState | null) ?? START;
  const reason = `a look or a measure failed: ${problem.title ?? problem.detail ?? 'unknown'}`;
  control.status(reason, { phase: 'missed' });
  const t = services.time.now();
  return {
    state: {
      ...before,
      missed: before.missed + 1,
      exceptions: [
        ...before.exceptions,
        { t, kind: 'outage', measure: 'missed', reason, cellId: null, place: null, foreseen: false },
      ],
    },
  };
}

function review(
  services: AgentServices,
  control: TaskControl,
  supi: string,
  input: Record<string, unknown>,
): Reviewed {
  const { plan, trip, state, prepared } = reviewInput.parse(input);
  const watched = state as WatchState | null;
  const quality = services.evaluation?.(supi)?.assured;
  const { summary, experiences } = reviewTrip({
    plan: plan as Plan,
    region: regionOf(trip),
    exceptions: watched?.exceptions ?? [],
    ...(quality === undefined ? {} : { quality }),
  });
  for (const experience of experiences) services.knowledge.learn(experience);
  control.status(summary, { phase: 'review', learned: experiences.length });
  return { summary, learned: experiences, prepared, state: watched };
}

/** The service is used where the trip ends. */
function regionOf(trip: Trip): string {
  return trip.segments.at(-1)?.regionId ?? '';
}

function tripRequest(supi: string, taskId: string, journey: Journey) {
  const { mode, destination, departure, service } = journey;
  return {
    tripId: `trip-${taskId}`,
    supi,
    mode,
    /** Null where no place was said: the workflow puts in where the subscriber is. */
    destination: destination?.slug ?? null,
    departure,
    service: {
      name: service.name,
      dlMbps: service.dlMbps,
      ulMbps: service.ulMbps,
      maxDelayMs: service.maxDelayMs,
      window: service.window,
    },
  };
}
