import { createActor, fromPromise, type Snapshot, toPromise } from 'xstate';
import {
  type TrialEvent,
  type TrialGate,
  type TrialInput,
  type TrialOutput,
  type TrialReading,
  trialMachine,
} from '../../machines/index.ts';
import type { Clock, Log, Random } from '../../machines/ports.ts';
import { drawSeed } from './explorer.ts';
import { type Comparison, compared, evidenceOf, Futures, gate } from './gate.ts';
import type { Library } from './library.ts';
import type { Claims, Evidence, Limits, Live, Parameters, Sandboxes, Scope, Situation } from './types.ts';

export interface TrialParts {
  sandboxes: Sandboxes;
  live: Live;
  library: Library;
  /** Without it nobody is asked what else is being set. */
  claims?: Claims;
  random: Random;
  /** Of network time: trials wait for what the network does. */
  clock: Clock;
  log: Log;
  /** Whether the trial waits for the network now. */
  onIdle?(idle: boolean): void;
}

/** A proposal with where it is tried first, and what is known of it. */
export interface TrialPlan {
  id: string;
  situation: Situation;
  limits: Limits;
  parameters: Parameters;
  evidence: readonly Evidence[];
  small: Scope;
  approval: boolean;
  options?: Partial<TrialOptions>;
}

export type TrialOptions = Omit<TrialInput, 'id' | 'parameters' | 'small' | 'wide' | 'approval'> & {
  /** Network time of one look, s. */
  lookSeconds: number;
};

export const TRIAL_DEFAULTS: TrialOptions = {
  times: {
    intervalMs: 1_000,
    settleMs: 10_000,
    patienceMs: 600_000,
    approvalMs: 86_400_000,
    retryMs: 5_000,
  },
  looks: 5,
  badRun: 2,
  missedRun: 3,
  clearHarm: 0.8,
  attempts: 5,
  lookSeconds: 20,
};

export interface Trial {
  send(event: TrialEvent): void;
  /** What `startTrial` goes on from. */
  persisted(): Snapshot<unknown>;
  /** Ends the actor where it is; nothing is rolled back. */
  stop(): void;
  outcome: Promise<TrialOutput>;
}

/** What the live gain may fall short of what the looks can tell, in gains, and of its mean. */
const MOST_HARM = 3;
/** Looks in a row are alike, and less like those before them than futures of one present are like each other (guess). */
const DRIFT = 1.5;
const SLACK = { least: 0.05, ofMean: 0.25 };

/**
 * The least live gain that does not contradict the sandbox. Looks before and after are no pairs, and a few
 * UEs differ much from one time to another: `noise` is how much more than futures of the sandbox.
 */
const floorOf = ({ apart }: Comparison, noise: number) =>
  apart.mean - noise * (apart.mean - apart.low) - Math.max(SLACK.least, SLACK.ofMean * Math.abs(apart.mean));

/** The most use of a guard that may be chance, and never more than `MOST_HARM`. */
const ceilingOf = ({ noise }: Comparison, more: number) => Math.min(MOST_HARM, 1 + more * noise);

const NOTHING = { small: 0, wide: 0 };

/** The first few of a scope. */
export const smallPart = ({ cells, subscribers }: Scope, most = { cells: 3, subscribers: 5 }): Scope => ({
  cells: cells.slice(0, most.cells),
  subscribers: subscribers.slice(0, most.subscribers),
});

/**
 * Tries parameters on the live network by the `trial` chart. `restored` is what `persisted()` gave before the
 * process ended, `elapsedMs` how long ago; effects that were on their way begin again, under the same id.
 * The outcome rejects only where the chart itself breaks.
 */
export function startTrial(
  parts: TrialParts,
  plan: TrialPlan,
  restored?: { snapshot: Snapshot<unknown>; elapsedMs: number },
): Trial {
  const { id, situation, parameters, small, approval } = plan;
  const { lookSeconds, ...options } = { ...TRIAL_DEFAULTS, ...plan.options };
  const machine = trialMachine.provide({
    actors: effectsOf(parts, plan, { lookSeconds, looks: options.looks }, (reason) => {
      actor.send({ type: 'CANCEL', reason });
    }) as never,
  });
  const input: TrialInput = { id, parameters, small, wide: situation.scope, approval, ...options };
  const actor = createActor(machine, {
    input,
    clock: parts.clock as never,
    ...(restored && { snapshot: restored.snapshot }),
  });
  const outcome = (toPromise(actor) as Promise<TrialOutput>).then((output) => {
    // What could not be taken back may still be there: nobody builds on it before the lease ends.
    if (output.outcome === 'refused' || output.outcome === 'rolledBack') parts.claims?.release(id);
    return output;
  });
  actor.subscribe((snapshot) => parts.onIdle?.(snapshot.status === 'active' && snapshot.hasTag('network')));
  actor.start();
  if (restored) actor.send({ type: 'RESUME', elapsedMs: restored.elapsedMs });
  return {
    send: (event) => actor.send(event),
    persisted: () => actor.getPersistedSnapshot(),
    stop: () => actor.stop(),
    outcome,
  };
}

