import type { Faults } from './faults.ts';

interface Resources {
  vcpu: number;
  memoryMiB: number;
  gpu: number;
}

export interface EdgeSite {
  siteId: string;
  regionId: string;
  /** Access identifier over which the site is near. */
  dnai: string;
  capacity: Resources;
  free: Resources;
  state: 'up' | 'down';
}

export interface Allocation extends Resources {
  allocationId: string;
  siteId: string;
  name: string;
}

export interface Job {
  jobId: string;
  allocationId: string;
  name: string;
  /** Work in core-seconds; the allocation's cores share it. */
  cpuSeconds: number;
  /** Network time, ms. */
  startedAt: number;
  endsAt: number;
  state: 'RUNNING' | 'DONE' | 'FAILED';
}

export type SiteRefusal = 'SITE_NOT_FOUND' | 'SITE_DOWN' | 'INSUFFICIENT_RESOURCES' | 'ALLOCATION_NOT_FOUND';

const CAPACITY: Readonly<Record<'edge' | 'central', Resources>> = {
  edge: { vcpu: 64, memoryMiB: 262_144, gpu: 2 },
  central: { vcpu: 1_024, memoryMiB: 4_194_304, gpu: 32 },
};
const KINDS = ['edge', 'central'] as const;
const RESOURCES = ['vcpu', 'memoryMiB', 'gpu'] as const;

/** Compute at the edge and central sites of the regions in service. */
export class Sites {
  readonly #regions: () => readonly string[];
  readonly #faults: Faults;
  readonly #allocations = new Map<string, Allocation>();
  readonly #jobs = new Map<string, Job>();
  #serial = 0;

  constructor(regions: () => readonly string[], faults: Faults) {
    this.#regions = regions;
    this.#faults = faults;
  }

  list(): EdgeSite[] {
    return this.#regions().flatMap((regionId) =>
      KINDS.map((kind) => {
        const siteId = `${kind}-${regionId}`;
        const capacity = CAPACITY[kind];
        const free = { ...capacity };
        for (const one of this.#allocations.values()) {
          if (one.siteId === siteId) for (const name of RESOURCES) free[name] -= one[name];
        }
        const down = this.#faults.of('site-down').some(({ site }) => site === siteId);
        return { siteId, regionId, dnai: siteId, capacity, free, state: down ? 'down' : 'up' } as const;
      }),
    );
  }

  site(siteId: string): EdgeSite | undefined {
    return this.list().find((site) => site.siteId === siteId);
  }

  allocate(siteId: string, name: string, wanted: Resources): Allocation | SiteRefusal {
    const site = this.site(siteId);
    if (site === undefined) return 'SITE_NOT_FOUND';
    if (site.state === 'down') return 'SITE_DOWN';
    if (RESOURCES.some((resource) => wanted[resource] > site.free[resource])) return 'INSUFFICIENT_RESOURCES';
    const allocation = { allocationId: `alloc-${++this.#serial}`, siteId, name, ...wanted };
    this.#allocations.set(allocation.allocationId, allocation);
    return allocation;
  }

  allocation(id: string): Allocation | undefined {
    return this.#allocations.get(id);
  }

  allocations(): Allocation[] {
    return [...this.#allocations.values()];
  }

  /** Ends its jobs too; false where there is none. */
  release(id: string): boolean {
    for (const job of [...this.#jobs.values()]) if (job.allocationId === id) this.#jobs.delete(job.jobId);
    return this.#allocations.delete(id);
  }

  run(allocationId: string, name: string, cpuSeconds: number, now: number): Job | SiteRefusal {
    const allocation = this.#allocations.get(allocationId);
    if (allocation === undefined) return 'ALLOCATION_NOT_FOUND';
    if (this.site(allocation.siteId)?.state !== 'up') return 'SITE_DOWN';
    // Jobs of an allocation take turns: the next starts when the one before it ends.
    const busyUntil = Math.max(
      now,
      ...[...this.#jobs.values()].filter((job) => job.allocationId === allocationId).map((job) => job.endsAt),
    );
    const endsAt = busyUntil + Math.ceil((cpuSeconds * 1000) / allocation.vcpu);
    const jobId = `job-${++this.#serial}`;
    const job: Job = {
      jobId,
      allocationId,
      name,
      cpuSeconds,
      startedAt: busyUntil,
      endsAt,
      state: 'RUNNING',
    };
    this.#jobs.set(jobId, job);
    return this.#judged(job, now);
  }

  job(id: string, now: number): Job | undefined {
    const job = this.#jobs.get(id);
    return job && this.#judged(job, now);
  }

  /** Most used resource of the busiest site, 0..1. */
  load(): number {
    const shares = this.list().flatMap(({ capacity, free }) =>
      RESOURCES.map((name) => 1 - free[name] / capacity[name]),
    );
    return Math.max(0, ...shares);
  }

  #judged(job: Job, now: number): Job {
    if (job.state === 'RUNNING' && now >= job.endsAt) job.state = 'DONE';
    const site = this.#allocations.get(job.allocationId)?.siteId ?? '';
    if (job.state === 'RUNNING' && this.site(site)?.state !== 'up') job.state = 'FAILED';
    return { ...job };
  }
}
