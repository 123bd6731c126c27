import {
  type AnyActorRef,
  type AnyStateMachine,
  type AnyTransitionDefinition,
  createActor,
  type EventObject,
  fromPromise,
  getNextTransitions,
  type InspectionEvent,
} from 'xstate';
import { getAdjacencyMap } from 'xstate/graph';
import { edgeId, walk } from '../../machines/walk.ts';

/** What the model is given to enumerate. Guards see only these payloads. */
export interface ModelOptions {
  input: unknown;
  /** Events from outside: one that is accepted, and one for each guard's other branch. */
  events: EventObject[];
  /** By the id of an invoke: how its effect may end. */
  effects: Record<string, { outputs?: unknown[]; errors?: unknown[] }>;
  /** Context keys that only count and so do not make a state another one; `ignored` always is. */
  counters?: string[];
  /** The machine that says what is right; the one that runs, if not given. */
  model?: AnyStateMachine;
  /** Bounds of a context that would grow for ever: what is outside is reached, but not left. */
  within?: (context: Record<string, unknown>) => boolean;
  /** Bound of the enumeration. */
  limit?: number;
}

export interface ModelStep {
  event: EventObject;
  /** State value and context after the event. */
  value: unknown;
  context: Record<string, unknown>;
}

export interface ModelReport {
  paths: number;
  steps: number;
  /** Edges of the chart that no path took. */
  uncovered: string[];
  /** Names of the host's actions that were called, with how often. */
  actions: Record<string, number>;
}

interface AnySnapshot {
  value: unknown;
  context: Record<string, unknown>;
  status: string;
}

interface Vertex {
  state: AnySnapshot;
  transitions: Record<string, { event: EventObject; state: AnySnapshot }>;
}

const UNKNOWN: EventObject = { type: 'test.unknown' };
const DONE = 'xstate.done.actor.';
const ERROR = 'xstate.error.actor.';

/**
 * Paths over the production machine, one for each transition of the state space: the shortest way to its
 * source, then its event. A path that another one begins with is left out.
 */
export function modelPaths(machine: AnyStateMachine, options: ModelOptions): ModelStep[][] {
  const key = (state: AnySnapshot) => keyOf(state, options);
  const map = getAdjacencyMap(machine, {
    input: options.input,
    limit: options.limit ?? 5000,
    serializeState: key as never,
    events: ((state: AnySnapshot) => eventsOf(state, options)) as never,
  }) as unknown as Record<string, Vertex>;
  const [start] = Object.keys(map);
  if (start === undefined) return [];
  const ways = new Map<string, ModelStep[]>([[start, []]]);
  const paths: ModelStep[][] = [];
  for (const [source, way] of ways) {
    const vertex = map[source];
    for (const { event, state } of Object.values(vertex?.transitions ?? {})) {
      const path = [...way, { event, value: state.value, context: state.context }];
      if (ways.has(key(state))) paths.push(path);
      else ways.set(key(state), path);
    }
  }
  for (const way of ways.values()) {
    if (way.length > 0 && !paths.some((path) => way.every((step, index) => step === path[index])))
      paths.push(way);
  }
  return paths;
}

/**
 * Runs every path on a live actor with stubbed effects and a clock that fires the timer that the path
 * names, and compares state and context after each step.
 * @throws Error with the trace of the first path that the actor does not follow.
 */
export async function runModel(machine: AnyStateMachine, options: ModelOptions): Promise<ModelReport> {
  const taken = new Set<string>();
  const actions: Record<string, number> = {};
  const found = modelPaths(options.model ?? machine, options);
  // A chart that ends where it starts still has a start to run.
  const paths = found.length === 0 ? [[]] : found;
  for (const path of paths) await runPath(machine, options, path, { taken, actions });
  return {
    paths: paths.length,
    steps: paths.reduce((sum, path) => sum + path.length, 0),
    uncovered: walk(machine)
      .edges.map(({ id }) => id)
      .filter((id) => !taken.has(id)),
    actions,
  };
}

/** Watches live actors of a chart wherever they run: what of it they have not done yet. */
export function coverageOf(machine: AnyStateMachine): {
  inspect(event: InspectionEvent): void;
  uncovered(): string[];
} {
  const taken = new Set<string>();
  return {
    inspect(event) {
      if (event.type === '@xstate.microstep') note(event._transitions, taken);
    },
    uncovered: () =>
      walk(machine)
        .edges.map(({ id }) => id)
        .filter((id) => !taken.has(id)),
  };
}

async function runPath(
  machine: AnyStateMachine,
  options: ModelOptions,
  path: ModelStep[],
  seen: { taken: Set<string>; actions: Record<string, number> },
): Promise<void> {
  const pending = new Map<string, PromiseWithResolvers<unknown>>();
  const clock = new NamedTimers();
  const live = machine.provide({
    actors: Object.fromEntries(
      Object.keys(machine.implementations.actors).map((name) => [
        name,
        fromPromise(({ self }) => {
          const deferred = Promise.withResolvers<unknown>();
          pending.set(self.id, deferred);
          return deferred.promise;
        }),
      ]),
    ),
    actions: Object.fromEntries(
      hostActions(machine).map((name) => [
        name,
        () => {
          seen.actions[name] = (seen.actions[name] ?? 0) + 1;
        },
      ]),
    ),
    delays: Object.fromEntries(
      Object.keys(machine.implementations.delays).map((name) => [name, clock.msOf(name)]),
    ),
  } as never);
  let broken: unknown;
  const actor = createActor(live, {
    input: options.input,
    clock,
    inspect: (event: InspectionEvent) => {
      if (event.type === '@xstate.microstep') note(event._transitions, seen.taken);
    },
  } as never) as unknown as AnyActorRef;
  actor.subscribe({
    error: (error: unknown) => {
      broken = error;
    },
  });
  actor.start();
  try {
    for (const [index, step] of path.entries()) {
      await take(actor, step.event, { pending, clock });
      const snapshot = actor.getSnapshot() as AnySnapshot;
      const problem = broken ?? differenceOf(snapshot, step, options);
      if (problem !== undefined) throw new Error(traceOf(machine, path, index, problem));
    }
  } finally {
    actor.stop();
  }
}

