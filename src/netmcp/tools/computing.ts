import { z } from 'zod';
import { createdId, done, get, resourceId, send, withUndo } from './steps.ts';
import { type ToolContext, tool } from './types.ts';

const COMPUTE = 'COMPUTE';
const ROOT = '/compute/v1';
export const siteId = z
  .string()
  .regex(/^[a-z0-9-]{1,64}$/)
  .describe('Site, for example edge-shanghai');
const allocationId = resourceId('Id of reserved computing resources');
const name = z.string().min(1).max(128).describe('What it is for');
const vcpu = z.number().int().min(1).max(1_024).describe('Cores');
const memoryMiB = z.number().int().min(1).max(4_194_304).describe('Memory, MiB');
const gpu = z.number().int().min(0).max(32).default(0).describe('GPUs');
const resources = z.object({ vcpu: z.number(), memoryMiB: z.number(), gpu: z.number() });
const site = z.object({
  siteId: z.string(),
  regionId: z.string(),
  dnai: z.string(),
  state: z.string(),
  capacity: resources,
  free: resources,
});
const allocation = resources.extend({ allocationId: z.string(), siteId: z.string(), name: z.string() });
const job = z.object({
  jobId: z.string(),
  allocationId: z.string(),
  state: z.string(),
  startedAt: z.number(),
  endsAt: z.number(),
});
const one = (operations: string[]) => [{ type: COMPUTE, operations }];

export const readSite = async (id: string, context: ToolContext) =>
  site.parse(await get(context, COMPUTE, 'readSite', `${ROOT}/sites/${id}`));
export const readAllocation = async (id: string, context: ToolContext) =>
  allocation.parse(await get(context, COMPUTE, 'readAllocation', `${ROOT}/allocations/${id}`));

export async function reserve(
  wanted: { siteId: string; name: string } & z.output<typeof resources>,
  context: ToolContext,
): Promise<string> {
  const body = { ...wanted };
  return createdId(await send(context, COMPUTE, 'createAllocation', 'POST', `${ROOT}/allocations`, body));
}
export const release = (id: string, context: ToolContext) =>
  send(context, COMPUTE, 'deleteAllocation', 'DELETE', `${ROOT}/allocations/${id}`);

export async function runJob(id: string, title: string, cpuSeconds: number, context: ToolContext) {
  const path = `${ROOT}/allocations/${id}/jobs`;
  const { body } = await send(context, COMPUTE, 'createJob', 'POST', path, { name: title, cpuSeconds });
  return job.parse(body);
}

