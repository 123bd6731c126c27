import {
  type AgentServices,
  buildQualityMap,
  defineAgent,
  type Intent,
  type Journey,
  makePlan,
  type Plan,
  reviewTrip,
  type TaskControl,
  type TaskRequest,
  type TaskResult,
  type Trip,
  understand,
} from '../../src/index.ts';
import { type Decision, decide, type Look, START, type WatchState } from './decide.ts';
import { iso, outcomeOf, type Reviewed } from './outcome.ts';
import { Reservations } from './reservations.ts';
import { evaluationInput, lookInput, missedInput, reviewInput } from './schemas.ts';

const TEMPLATE = 'travel-assurance';
/** The service is watched from this long before it starts, ms. */
const CALL_KEY = 'netagent/call';

export default defineAgent((services) => ({
  async perform(request, control) {
    if (request.text === '') {
      return { state: 'rejected', text: 'Say in words what you need of the network.' };
    }
    const understood = understand(request.text, {
      now: services.time.now(),
      timeZone: services.subscriber.timeZone,
      conversation: request.history,
    });
    if (understood.kind === 'refused') {
      return {
        state: 'rejected',
        text: understood.reason,
        data: { code: understood.code, reason: understood.reason },
      };
    }
    if (understood.kind === 'incomplete') {
      return {
        state: 'input-required',
        text: understood.missing.map(({ question, why }) => `${question} (${why})`).join('\n'),
        data: { missing: understood.missing },
      };
    }
    const { intent, journey } = understood;
    control.status(describe(journey), { phase: 'intent', intent });
    return assure(services, request, control, intent, journey);
  },
}));

/** Runs the workflow of the plan to its end; whatever happens, nothing stays reserved. */
async function assure(
  services: AgentServices,
  request: TaskRequest,
  control: TaskControl,
  intent: Intent,
  journey: Journey,
): Promise<TaskResult> {
  const { supi } = services.subscriber;
  const reservations = new Reservations(services, supi);
  const made: { plan?: Plan; trip?: Trip; reviewed?: Reviewed } = {};
  const parentCall = request.metadata[CALL_KEY];
  try {
    const { actions } = await services.runWorkflow(
      TEMPLATE,
      { supi, intent, journey, trip: tripRequest(supi, request.taskId, journey) },
      {
        signal: control.signal,
        ...(typeof parentCall === 'string' ? { parentCall } : {}),
        onAnswer: (call, output) => reservations.note(call, output),
        functions: {
          plan: async (input) => {
            const evaluated = evaluate(services, control, intent, journey, input);
            Object.assign(made, evaluated);
            return evaluated;
          },
          decide: async (input) => watch(control, supi, input),
          missed: async (input) => missed(control, services, input),
          review: async (input) => {
            made.reviewed = review(services, control, input, journey);
            return { summary: made.reviewed.summary };
          },
        },
      },
    );
    const { plan, trip, reviewed } = made;
    if (plan === undefined || trip === undefined || reviewed === undefined) {
      return { state: 'failed', text: 'The workflow ended before its review.' };
    }
    const evaluation = services.evaluation?.(supi);
    const outcome = outcomeOf({ intent, plan, trip, actions, reviewed, evaluation });
    control.artifact({ name: 'outcome', text: reviewed.summary, data: outcome });
    return { state: 'completed', text: reviewed.summary };
  } finally {
    await reservations.release();
  }
}

function evaluate(
  services: AgentServices,
  control: TaskControl,
  intent: Intent,
  journey: Journey,
  input: Record<string, unknown>,
) {
  const { trip, coverage, demand } = evaluationInput.parse(input);
  const service = { ...journey.service, start: trip.service.start, end: trip.service.end };
  const qualityMap = buildQualityMap({ trip, coverage, load: demand.congestion, service });
  const region = trip.segments.at(-1)?.regionId ?? '';
  const experience = services.knowledge.experienceFor({ region });
  const plan = makePlan({ intent, journey, trip, qualityMap, experience });
  for (const lesson of plan.lessons) {
    control.status(`Learnt earlier: ${lesson.text} ${lesson.change}`, { phase: 'lesson', ...lesson });
  }
  for (const risk of plan.risks) {
    control.status(`Risk on the way: ${risk.detail}`, {
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

function watch(control: TaskControl, supi: string, input: Record<string, unknown>): Decision {
  const { plan, sessionId, state, radio, qos } = lookInput.parse(input);
  const look: Look = {
    supi,
    plan: plan as Plan,
    sessionId,
    state: state as WatchState | null,
    radio,
    guaranteed: qos.guaranteed,
  };
  const decision = decide(look);
  if (decision.measure !== 'none') {
    control.status(`${iso(radio.t).slice(11, 19)} ${decision.measure}: ${decision.reason}`, {
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
  input: Record<string, unknown>,
  journey: Journey,
): Reviewed {
  const { plan, trip, state, prepared } = reviewInput.parse(input);
  const watched = state as WatchState | null;
  const region = trip.segments.at(-1)?.regionId ?? '';
  const { summary, experiences } = reviewTrip({
    plan: plan as Plan,
    trip,
    region,
    journey,
    exceptions: watched?.exceptions ?? [],
  });
  for (const experience of experiences) services.knowledge.learn(experience);
  control.status(summary, { phase: 'review', learned: experiences.length });
  return { summary, learned: experiences, prepared, state: watched };
}

function tripRequest(supi: string, taskId: string, journey: Journey) {
  const { mode, destination, departure, service } = journey;
  return {
    tripId: `trip-${taskId}`,
    supi,
    mode,
    destination: destination?.slug ?? 'home',
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

function describe({ mode, destination, departure, service }: Journey): string {
  const where = destination === undefined ? '' : ` to ${destination.name}`;
  return (
    `Understood: ${mode}${where} between ${iso(departure.start)} and ${iso(departure.end)}; ` +
    `${service.name} between ${iso(service.window.start)} and ${iso(service.window.end)} with ` +
    `${service.dlMbps} Mbit/s down, ${service.ulMbps} up, delay up to ${service.maxDelayMs} ms.`
  );
}
