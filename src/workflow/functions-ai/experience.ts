import { z } from 'zod';
import { standardError } from '../fault.ts';

/** What a service wants, Mbit/s and ms one way, and the share of lost packets that it bears, 0..1. */
const NEEDS = {
  'voice-call': { dlMbps: 0.1, ulMbps: 0.1, maxDelayMs: 100, maxLossRatio: 0.01 },
  'video-conference': { dlMbps: 4, ulMbps: 3, maxDelayMs: 150, maxLossRatio: 0.01 },
  'video-streaming': { dlMbps: 8, ulMbps: 0.5, maxDelayMs: 300, maxLossRatio: 0.02 },
  'live-stream': { dlMbps: 1, ulMbps: 6, maxDelayMs: 300, maxLossRatio: 0.01 },
  gaming: { dlMbps: 3, ulMbps: 1, maxDelayMs: 50, maxLossRatio: 0.005 },
  payment: { dlMbps: 0.5, ulMbps: 0.5, maxDelayMs: 80, maxLossRatio: 0.001 },
} as const;

const figures = z.object({
  service: z.enum(Object.keys(NEEDS) as [keyof typeof NEEDS]),
  /** Rates that the service could have. */
  dlMbps: z.number().min(0),
  ulMbps: z.number().min(0),
  delayMs: z.number().min(0),
  lossRatio: z.number().min(0).max(1).nullish(),
});

export interface ExperienceEstimate {
  /** Mean opinion score that is expected, 1..5. */
  mos: number;
  verdict: 'good' | 'fair' | 'poor';
  /** What holds the score down most; null where all needs are met. */
  limitedBy: 'downlink' | 'uplink' | 'delay' | 'loss' | null;
  /** How far each need is met, 0..1. */
  met: { downlink: number; uplink: number; delay: number; loss: number };
}

const share = (got: number, wanted: number) => Math.min(1, got / wanted);
const within = (got: number, limit: number) => Math.min(1, limit / Math.max(got, limit));
const round = (value: number) => Math.round(value * 100) / 100;

/**
 * Expected mean opinion score of a kind of service by what the network offers: the need that is met worst
 * rules, and lack hurts more the deeper it is (1 + 4 m^1.5). Where the NWDAF's score is about the service
 * that the subscriber has, this one is about a service that it could have.
 * @throws the standard error `validation` where a figure is missing or the service is unknown
 */
export function estimateExperience(input: unknown): ExperienceEstimate {
  const read = figures.safeParse(input);
  if (!read.success) {
    const issue = read.error.issues[0];
    throw standardError('validation', 'The figures of the service cannot be read.', {
      detail: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
    });
  }
  const { service, dlMbps, ulMbps, delayMs, lossRatio } = read.data;
  const need = NEEDS[service];
  const met = {
    downlink: share(dlMbps, need.dlMbps),
    uplink: share(ulMbps, need.ulMbps),
    delay: within(delayMs, need.maxDelayMs),
    loss: within(lossRatio ?? 0, need.maxLossRatio),
  };
  const [worst, value] = Object.entries(met).reduce((least, one) => (one[1] < least[1] ? one : least));
  const mos = round(1 + 4 * value ** 1.5);
  return {
    mos,
    verdict: mos >= 4 ? 'good' : mos >= 3 ? 'fair' : 'poor',
    limitedBy: value >= 1 ? null : (worst as keyof typeof met),
    met: {
      downlink: round(met.downlink),
      uplink: round(met.uplink),
      delay: round(met.delay),
      loss: round(met.loss),
    },
  };
}