function effectsOf(
  parts: TrialParts,
  plan: TrialPlan,
  { lookSeconds, looks }: Pick<TrialOptions, 'lookSeconds' | 'looks'>,
  lost: (reason: string) => void,
) {
  const { sandboxes, live, library, claims, random, clock } = parts;
  const { id, situation, limits, parameters } = plan;
  const noise = DRIFT * Math.sqrt((limits.futures * limits.seconds) / (looks * lookSeconds));
  const inScope = (scope: Scope): Situation => ({ ...situation, scope });
  const judged = (
    before: readonly TrialReading[],
    readings: readonly TrialReading[],
    stage: 'small' | 'wide',
  ) =>
    compared(
      situation,
      limits,
      before.map(({ kpis }) => kpis[stage]),
      readings.map(({ kpis }) => kpis[stage]),
      false,
    );
  const shown = ({ before, readings }: { before: TrialReading[]; readings: TrialReading[] }): Evidence[] =>
    before.length === 0 || readings.length === 0
      ? []
      : [evidenceOf('live', clock.now(), situation.goal.kpi, judged(before, readings, 'wide'))];

  return {
    gate: fromPromise<TrialGate, Pick<TrialInput, 'small' | 'wide'>>(
      async ({ input: { small, wide }, signal }) => {
        const taken = claims?.hold(id, parameters, wide) ?? null;
        if (taken !== null) return { verdict: 'refuse', reason: taken, floors: NOTHING, ceilings: NOTHING };
        const sandbox = sandboxes.open();
        try {
          const seeds = Array.from({ length: limits.futures }, () => drawSeed(random));
          const inSmall = await new Futures(sandbox, inScope(small), limits, signal).compare(
            parameters,
            seeds,
          );
          const inWide = await new Futures(sandbox, inScope(wide), limits, signal).compare(parameters, seeds);
          const problems = gate(inWide, limits);
          // A part of the scope need not gain by itself: what it does may help its neighbours.
          if (inSmall.harm > 1)
            problems.push(`in the small scope ${inSmall.harmed} gets worse than is allowed`);
          return {
            verdict: problems.length === 0 ? 'pass' : 'refuse',
            reason: problems.join('; '),
            // What gains nothing everywhere is not worth keeping, whatever chance may explain.
            floors: { small: floorOf(inSmall, noise), wide: Math.max(0, floorOf(inWide, noise)) },
            ceilings: { small: ceilingOf(inSmall, noise), wide: ceilingOf(inWide, noise) },
          };
        } finally {
          sandbox.close();
        }
      },
    ),
    apply: fromPromise<void, { id: string; scope: Scope; parameters: Parameters }>(({ input }) =>
      live.apply(input.id, input.parameters, input.scope),
    ),
    measure: fromPromise<
      TrialReading,
      Pick<TrialInput, 'small' | 'wide'> & {
        stage: 'before' | 'small' | 'wide';
        before: TrialReading[];
        readings: TrialReading[];
      }
    >(async ({ input: { stage, small, wide, before, readings }, signal }) => {
      const yielding = claims?.renew(id) ?? null;
      if (yielding !== null) lost(yielding);
      const [inSmall, inWide] = await Promise.all([
        live.measure(small, lookSeconds, signal),
        live.measure(wide, lookSeconds, signal),
      ]);
      const reading = { kpis: { small: inSmall, wide: inWide }, gain: 0, harm: 0 };
      if (stage === 'before') return reading;
      const { gain, harm } = judged(before, [...readings, reading], stage);
      return { ...reading, gain: gain.mean, harm };
    }),
    rollBack: fromPromise<void, { id: string }>(({ input }) => live.undo(input.id)),
    keep: fromPromise<{ held: boolean }, { before: TrialReading[]; readings: TrialReading[] }>(
      async ({ input }) => {
        if (claims !== undefined && !claims.keep(id)) return { held: false };
        library.keep(situation, parameters, [...plan.evidence, ...shown(input)]);
        return { held: true };
      },
    ),
    withdraw: fromPromise<void, { before: TrialReading[]; readings: TrialReading[]; reason: string }>(
      async ({ input }) => {
        library.withdraw(situation, parameters, input.reason, shown(input));
      },
    ),
  };
}