async function take(
  actor: AnyActorRef,
  event: EventObject,
  { pending, clock }: { pending: Map<string, PromiseWithResolvers<unknown>>; clock: NamedTimers },
): Promise<void> {
  const { type } = event;
  if (type.startsWith('xstate.after.')) clock.fire(type.split('.')[2] ?? '');
  else if (type.startsWith(DONE))
    pending.get(type.slice(DONE.length))?.resolve((event as { output?: unknown }).output);
  else if (type.startsWith(ERROR))
    pending.get(type.slice(ERROR.length))?.reject((event as { error?: unknown }).error);
  else actor.send(event);
  await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Timers of a run: each named delay has its own length, so that a path can fire them in any order. */
class NamedTimers {
  readonly #names: string[] = [];
  #timers: { id: number; ms: number; fn: () => void }[] = [];
  #ids = 0;

  msOf(name: string): number {
    if (!this.#names.includes(name)) this.#names.push(name);
    return this.#names.indexOf(name) + 1;
  }

  readonly setTimeout = (fn: (...args: never[]) => void, ms: number): number => {
    this.#ids++;
    this.#timers.push({ id: this.#ids, ms, fn });
    return this.#ids;
  };

  readonly clearTimeout = (id: number): void => {
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
  };

  fire(name: string): void {
    const timer = this.#timers.find(({ ms }) => ms === this.msOf(name));
    if (timer === undefined) throw new Error(`no timer "${name}" runs`);
    this.clearTimeout(timer.id);
    timer.fn();
  }
}

function eventsOf(state: AnySnapshot, { events, effects, within }: ModelOptions): EventObject[] {
  if (state.status !== 'active' || within?.(state.context) === false) return [];
  const types = new Set(getNextTransitions(state as never).map(({ eventType }) => eventType));
  const internal = [...types].flatMap((type): EventObject[] => {
    if (type.startsWith('xstate.after.')) return [{ type }];
    if (type.startsWith(DONE)) {
      return (effects[type.slice(DONE.length)]?.outputs ?? []).map(
        (output) => ({ type, output }) as EventObject,
      );
    }
    if (type.startsWith(ERROR)) {
      return (effects[type.slice(ERROR.length)]?.errors ?? []).map(
        (error) => ({ type, error }) as EventObject,
      );
    }
    return [];
  });
  return [...internal, ...events.filter(({ type }) => types.has(type)), ...(types.has('*') ? [UNKNOWN] : [])];
}

function hostActions(machine: AnyStateMachine): string[] {
  return Object.entries(machine.implementations.actions)
    .filter(([, action]) => !(typeof action === 'function' && 'resolve' in action))
    .map(([name]) => name);
}

function note(transitions: readonly AnyTransitionDefinition[], taken: Set<string>): void {
  for (const transition of transitions) {
    const { source, eventType } = transition;
    const list =
      eventType === ''
        ? (source.always ?? [])
        : ((source.transitions.get(eventType) ?? []) as AnyTransitionDefinition[]);
    const index = list.indexOf(transition as never);
    if (index >= 0) taken.add(edgeId(source, eventType, index));
  }
}

function keyOf({ value, context, status }: AnySnapshot, { counters = [] }: ModelOptions): string {
  const kept = Object.entries(context).filter(([name]) => name !== 'ignored' && !counters.includes(name));
  return JSON.stringify([status, value, kept]);
}

function differenceOf(
  live: AnySnapshot,
  step: ModelStep,
  { counters = [] }: ModelOptions,
): string | undefined {
  const value = [JSON.stringify(step.value), JSON.stringify(live.value)];
  if (value[0] !== value[1]) return `the state is ${value[1]}, the model says ${value[0]}`;
  for (const [name, expected] of Object.entries(step.context)) {
    if (name === 'ignored' || counters.includes(name)) continue;
    const pair = [JSON.stringify(expected), JSON.stringify(live.context[name])];
    if (pair[0] !== pair[1]) return `context.${name} is ${pair[1]}, the model says ${pair[0]}`;
  }
  return undefined;
}

function traceOf(machine: AnyStateMachine, path: ModelStep[], index: number, problem: unknown): string {
  const lines = path
    .slice(0, index + 1)
    .map(
      ({ event, value }, at) =>
        `${at === index ? '>' : ' '} ${JSON.stringify(event)} -> ${JSON.stringify(value)}`,
    );
  const text = problem instanceof Error ? problem.message : String(problem);
  return `${machine.id}: after step ${index + 1}, ${text}\n${lines.join('\n')}`;
}
