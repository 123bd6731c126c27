import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import {
  createDualEngine,
  type Decision,
  type Library,
  type Proposer,
  type Rule,
  type Sandboxes,
  type SearchName,
  type Situation,
} from '../../explore/index.ts';
import type { RuntimeFunction } from '../../workflow/index.ts';

const names = z.array(z.string().min(1).max(100)).max(10_000);
const number = z.number();
const direction = z.enum(['raise', 'lower']);

const guard = z.strictObject({
  kpi: z.string(),
  direction,
  most: number.min(0),
  by: z.enum(['ratio', 'difference']).default('ratio'),
});

/** Nobody outside may lose more than this of what they have, where the caller names no guards. */
const GUARDS: Array<z.input<typeof guard>> = [
  { kpi: 'othersMeanDlMbps', direction: 'raise', most: 0.05 },
  { kpi: 'othersMeanUlMbps', direction: 'raise', most: 0.05 },
  { kpi: 'outageRatio', direction: 'lower', most: 0.01, by: 'difference' },
  { kpi: 'othersOutageRatio', direction: 'lower', most: 0.01, by: 'difference' },
];

export const exploreLimits = z.strictObject({
  guards: z.array(guard).max(32).prefault(GUARDS),
  blast: z.strictObject({ cells: number.int().min(0), subscribers: number.int().min(0) }).prefault({
    cells: 50,
    subscribers: 200,
  }),
  approval: z
    .strictObject({ cellsAbove: number.int().min(0), subscribersAbove: number.int().min(0) })
    .optional(),
  leastGain: number.min(0).default(0.03),
  evaluations: number.int().min(20).max(5_000).default(120),
  seconds: number.int().min(5).max(600).default(30),
  futures: number.int().min(5).max(31).default(5),
  tryRules: z.boolean().default(true),
});

export const exploreInput = z.strictObject({
  situation: z.strictObject({
    scope: z.strictObject({ cells: names.default([]), subscribers: names.default([]) }),
    goal: z.strictObject({ kpi: z.string(), direction }),
    /** Facts and figures; without them those of the next seconds are taken, as the sandbox sees them. */
    kpis: z.record(z.string(), number).default({}),
  }),
  bounds: z.record(
    z.string(),
    z
      .strictObject({ min: number, max: number, step: number.positive().optional() })
      .refine(({ min, max }) => min <= max, 'min must not be above max'),
  ),
  limits: exploreLimits.prefault({}),
});

export interface ExploreParts {
  env: Env;
  rules: readonly Rule[];
  library: Library;
  sandboxes: Sandboxes;
  proposer?: Proposer;
  search?: SearchName;
}

/**
 * The function `explore:1.0.0@default`: {situation, bounds, limits?} to a `Decision` with the situation that it is
 * for. It sets nothing: what it proposes is for a trial. Rejects with EXPLORE_INPUT_INVALID, EXPLORE_SANDBOX_NONE, EXPLORE_SANDBOX_FAILED, or
 * the reason of the signal.
 */
export function exploreFunction({ env, sandboxes, ...parts }: ExploreParts): RuntimeFunction {
  return async (input, { signal }): Promise<Decision & { situation: Situation }> => {
    const read = exploreInput.safeParse(input);
    if (!read.success) {
      const issue = read.error.issues[0];
      throw fail('EXPLORE_INPUT_INVALID', { problem: `${issue?.path.join('.')}: ${issue?.message}` });
    }
    const sandbox = sandboxes.open();
    try {
      const { clock, random, log } = env;
      const { bounds, limits } = read.data;
      const situation = { ...read.data.situation };
      if (Object.keys(situation.kpis).length === 0) {
        const seed = Math.floor(random.next() * 0x7fffffff);
        const { seconds } = limits;
        const future = { scope: situation.scope, seconds, seed, signal };
        situation.kpis = { ...(await sandbox.evaluate({}, future)) };
      }
      const engine = createDualEngine({ ...parts, sandbox, clock, random, log });
      return { ...(await engine.decide({ situation, bounds, limits, signal })), situation };
    } finally {
      sandbox.close();
    }
  };
}
