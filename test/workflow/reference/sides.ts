import { openStore } from '../../../src/durable/index.ts';
import { compileWorkflow, createEngine, RaisedError } from '../../../src/workflow/index.ts';
import { fate, mortal, never, type Point, workCounter } from '../kill/fate.ts';
import { testEnv } from '../kit.ts';
import type { Case } from './arbitrary.ts';
import { interpret } from './interpreter.ts';
import { type Behaviour, createProbe, type Effect } from './probe.ts';
import { turn, type VirtualClock, virtualClock } from './time.ts';
import { Fault } from './values.ts';

/** What can be seen of a run from outside. */
export interface Seen {
  output?: unknown;
  fault?: { type: string; status: number; instance: string };
  /** Virtual time of the end. */
  ended: number;
  effects: Effect[];
  events: unknown[];
}

/** Turns of the event loop without anything to do, after which nothing more comes by itself. */
const QUIET = 3;
/** Timers after which a run is taken for one that does not end. */
const MOST = 2_000;

/**
 * Moves `clock` from timer to timer until `done`; before each step everything has gone on as far as it can. `idle`
 * resolves when nothing is at work that is not a promise alone.
 */
export async function drive<T>(
  clock: VirtualClock,
  done: Promise<T>,
  idle: () => Promise<void> = async () => {},
): Promise<T> {
  let over = false;
  const end = () => {
    over = true;
  };
  done.then(end, end);
  for (let steps = 0; !over; steps += 1) {
    for (let quiet = 0; quiet < QUIET && !over; quiet += 1) {
      await turn();
      await idle();
    }
    if (over) break;
    if (steps > MOST) throw new Error(`no end after ${MOST} timers`);
    if (!clock.step()) throw new Error('nothing is at work, no timer is armed, and there is no end');
  }
  return done;
}

/** A case by the reference. */
export async function byReference({ document, input, behaviours }: Case): Promise<Seen> {
  const clock = virtualClock();
  const events: unknown[] = [];
  const { probe, effects } = createProbe({
    behaviours,
    clock: () => clock,
    raise: (fault) => new Fault(fault),
  });
  const world = {
    clock,
    functions: { probe },
    publish: (event: Record<string, unknown>) => void events.push(plainEvent(event)),
    random: () => 0.5,
  };
  const outcome = await drive(
    clock,
    interpret(document, input, world).then((result) => ({ result, ended: clock.now() })),
  );
  return { ...plainOutcome(outcome.result), ended: outcome.ended, effects, events };
}

/** The engine, as the other side of the comparison: one for many cases, one after the other. */
export function engineSide() {
  type Probe = ReturnType<typeof createProbe>['probe'];
  let events: unknown[] = [];
  const engine = createEngine({
    env: testEnv(),
    functions: { probe: (value, { signal, meta }) => (meta.probe as Probe)(value, signal) },
    events: {
      publish: async (event) => void events.push(plainEvent(event)),
      subscribe: () => () => {},
    },
  });
  return {
    async run({ document, input, behaviours }: Case): Promise<Seen> {
      const clock = virtualClock();
      const { probe, effects, sleeping } = createProbe({
        behaviours,
        clock: () => clock,
        raise: (fault) => new RaisedError({ ...fault, detail: '' }),
      });
      events = [];
      // Calls count as work from their first expression on: what is at work and not asleep in `probe` goes on by itself.
      const { activity, working } = workCounter();
      const idle = async () => {
        do await engine.idle();
        while (working() > sleeping());
      };
      const run = engine.run(compileWorkflow(document), input, { clock, meta: { probe, activity } });
      const { result, ended } = await drive(clock, settled(run, clock), idle);
      return { ...plainOutcome(result), ended, effects, events };
    },
    close: () => engine.close(),
  };
}

/**
 * The case by engines that die, one at each of `deaths`, each taken over by the next on the same store in `dir`. A
 * call that an engine died in goes on by itself, and is found by its key.
 */
export async function byMortals({ document, input, behaviours }: Case, deaths: Point[], dir: string) {
  let clock = virtualClock();
  const raise = (fault: Behaviour['fault']) => new RaisedError({ ...fault, detail: '' });
  const { probe, effects, sleeping } = createProbe({ behaviours, clock: () => clock, raise });
  const events = new Map<string, unknown>();
  for (let life = 0; ; life += 1) {
    const { death, dead, survives } = fate(deaths[life]);
    const { activity, working } = workCounter();
    const asleep = sleeping();
    const store = openStore({ dir, durability: 'write' });
    const engine = createEngine({
      env: testEnv(),
      clock,
      options: () => ({ meta: { activity } }),
      ledger: mortal(store.workflows(), survives),
      functions: {
        async probe(value, { signal, idempotencyKey }) {
          if (dead()) return never();
          const stop = new AbortController();
          signal.addEventListener('abort', () => {
            if (!dead()) stop.abort();
          });
          return probe(value, stop.signal, idempotencyKey);
        },
      },
      events: {
        publish: async (event) => void (dead() || events.set(event.id, plainEvent(event))),
        subscribe: () => () => {},
      },
    });
    await engine.recover();
    const end = engine
      .start(compileWorkflow(document), input, { id: 'one' })
      .then(() => engine.result('one'));
    const first = await drive(clock, Promise.race([settled(end, clock), death]), async () => {
      while (working() > sleeping() - asleep && !dead()) await turn();
    });
    await engine.close();
    store.close();
    if (first !== 'dead') {
      const seen: Seen = {
        ...plainOutcome(first.result),
        ended: first.ended,
        effects,
        events: [...events.values()],
      };
      return { seen, lives: life + 1 };
    }
    clock = virtualClock(clock.now());
  }
}

/** The end of a run with its time; a fault is an end too. */
function settled(run: Promise<{ output: unknown }>, clock: VirtualClock) {
  return run.then(
    ({ output }) => ({ result: { output }, ended: clock.now() }),
    (error) => {
      const fault = error.details?.fault;
      if (fault === undefined) throw error;
      return { result: { fault }, ended: clock.now() };
    },
  );
}

/** Title and detail of errors that a runtime makes are its own words. */
function plainOutcome(outcome: {
  output?: unknown;
  fault?: { type: string; status: number; instance: string };
}) {
  if (outcome.fault === undefined) return { output: outcome.output };
  const { type, status, instance } = outcome.fault;
  return { fault: { type, status, instance } };
}

const plainEvent = ({ type, source, specversion, data }: Record<string, unknown>) => ({
  type,
  source,
  specversion,
  data,
});