export const computingTools = [
  tool({
    name: 'compute_list_sites',
    title: 'List computing sites',
    description:
      'Edge and central computing sites with free cores, memory and GPUs, and whether they are up.',
    category: 'computing',
    kind: 'status perception',
    labels: ['edge cloud', 'MEC', 'data centre', 'capacity', 'servers'],
    effects: 'read',
    nf: one(['listSites']),
    input: z.strictObject({ upOnly: z.boolean().default(false).describe('Only sites that are up') }),
    output: z.object({ sites: z.array(site) }),
    async execute(args, context) {
      const body = await get(context, COMPUTE, 'listSites', `${ROOT}/sites`);
      const { sites } = z.object({ sites: z.array(site) }).parse(body);
      return { sites: sites.filter(({ state }) => !args.upOnly || state === 'up') };
    },
  }),
  tool({
    name: 'compute_read_site',
    title: 'Read the capacity of a computing site',
    description: 'Total and free cores, memory and GPUs of one computing site.',
    category: 'computing',
    kind: 'data collection',
    labels: ['edge', 'capacity', 'free resources', 'headroom'],
    effects: 'read',
    nf: one(['readSite']),
    input: z.strictObject({ siteId }),
    output: site,
    execute: (args, context) => readSite(args.siteId, context),
  }),
  tool({
    name: 'compute_list_allocations',
    title: 'List reserved computing resources',
    description: 'What is reserved at the computing sites, by whom and how much.',
    category: 'computing',
    kind: 'status perception',
    labels: ['edge', 'reservations', 'workloads', 'in use'],
    effects: 'read',
    nf: one(['listAllocations']),
    input: z.strictObject({ siteId: siteId.optional() }),
    output: z.object({ allocations: z.array(allocation) }),
    async execute(args, context) {
      const body = await get(context, COMPUTE, 'listAllocations', `${ROOT}/allocations`);
      const { allocations } = z.object({ allocations: z.array(allocation) }).parse(body);
      return { allocations: allocations.filter((each) => each.siteId === (args.siteId ?? each.siteId)) };
    },
  }),
  tool({
    name: 'compute_read_allocation',
    title: 'Read reserved computing resources',
    description: 'Site, cores, memory and GPUs of one reservation of computing resources.',
    category: 'computing',
    kind: 'data collection',
    labels: ['edge', 'reservation', 'details'],
    effects: 'read',
    nf: one(['readAllocation']),
    input: z.strictObject({ allocationId }),
    output: allocation,
    execute: (args, context) => readAllocation(args.allocationId, context),
  }),
  tool({
    name: 'compute_reserve_resources',
    title: 'Reserve computing resources',
    description: 'Reserves cores, memory and GPUs at a computing site, for inference or media processing.',
    category: 'computing',
    kind: 'resource management',
    labels: ['edge', 'allocate', 'GPU', 'AI inference', 'place workload', 'server'],
    effects: 'reversible',
    constraints: [
      {
        rule: 'args.memoryMiB >= args.vcpu * 128.0',
        message: 'memoryMiB must be at least 128 for each core (vcpu)',
      },
    ],
    nf: one(['createAllocation']),
    input: z.strictObject({ siteId, name, vcpu, memoryMiB, gpu }),
    output: z.object({ allocationId: z.string() }),
    execute: async (args, context) => ({ allocationId: await reserve(args, context) }),
  }),
  tool({
    name: 'compute_release_resources',
    title: 'Release computing resources',
    description: 'Gives reserved cores, memory and GPUs back; jobs in them end.',
    category: 'computing',
    kind: 'resource management',
    labels: ['edge', 'free', 'deallocate'],
    effects: 'reversible',
    nf: one(['deleteAllocation']),
    input: z.strictObject({ allocationId }),
    output: done,
    async execute(args, context) {
      await release(args.allocationId, context);
      return { done: true };
    },
  }),
  tool({
    name: 'compute_run_job',
    title: 'Run a job',
    description: 'Starts a computation of so many core-seconds in reserved computing resources.',
    category: 'computing',
    kind: 'resource management',
    labels: ['edge', 'task', 'inference', 'execute', 'batch', 'model'],
    effects: 'reversible',
    nf: one(['createJob']),
    input: z.strictObject({
      allocationId,
      name,
      cpuSeconds: z.number().min(0.001).max(86_400_000).describe('Work, core-seconds'),
    }),
    output: job,
    execute: (args, context) => runJob(args.allocationId, args.name, args.cpuSeconds, context),
  }),
  tool({
    name: 'compute_read_job',
    title: 'Read the state of a job',
    description: 'Whether a computing job runs, is done or failed, and when it ends.',
    category: 'computing',
    kind: 'status perception',
    labels: ['edge', 'progress', 'finished', 'task status'],
    effects: 'read',
    nf: one(['readJob']),
    input: z.strictObject({ jobId: resourceId('Id of the job') }),
    output: job,
    execute: async (args, context) =>
      job.parse(await get(context, COMPUTE, 'readJob', `${ROOT}/jobs/${args.jobId}`)),
  }),
  tool({
    name: 'compute_move_resources',
    title: 'Move a workload to another site',
    description: 'Reserves the same computing resources at another site, then releases those that were had.',
    category: 'computing',
    kind: 'redundancy recovery',
    labels: ['migrate', 'relocate', 'edge site failure', 'evacuate', 'disaster recovery'],
    effects: 'reversible',
    nf: one(['readAllocation', 'createAllocation', 'deleteAllocation']),
    input: z.strictObject({ allocationId, toSite: siteId }),
    output: z.object({ allocationId: z.string(), siteId: z.string() }),
    async execute(args, context) {
      const { allocationId: _, ...had } = await readAllocation(args.allocationId, context);
      return withUndo(async (step) => {
        const moved = await reserve({ ...had, siteId: args.toSite }, context);
        step(`reservation ${moved}`, () => release(moved, context));
        await release(args.allocationId, context);
        return { allocationId: moved, siteId: args.toSite };
      });
    },
  }),
];
