import { z } from 'zod';
import type { Clock } from '../../machines/ports.ts';

/** How long an instance that failed is asked after all others, ms. */
const SHUN_MS = 5_000;

const endpoint = z.object({
  ipv4Address: z.string().optional(),
  ipv6Address: z.string().optional(),
  port: z.number().int().optional(),
});
const services = z.array(
  z.object({
    scheme: z.string().default('http'),
    ipEndPoints: z.array(endpoint).default([]),
    serviceName: z.string().optional(),
    apiPrefix: z.string().optional(),
  }),
);
const searchResult = z.object({
  validityPeriod: z.number().default(0),
  nfInstances: z.array(
    z.object({
      priority: z.number().optional(),
      ipv4Addresses: z.array(z.string()).optional(),
      nfServices: services.optional(),
      /** The map that took the place of the list (TS 29.510 6.1.6.2.2). */
      nfServiceList: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});

/** API roots of the instances in a discovery answer, best first, and for how long they hold, ms. */
export function instancesOf(body: unknown): { bases: string[]; validMs: number } {
  const read = searchResult.safeParse(body);
  if (!read.success) return { bases: [], validMs: 0 };
  const bases = [...read.data.nfInstances]
    .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
    .flatMap(({ nfServices = [], nfServiceList = {}, ipv4Addresses = [] }) => {
      const listed = services.safeParse(Object.values(nfServiceList));
      for (const { scheme, ipEndPoints, apiPrefix = '' } of [
        ...nfServices,
        ...(listed.success ? listed.data : []),
      ]) {
        const at = ipEndPoints[0];
        // A service without an address of its own has that of its function.
        const v4 = at?.ipv4Address ?? (at?.ipv6Address === undefined ? ipv4Addresses[0] : undefined);
        const host = v4 ?? (at?.ipv6Address === undefined ? undefined : `[${at.ipv6Address}]`);
        if (host !== undefined)
          return [`${scheme}://${host}:${at?.port ?? 80}${apiPrefix.replace(/\/$/, '')}`];
      }
      return [];
    });
  return { bases: [...new Set(bases)], validMs: read.data.validityPeriod * 1000 };
}

/** Instances of NF types that were discovered, and which of them failed lately. */
export class Instances {
  readonly #clock: Clock;
  readonly #found = new Map<string, { bases: string[]; until: number }>();
  readonly #failed = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  known(key: string): string[] | undefined {
    const found = this.#found.get(key);
    return found !== undefined && found.until > this.#clock.now() ? this.#ordered(found.bases) : undefined;
  }

  learn(key: string, { bases, validMs }: { bases: string[]; validMs: number }): string[] {
    if (bases.length > 0) this.#found.set(key, { bases, until: this.#clock.now() + validMs });
    return this.#ordered(bases);
  }

  /** It may have moved: the next discovery asks the NRF again, and takes another one while it can. */
  failed(base: string): void {
    this.#failed.set(base, this.#clock.now() + SHUN_MS);
    for (const [key, { bases }] of this.#found) if (bases.includes(base)) this.#found.delete(key);
  }

  well(base: string): void {
    this.#failed.delete(base);
  }

  clear(): void {
    this.#found.clear();
    this.#failed.clear();
  }

  #ordered(bases: readonly string[]): string[] {
    const shunned = (base: string) => (this.#failed.get(base) ?? 0) > this.#clock.now();
    return [...bases.filter((base) => !shunned(base)), ...bases.filter(shunned)];
  }
}
