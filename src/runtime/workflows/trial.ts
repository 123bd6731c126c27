import { z } from 'zod';
import type { TrialOutput } from '../../../machines/index.ts';
import type { Clock, Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import {
  type Claims,
  type Evidence,
  type Library,
  type Live,
  type Sandboxes,
  smallPart,
  startTrial,
  TRIAL_DEFAULTS,
} from '../../explore/index.ts';
import type { NetworkTuning } from '../../network/index.ts';
import { type FunctionContext, type RuntimeFunction, standardError } from '../../workflow/index.ts';
import { exploreInput, exploreLimits } from './explore.ts';

const scope = exploreInput.shape.situation.shape.scope;
const count = z.number().int().min(1);

export const trialInput = z.strictObject({
  situation: exploreInput.shape.situation,
  limits: exploreLimits.prefault({}),
  /** What `explore` decided; of it these are read. */
  decision: z.object({
    parameters: z.record(z.string(), z.number()).nullable(),
    evidence: z.array(z.custom<Evidence>((value) => typeof value === 'object' && value !== null)).default([]),
    approval: z.boolean().default(false),
  }),
  /** Where it is tried first; the first three cells and five subscribers, if not given. */
  small: scope.optional(),
  looks: count.max(100).default(TRIAL_DEFAULTS.looks),
  /** Network time of one look, s: as long as the world is not passed over in it. */
  lookSeconds: count.max(100).default(TRIAL_DEFAULTS.lookSeconds),
});

export interface TrialFunctionParts {
  env: Env;
  /** Network time, where the run brings no participant along. */
  clock: Clock;
  tuning(): NetworkTuning | undefined;
  sandboxes: Sandboxes;
  library: Library;
  claims?: Claims;
  /** Asks a person; without it what needs one is refused. */
  approve?(question: {
    id: string;
    text: string;
    signal: AbortSignal;
  }): Promise<{ approved: boolean; text: string }>;
}

interface Meta {
  participant?: { clock: Clock };
  activity?: { begin(): void; end(): void };
}

/**
 * The function `trial:1.0.0@default`: {situation, decision, limits?, small?} to how the trial ended. It sets parameters
 * in the network; the order is named by the idempotency key of the step. Rejects with EXPLORE_INPUT_INVALID,
 * EXPLORE_SANDBOX_NONE, and with an error of type runtime where something could not be taken back. Once the signal
 * aborts, the trial is cancelled and its way back waited for.
 */
export function trialFunction(parts: TrialFunctionParts): RuntimeFunction {
  return async (input, context): Promise<TrialOutput> => {
    const read = trialInput.safeParse(input);
    if (!read.success) {
      const issue = read.error.issues[0];
      throw fail('EXPLORE_INPUT_INVALID', { problem: `${issue?.path.join('.')}: ${issue?.message}` });
    }
    const { situation, limits, decision, small, looks, lookSeconds } = read.data;
    const { parameters, evidence, approval } = decision;
    if (parameters === null) {
      return { outcome: 'refused', reason: 'nothing is proposed', before: [], readings: [], stage: 'before' };
    }
    const tuning = parts.tuning();
    if (tuning === undefined) throw fail('EXPLORE_SANDBOX_NONE', {});
    const { participant, activity } = context.meta as Meta;
    const clock = participant?.clock ?? parts.clock;
    const idle = lockStep(activity);
    // Of a run that ended half-way something may still be set: what is looked at first is the network without it.
    await tuning.undo(context.idempotencyKey);
    const trial = startTrial(
      {
        ...parts,
        live: inNetworkTime(tuning, clock),
        clock,
        random: parts.env.random,
        log: parts.env.log,
        onIdle: idle,
      },
      {
        id: context.idempotencyKey,
        situation,
        limits,
        parameters,
        evidence,
        small: small ?? smallPart(situation.scope),
        approval,
        options: { looks, lookSeconds },
      },
    );
    const cancel = () => trial.send({ type: 'CANCEL', reason: 'the workflow was cancelled' });
    context.signal.addEventListener('abort', cancel, { once: true });
    if (context.signal.aborted) cancel();
    try {
      if (approval) void ask(parts, context, parameters).then(trial.send);
      const output = await trial.outcome;
      if (output.outcome === 'rollbackFailed') {
        throw standardError('runtime', 'A trial could not be taken back', { detail: output.reason });
      }
      return output;
    } finally {
      idle(false);
      context.signal.removeEventListener('abort', cancel);
    }
  };
}

/** Network time stands still while a workflow works; while its trial waits for the network, it does not. */
function lockStep(activity: Meta['activity']): (idle: boolean) => void {
  let waiting = false;
  return (now) => {
    if (waiting === now) return;
    waiting = now;
    if (now) activity?.end();
    else activity?.begin();
  };
}

/** A look needs a timer: where everybody waits, network time goes from one timer to the next. */
function inNetworkTime(tuning: NetworkTuning, clock: Clock): Live {
  return {
    apply: (id, parameters, where) => tuning.apply(id, parameters, where),
    undo: (id) => tuning.undo(id),
    async measure(where, seconds, signal) {
      const timer = clock.setTimeout(() => undefined, 1000 * seconds);
      try {
        return await tuning.measure(where, seconds, signal);
      } finally {
        clock.clearTimeout(timer);
      }
    },
  };
}

async function ask(
  { approve }: TrialFunctionParts,
  { idempotencyKey: id, signal }: FunctionContext,
  parameters: Readonly<Record<string, number>>,
) {
  const text = `Try ${Object.entries(parameters)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')} on the live network?`;
  try {
    const answer = await approve?.({ id, text, signal });
    if (answer?.approved) return { type: 'APPROVE', by: answer.text } as const;
    return { type: 'REJECT', reason: answer?.text ?? 'there is nobody to ask' } as const;
  } catch (error) {
    return { type: 'REJECT', reason: error instanceof Error ? error.message : String(error) } as const;
  }
}
