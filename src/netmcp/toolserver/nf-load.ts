import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { SbiClient } from '../../sbi/index.ts';

const load = z.number().min(0).max(100);
const searchResultSchema = z.object({
  nfInstances: z
    .array(
      z.object({
        load: load.optional(),
        /** Static, relative to the others of its type (TS 29.510 6.1.6.2.2). */
        capacity: z.number().int().min(0).max(65_535).optional(),
        nfServices: z.array(z.object({ load: load.optional() })).optional(),
      }),
    )
    .max(1_000),
});

export interface NfLoad {
  /** Load in percent by NF type; types of which nothing is known are left out. */
  read(types: readonly string[]): Promise<Record<string, number>>;
  close(): Promise<void>;
}

/** What was read is used so long while the NRF does not answer, ms. */
const BELIEF_MS = 60_000;
const TIMEOUT_MS = 2_000;

/**
 * Load of NFs as they report it to the NRF (TS 29.510 `load` of NFProfile and NFService). Of a type with
 * several instances it is their mean, weighted by capacity, as a consumer may meet any of them.
 */
export function openNfLoad(env: Env, nrf: string): NfLoad {
  const client = new SbiClient({ env, timeoutMs: TIMEOUT_MS });
  const known = new Map<string, { load: number; until: number }>();

  async function ask(type: string): Promise<void> {
    const { body } = await client.request({
      nf: 'NRF',
      base: nrf,
      method: 'GET',
      path: '/nnrf-disc/v1/nf-instances',
      query: { 'target-nf-type': type, 'requester-nf-type': 'AF' },
    });
    const found = loadOf(body);
    if (found === null) known.delete(type);
    else known.set(type, { load: found, until: env.clock.now() + BELIEF_MS });
  }

  return {
    async read(types) {
      const asked = await Promise.allSettled(types.map(ask));
      const lost = asked.find((one) => one.status === 'rejected');
      if (lost) env.log.debug({ problem: String(lost.reason) }, 'load of NFs not read');
      const fresh = [...known].filter(([type, { until }]) => types.includes(type) && until > env.clock.now());
      return Object.fromEntries(fresh.map(([type, one]) => [type, one.load]));
    },
    close: () => client.close(),
  };
}

/** Null: nobody of this type says how busy it is. */
export function loadOf(searchResult: unknown): number | null {
  const read = searchResultSchema.safeParse(searchResult);
  if (!read.success) return null;
  let sum = 0;
  let weight = 0;
  for (const { load: own, capacity, nfServices = [] } of read.data.nfInstances) {
    const loads = own === undefined ? nfServices.flatMap((service) => service.load ?? []) : [own];
    if (loads.length === 0) continue;
    sum += Math.max(...loads) * (capacity ?? 1);
    weight += capacity ?? 1;
  }
  return weight === 0 ? null : Math.round(sum / weight);
}
