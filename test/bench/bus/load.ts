import { performance } from 'node:perf_hooks';

/** Something that can be asked again and again. */
export interface Subject {
  name: string;
  ask(): Promise<unknown>;
}

export interface Sample {
  rate: number;
  p50: number;
  p99: number;
}

/** Keeps `inFlight` requests open for `ms`; rate in 1/s, latencies in ms. */
export async function load(subject: Subject, inFlight: number, ms: number): Promise<Sample> {
  const times: number[] = [];
  const began = performance.now();
  const until = began + ms;
  await Promise.all(
    Array.from({ length: inFlight }, async () => {
      while (performance.now() < until) {
        const sent = performance.now();
        await subject.ask();
        times.push(performance.now() - sent);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0;
  return { rate: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}

export const median = (values: number[]) =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Rounds over all subjects, one after the other in each, so that noise of the machine hits all alike. */
export async function interleaved(
  subjects: Subject[],
  inFlight: number,
  options: { rounds: number; ms: number },
) {
  const samples = new Map<string, Sample[]>(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) await load(subject, inFlight, options.ms / 2);
  for (let round = 0; round < options.rounds; round++) {
    for (const subject of subjects)
      samples.get(subject.name)?.push(await load(subject, inFlight, options.ms));
  }
  return new Map(
    [...samples].map(([name, runs]) => [
      name,
      {
        rate: median(runs.map(({ rate }) => rate)),
        p50: median(runs.map(({ p50 }) => p50)),
        p99: median(runs.map(({ p99 }) => p99)),
        /** One rate a round, for ratios within a round. */
        rates: runs.map(({ rate }) => rate),
      },
    ]),
  );
}
