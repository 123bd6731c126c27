import { z } from 'zod';
import { standardError } from '../fault.ts';

/**
 * What was measured of a service; what is absent or null says nothing. Levels dBm and dB, shares percent,
 * delays ms one way, losses 0..1.
 */
const evidence = z.object({
  rsrpDbm: z.number().nullish(),
  sinrDb: z.number().nullish(),
  prbRatio: z.number().nullish(),
  gbrPrbRatio: z.number().nullish(),
  /** The UE has no cell, or no registration. */
  attached: z.boolean().nullish(),
  airDelayMs: z.number().nullish(),
  pathDelayMs: z.number().nullish(),
  pathLossRatio: z.number().nullish(),
  pathHealthy: z.boolean().nullish(),
  /** Load of the busiest function that serves it, percent. */
  coreLoad: z.number().nullish(),
  /** Functions that are dead or overloaded, wrong configurations. */
  coreAlarms: z.number().nullish(),
  /** Sites that are down. */
  siteAlarms: z.number().nullish(),
});

export type Evidence = z.input<typeof evidence>;

export const CAUSES = [
  'no-coverage',
  'weak-coverage',
  'interference',
  'cell-congestion',
  'transport',
  'core',
  'computing',
  'outside-the-network',
] as const;
export type Cause = (typeof CAUSES)[number];

export interface Diagnosis {
  /** The likeliest cause, and the domain that can act on it. */
  cause: Cause;
  domain: 'ran' | 'core' | 'transport' | 'computing' | 'none';
  /** 0..1, of the likeliest. */
  confidence: number;
  /** All causes, the likeliest first, with what spoke for each. */
  ranking: Array<{ cause: Cause; probability: number; because: string[] }>;
}

const DOMAIN: Record<Cause, Diagnosis['domain']> = {
  'no-coverage': 'ran',
  'weak-coverage': 'ran',
  interference: 'ran',
  'cell-congestion': 'ran',
  transport: 'transport',
  core: 'core',
  computing: 'computing',
  'outside-the-network': 'none',
};

/** How often each is behind a complaint before anything was measured: an operator's rule of thumb. */
const PRIOR: Record<Cause, number> = {
  'no-coverage': 0.05,
  'weak-coverage': 0.2,
  interference: 0.1,
  'cell-congestion': 0.2,
  transport: 0.1,
  core: 0.05,
  computing: 0.05,
  'outside-the-network': 0.25,
};

interface Sign {
  /** What is seen; null where the evidence does not say. */
  seen(given: z.output<typeof evidence>): boolean | null;
  words: string;
  /** Chance of seeing it under each cause; `else` under all others. */
  chance: Partial<Record<Cause, number>> & { else: number };
}

const above = (value: number | null | undefined, limit: number) => (value == null ? null : value > limit);
const below = (value: number | null | undefined, limit: number) => (value == null ? null : value < limit);

/** The rules of an expert as chances (naive Bayes): signs count as independent once the cause is known. */
const SIGNS: readonly Sign[] = [
  {
    words: 'no cell serves the subscriber',
    seen: ({ attached }) => (attached == null ? null : !attached),
    chance: { 'no-coverage': 0.97, else: 0.01 },
  },
  {
    words: 'the signal is weak (RSRP below -110 dBm)',
    seen: ({ rsrpDbm }) => below(rsrpDbm, -110),
    chance: { 'no-coverage': 0.9, 'weak-coverage': 0.9, interference: 0.05, else: 0.08 },
  },
  {
    words: 'the signal is disturbed (SINR below 0 dB)',
    seen: ({ sinrDb }) => below(sinrDb, 0),
    chance: { 'no-coverage': 0.9, 'weak-coverage': 0.7, interference: 0.95, else: 0.05 },
  },
  {
    words: 'the resource blocks of the cell are used up (above 85 %)',
    seen: ({ prbRatio }) => above(prbRatio, 85),
    chance: { 'cell-congestion': 0.95, interference: 0.3, else: 0.1 },
  },
  {
    words: 'guaranteed traffic fills the cell (above 60 %)',
    seen: ({ gbrPrbRatio }) => above(gbrPrbRatio, 60),
    chance: { 'cell-congestion': 0.5, else: 0.04 },
  },
  {
    words: 'packets wait long in the air interface (above 40 ms)',
    seen: ({ airDelayMs }) => above(airDelayMs, 40),
    chance: { 'cell-congestion': 0.7, 'weak-coverage': 0.5, interference: 0.5, else: 0.08 },
  },
  {
    words: 'the path to the data network is ill',
    seen: ({ pathHealthy }) => (pathHealthy == null ? null : !pathHealthy),
    chance: { transport: 0.8, else: 0.01 },
  },
  {
    words: 'the path to the data network is slow (above 50 ms)',
    seen: ({ pathDelayMs }) => above(pathDelayMs, 50),
    chance: { transport: 0.85, computing: 0.1, else: 0.03 },
  },
  {
    words: 'the path to the data network loses packets (above 1 %)',
    seen: ({ pathLossRatio }) => above(pathLossRatio, 0.01),
    chance: { transport: 0.7, else: 0.02 },
  },
  {
    words: 'a function of the core is overloaded (above 80 %)',
    seen: ({ coreLoad }) => above(coreLoad, 80),
    chance: { core: 0.7, else: 0.05 },
  },
  {
    words: 'a function of the core is dead, overloaded or wrongly configured',
    seen: ({ coreAlarms }) => above(coreAlarms, 0),
    chance: { core: 0.9, else: 0.04 },
  },
  {
    words: 'a computing site is down',
    seen: ({ siteAlarms }) => above(siteAlarms, 0),
    chance: { computing: 0.9, else: 0.03 },
  },
];

/**
 * Ranks what may be behind a bad service by what was measured of it: naive Bayes over an expert's signs.
 * Pure; the same evidence gives the same ranking.
 * @throws the standard error `validation` where the evidence is not of its form
 */
export function diagnose(input: unknown): Diagnosis {
  const read = evidence.safeParse(input);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw standardError('validation', 'What was measured cannot be read.', {
      detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    });
  }
  const signs = SIGNS.flatMap((sign) => {
    const seen = sign.seen(read.data);
    return seen === null ? [] : [{ sign, seen }];
  });
  const weights = CAUSES.map((cause) => {
    const likelihood = signs.reduce((product, { sign, seen }) => {
      const chance = sign.chance[cause] ?? sign.chance.else;
      return product * (seen ? chance : 1 - chance);
    }, PRIOR[cause]);
    return { cause, likelihood };
  });
  const sum = weights.reduce((total, { likelihood }) => total + likelihood, 0);
  const ranking = weights
    .map(({ cause, likelihood }) => ({
      cause,
      probability: Math.round((likelihood / sum) * 1_000) / 1_000,
      because: signs
        .filter(({ sign, seen }) => seen && (sign.chance[cause] ?? 0) > sign.chance.else)
        .map(({ sign }) => sign.words),
    }))
    .sort((a, b) => b.probability - a.probability);
  const [first] = ranking as [(typeof ranking)[number]];
  return { cause: first.cause, domain: DOMAIN[first.cause], confidence: first.probability, ranking };
}
