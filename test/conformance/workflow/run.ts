import { parse } from 'yaml';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Clock } from '../../../machines/ports.ts';
import { a2aPort } from '../../../src/runtime/workflows/a2a-port.ts';
import { mcpPort } from '../../../src/runtime/workflows/mcp-port.ts';
import { createProcesses } from '../../../src/runtime/workflows/processes.ts';
import {
  type CompiledWorkflow,
  checkWorkflow,
  compileWorkflow,
  createCalls,
  createEngine,
  createEvaluator,
  createEventBus,
  durationMs,
  openScheduler,
  parseEvent,
  schedulesOf,
  startOn,
  type WorkflowEngine,
} from '../../../src/workflow/index.ts';
import type { Around, Observed } from '../../workflow/ctk.ts';
import { memory } from '../../workflow/events/kit.ts';
import { settle, testEnv } from '../../workflow/kit.ts';
import type { Peers } from './peers.ts';

const POLICY = { scripts: ['js'] };
/** Turns of the event loop in which nothing happens, before time may move. */
const QUIET = 4;

/** A clock that stands still until it is moved to its next timer. */
function steppedClock(): Clock & { next(until?: number): boolean } {
  const start = Date.parse('2026-01-01T00:00:00Z');
  let now = start;
  let count = 0;
  const timers = new Map<number, { at: number; fn: () => void }>();
  return {
    now: () => now,
    setTimeout(fn, ms) {
      count += 1;
      timers.set(count, { at: now + ms, fn });
      return count;
    },
    clearTimeout: (id) => void timers.delete(id as number),
    next(until = Number.POSITIVE_INFINITY) {
      const [first] = [...timers].sort(([a, one], [b, other]) => one.at - other.at || a - b);
      if (first === undefined || first[1].at > until) {
        if (Number.isFinite(until)) now = until;
        return false;
      }
      timers.delete(first[0]);
      now = Math.max(now, first[1].at);
      first[1].fn();
      return true;
    },
  };
}

/** Runs the workflow of a scenario with everything around it, in time that moves only while all wait. */
export async function observe(
  definition: string,
  input: unknown,
  around: Around,
  peers: Peers,
): Promise<Observed> {
  const { problems } = checkWorkflow(definition, POLICY);
  const wrong = problems.find(({ severity }) => severity === 'error');
  if (wrong !== undefined) {
    return { output: undefined, fault: undefined, started: [], refused: wrong.problem };
  }
  const world = open(around);
  try {
    const workflow = compileWorkflow(definition, 'the scenario', POLICY);
    const observed =
      around.scheduledMs === undefined
        ? await once(world, workflow, input, around)
        : await scheduled(world, workflow, around.scheduledMs, around);
    return { ...observed, asked: peers.asked() };
  } finally {
    await world.close();
  }
}

type World = ReturnType<typeof open>;

