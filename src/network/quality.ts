import type { ServiceDemand, ServiceSecond } from './model.ts';

/** What a service's user had of it. */
export interface ServiceQuality {
  service: string;
  seconds: number;
  /** Share of the seconds in which all targets were met, 0..1. */
  secondsMet: number;
  /** Runs of seconds in which the picture stood still, and their seconds together. */
  freezes: number;
  freezeSeconds: number;
  /** Estimated, 1..5. */
  mos: number;
  medianDlMbps: number;
  p5DlMbps: number;
  medianUlMbps: number;
  p95DelayMs: number;
}

/** Below this share of the target rate a codec cannot keep the picture moving. */
const FREEZE_RATE = 0.25;
/** A picture that is this late, or loses this much, stands still too. */
const FREEZE_DELAY_MS = 1000;
const FREEZE_LOSS = 0.5;
/** Rates are whole bits a second. */
const EPSILON = 1e-9;

/** Quality of the seconds of one service against its demand; `secondsMet` 0 where there are none. */
export function serviceQuality(seconds: readonly ServiceSecond[], demand: ServiceDemand): ServiceQuality {
  const met = (s: ServiceSecond) =>
    s.dlMbps >= demand.dlMbps - EPSILON &&
    s.ulMbps >= demand.ulMbps - EPSILON &&
    s.delayMs <= demand.maxDelayMs + EPSILON;
  let freezes = 0;
  let freezeSeconds = 0;
  let frozen = false;
  for (const second of seconds) {
    const now =
      rateShare(second, demand) < FREEZE_RATE ||
      second.delayMs > FREEZE_DELAY_MS ||
      second.lossRatio > FREEZE_LOSS;
    if (now) freezeSeconds++;
    if (now && !frozen) freezes++;
    frozen = now;
  }
  const all = seconds.length;
  const share = (count: number) => (all === 0 ? 0 : count / all);
  const sorted = (of: (s: ServiceSecond) => number) => seconds.map(of).sort((a, b) => a - b);
  const dl = sorted((s) => s.dlMbps);
  return {
    service: demand.name,
    seconds: all,
    secondsMet: rounded(share(seconds.filter(met).length), 4),
    freezes,
    freezeSeconds,
    mos: rounded(estimatedMos(seconds, demand), 2),
    medianDlMbps: rounded(quantile(dl, 0.5), 3),
    p5DlMbps: rounded(quantile(dl, 0.05), 3),
    medianUlMbps: rounded(
      quantile(
        sorted((s) => s.ulMbps),
        0.5,
      ),
      3,
    ),
    p95DelayMs: rounded(
      quantile(
        sorted((s) => s.delayMs),
        0.95,
      ),
      1,
    ),
  };
}

function rateShare(second: ServiceSecond, demand: ServiceDemand): number {
  const part = (rate: number, target: number) => (target > 0 ? rate / target : 1);
  return Math.min(1, part(second.dlMbps, demand.dlMbps), part(second.ulMbps, demand.ulMbps));
}

/**
 * An estimate, not a measurement: a mapping of our own in the form of ITU-T G.1070, which multiplies
 * the quality of coding by that of the packet loss, with a delay term in the form of the E-model's
 * Idd (ITU-T G.107); its coefficients are not those of any codec. Per second
 * `1 + 3.5 q e^(-loss / 0.04) d`, with `q` the rate share to the power 0.6 and `d` falling from 1 at
 * 150 ms to 0.5 at 800 ms (ITU-T G.114 gives 150 ms as harmless). As in ITU-T P.1203.3 the bad spells
 * weigh on the memory of the whole: mean of the seconds' mean and of their worst tenth, 4 to 1.
 */
function estimatedMos(seconds: readonly ServiceSecond[], demand: ServiceDemand): number {
  if (seconds.length === 0) return 1;
  const scores = seconds.map((second) => {
    const late = Math.max(0, Math.min(1, (second.delayMs - 150) / 650));
    const quality = rateShare(second, demand) ** 0.6 * Math.exp(-second.lossRatio / 0.04) * (1 - 0.5 * late);
    return 1 + 3.5 * quality;
  });
  scores.sort((a, b) => a - b);
  const worst = scores.slice(0, Math.max(1, Math.round(scores.length / 10)));
  return 0.8 * mean(scores) + 0.2 * mean(worst);
}

export interface Harm {
  /** Relative change of the median and of the 5 % quantile of the others' mean rates: -0.01 = 1 % less. */
  othersMedianRateChange: number;
  othersP5RateChange: number;
  /** Jain's fairness index of the others' rates, 1/n..1. */
  jainAssured: number;
  jainUnassured: number;
}

/**
 * What assurance cost the other subscribers: mean downlink rates with and without it, by subscriber.
 * Those who asked for nothing in either world are left out.
 */
export function harm(assured: ReadonlyMap<string, number>, unassured: ReadonlyMap<string, number>): Harm {
  const ids = [...new Set([...assured.keys(), ...unassured.keys()])].filter(
    (id) => (assured.get(id) ?? 0) > 0 || (unassured.get(id) ?? 0) > 0,
  );
  const rates = (of: ReadonlyMap<string, number>) => ids.map((id) => of.get(id) ?? 0).sort((a, b) => a - b);
  const withIt = rates(assured);
  const without = rates(unassured);
  const change = (q: number) => {
    const before = quantile(without, q);
    return before > 0 ? rounded(quantile(withIt, q) / before - 1, 5) : 0;
  };
  return {
    othersMedianRateChange: change(0.5),
    othersP5RateChange: change(0.05),
    jainAssured: rounded(jain(withIt), 4),
    jainUnassured: rounded(jain(without), 4),
  };
}

function jain(rates: readonly number[]): number {
  const sum = rates.reduce((a, b) => a + b, 0);
  const squares = rates.reduce((a, b) => a + b * b, 0);
  return squares > 0 ? (sum * sum) / (rates.length * squares) : 1;
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function quantile(sorted: readonly number[], q: number): number {
  if (sorted.length === 0) return 0;
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const from = sorted[low] as number;
  return from + (at - low) * ((sorted[Math.min(low + 1, sorted.length - 1)] as number) - from);
}

function rounded(value: number, digits: number): number {
  // Adding 0 turns -0 into 0: it would print as "-0" in JSON.
  return Math.round(value * 10 ** digits) / 10 ** digits + 0;
}