function open(around: Around) {
  const env = testEnv();
  const clock = steppedClock();
  const events = createEventBus({ log: env.log });
  const calls = createCalls({
    env,
    policy: { allow: ['*'] },
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    mcp: mcpPort({ env }),
    a2a: a2aPort(),
  });
  const others = around.workflows.map((text) => compileWorkflow(text, 'another', POLICY));
  const started: string[] = [];
  const ended: Array<{ name: string; how: string }> = [];
  let working = 0;
  const activity = {
    begin: () => {
      working += 1;
    },
    end: () => {
      working -= 1;
    },
  };
  const engine: WorkflowEngine = createEngine({
    env,
    clock,
    calls,
    events,
    functions: { double: async (given) => ({ twice: 2 * (given as { n: number }).n }) },
    resources: async (resource, signal, scope) => {
      const { endpoint } = resource;
      const uri = typeof endpoint === 'string' ? endpoint : endpoint.uri;
      const path = /^http:\/\/catalogue\.example\/functions\/(.+)\/function\.yaml$/.exec(uri)?.[1];
      const text = path === undefined ? undefined : around.functions[path];
      return text === undefined ? calls.readDescription(resource, signal, scope) : parse(text);
    },
    texts: calls.readText,
    policy: POLICY,
    processes: createProcesses(POLICY),
    secret: (name) => around.secrets[name],
    workflows: (namespace, name) => others.find(({ id }) => id === `${namespace}/${name}`),
    options: () => ({ meta: { activity } }),
    observe(event) {
      if (event.type === 'task.started') started.push(event.name);
      if (/^task\.(completed|faulted|cancelled)$/.test(event.type) && 'name' in event) {
        ended.push({ name: event.name, how: event.type.slice('task.'.length) });
      }
    },
  });
  const evaluator = createEvaluator({ clock: env.clock });
  /** Moves time from timer to timer until it is over, or there is none, or none before `until`. */
  const drive = async (over: () => boolean, until?: number): Promise<void> => {
    for (;;) {
      for (let quiet = 0; quiet < QUIET && !over(); quiet += 1) {
        await settle();
        await engine.idle();
        if (working > 0) quiet = -1;
      }
      if (over() || !clock.next(until)) return;
    }
  };
  return {
    env,
    clock,
    events,
    engine,
    evaluator,
    started,
    ended,
    drive,
    async close() {
      await engine.close();
      await evaluator.close();
      await calls.close();
    },
  };
}

function arm({ clock, events }: World, around: Around): void {
  for (const { afterMs, event } of around.events) {
    const whole = {
      specversion: '1.0',
      source: '/scenario',
      id: `${JSON.stringify(event)} ${afterMs}`,
      ...event,
    };
    clock.setTimeout(() => void events.publish(parseEvent(whole)), afterMs);
  }
}

async function once(
  world: World,
  workflow: CompiledWorkflow,
  input: unknown,
  around: Around,
): Promise<Observed> {
  const { clock, engine, started, ended } = world;
  const observed: Observed = { output: undefined, fault: undefined, started, ended };
  const wrong = (await engine.examine(workflow)).find(({ severity }) => severity === 'error');
  if (wrong !== undefined) return { ...observed, refused: wrong.problem };
  const begun = clock.now();
  let over = false;
  const end = engine
    .run(workflow, input, { id: 'scenario' })
    .then(
      ({ output }) => ({ output }),
      (error: unknown) => {
        if (!(error instanceof NetAgentError)) throw error;
        if (error.code === 'WORKFLOW_CANCELLED') return { cancelled: true };
        if (error.code !== 'WORKFLOW_FAULTED') throw error;
        return { fault: error.details.fault as Record<string, unknown> };
      },
    )
    .finally(() => {
      over = true;
    });
  arm(world, around);
  if (around.cancelAfterMs !== undefined) {
    clock.setTimeout(() => void engine.cancel('scenario'), around.cancelAfterMs);
  }
  await world.drive(() => over);
  if (!over) throw new Error(`it waits for ever: ${engine.show('scenario')?.active.join(', ')}`);
  return { ...observed, ...(await end), tookMs: clock.now() - begun };
}

async function scheduled(
  world: World,
  workflow: CompiledWorkflow,
  lengthMs: number,
  around: Around,
): Promise<Observed> {
  const { clock, engine, env, events, evaluator, started, ended } = world;
  const starts: unknown[] = [];
  const begin = startOn(engine, () => workflow);
  const scheduler = openScheduler({
    clock,
    log: env.log,
    bus: events,
    store: memory(),
    evaluate: evaluator.evaluate,
    start: async (reference, input, fire) => {
      starts.push(input);
      return begin(reference, input, fire);
    },
  });
  for (const { id, definition } of schedulesOf(workflow.document)) scheduler.set(id, definition);
  arm(world, around);
  await world.drive(() => false, clock.now() + durationMs({ milliseconds: lengthMs }));
  scheduler.close();
  return { output: undefined, fault: undefined, started, ended, starts };
}
