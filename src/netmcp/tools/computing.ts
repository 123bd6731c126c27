import { z } from 'zod';
import { withUndo } from './steps.ts';
import { type ToolContext, tool } from './types.ts';

const COMPUTE = 'COMPUTE';
const ROOT = '/compute/v1';
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/);
const siteId = name.describe('Site, for example edge-shanghai');
const allocationId = name.describe('Id that allocating gave');
const amount = (most: number) => z.number().int().min(1).max(most);

const resources = z.object({ vcpu: z.number(), memoryMiB: z.number(), gpu: z.number() });
const site = z.object({
  siteId: z.string(),
  dnai: z.string(),
  state: z.string(),
  capacity: resources,
  free: resources,
});
const allocation = z.object({
  allocationId: z.string(),
  siteId: z.string(),
  name: z.string(),
  vcpu: z.number(),
  memoryMiB: z.number(),
  gpu: z.number(),
});
const job = z.object({ jobId: z.string(), state: z.string(), startedAt: z.number(), endsAt: z.number() });

const get = async (operation: string, path: string, { sbi }: ToolContext) =>
  (await sbi({ nf: COMPUTE, operation, method: 'GET', path: `${ROOT}${path}` })).body;
const post = async (operation: string, path: string, body: object, { sbi }: ToolContext) =>
  (await sbi({ nf: COMPUTE, operation, method: 'POST', path: `${ROOT}${path}`, body })).body;

const sites = tool({
  name: 'compute_list_sites',
  title: 'List computing sites',
  description:
    'Edge and central sites with their free cores, memory and accelerators, and whether they are up.',
  category: 'computing',
  kind: 'status perception',
  labels: ['edge', 'site', 'capacity', 'cores', 'gpu', 'free'],
  effects: 'read',
  nf: [{ type: COMPUTE, operations: ['listSites'] }],
  input: z.strictObject({}),
  output: z.object({ sites: z.array(site) }),
  execute: async (_, context) =>
    z.object({ sites: z.array(site) }).parse(await get('listSites', '/sites', context)),
});

const readSite = tool({
  name: 'compute_read_site',
  title: 'Read a computing site',
  description: 'Capacity, free resources and state of one computing site.',
  category: 'computing',
  kind: 'status perception',
  labels: ['edge', 'site', 'capacity', 'state'],
  effects: 'read',
  nf: [{ type: COMPUTE, operations: ['readSite'] }],
  input: z.strictObject({ siteId }),
  output: site,
  execute: async (args, context) => site.parse(await get('readSite', `/sites/${args.siteId}`, context)),
});

const allocate = tool({
  name: 'compute_allocate',
  title: 'Allocate computing resources',
  description: 'Takes cores, memory and accelerators at a site for an application.',
  category: 'computing',
  kind: 'resource management',
  labels: ['allocate', 'reserve', 'cores', 'memory', 'gpu', 'edge'],
  effects: 'reversible',
  nf: [{ type: COMPUTE, operations: ['allocate'] }],
  input: z.strictObject({
    siteId,
    name: name.describe('Application'),
    vcpu: amount(1_024).describe('Cores'),
    memoryMiB: amount(4_194_304).describe('Memory, MiB'),
    gpu: z.number().int().min(0).max(32).default(0).describe('Accelerators'),
  }),
  output: allocation,
  execute: async (args, context) => allocation.parse(await post('allocate', '/allocations', args, context)),
});

const allocations = tool({
  name: 'compute_list_allocations',
  title: 'List allocations',
  description: 'What is allocated at the computing sites now, and to which application.',
  category: 'computing',
  kind: 'status perception',
  labels: ['allocations', 'who uses', 'computing', 'list'],
  effects: 'read',
  nf: [{ type: COMPUTE, operations: ['listAllocations'] }],
  input: z.strictObject({}),
  output: z.object({ allocations: z.array(allocation) }),
  execute: async (_, context) =>
    z
      .object({ allocations: z.array(allocation) })
      .parse(await get('listAllocations', '/allocations', context)),
});

const readAllocation = tool({
  name: 'compute_read_allocation',
  title: 'Read an allocation',
  description: 'Site and resources of one allocation.',
  category: 'computing',
  kind: 'status perception',
  labels: ['allocation', 'read', 'computing'],
  effects: 'read',
  nf: [{ type: COMPUTE, operations: ['readAllocation'] }],
  input: z.strictObject({ allocationId }),
  output: allocation,
  execute: async (args, context) =>
    allocation.parse(await get('readAllocation', `/allocations/${args.allocationId}`, context)),
});

async function releaseOne(id: string, { sbi }: ToolContext): Promise<void> {
  await sbi({
    nf: COMPUTE,
    operation: 'release',
    method: 'DELETE',
    path: `${ROOT}/allocations/${id}`,
  });
}

const release = tool({
  name: 'compute_release',
  title: 'Release computing resources',
  description: 'Gives back what was allocated; its jobs end.',
  category: 'computing',
  kind: 'resource management',
  labels: ['release', 'free', 'deallocate', 'computing'],
  effects: 'irreversible',
  nf: [{ type: COMPUTE, operations: ['release'] }],
  input: z.strictObject({ allocationId }),
  output: z.object({ released: z.boolean() }),
  async execute(args, context) {
    await releaseOne(args.allocationId, context);
    return { released: true };
  },
});

const run = tool({
  name: 'compute_run_job',
  title: 'Run a job',
  description: 'Runs an amount of work on allocated cores; says when it will be done.',
  category: 'computing',
  kind: 'resource management',
  labels: ['job', 'offload', 'inference', 'task', 'execute', 'work'],
  effects: 'reversible',
  nf: [{ type: COMPUTE, operations: ['runJob'] }],
  input: z.strictObject({
    allocationId,
    name: name.describe('Job'),
    cpuSeconds: z.number().min(0.001).max(86_400_000).describe('Work in core-seconds'),
  }),
  output: job,
  execute: async ({ allocationId: id, ...body }, context) =>
    job.parse(await post('runJob', `/allocations/${id}/jobs`, body, context)),
});

const readJob = tool({
  name: 'compute_read_job',
  title: 'Read a job',
  description: 'Whether a job is running, done or failed, and when it ends.',
  category: 'computing',
  kind: 'status perception',
  labels: ['job', 'progress', 'state', 'finished'],
  effects: 'read',
  nf: [{ type: COMPUTE, operations: ['readJob'] }],
  input: z.strictObject({ jobId: name.describe('Id that running gave') }),
  output: job,
  execute: async (args, context) => job.parse(await get('readJob', `/jobs/${args.jobId}`, context)),
});

const move = tool({
  name: 'compute_move_allocation',
  title: 'Move an allocation to another site',
  description:
    'Allocates the same at another site, then releases it at the first: when a site fails, or the user moved.',
  category: 'computing',
  kind: 'redundancy recovery',
  labels: [
    'move',
    'migrate',
    'failover',
    'site',
    'relocate',
    'recovery',
    'take workload elsewhere',
    'evacuate',
    'disaster',
  ],
  effects: 'reversible',
  nf: [{ type: COMPUTE, operations: ['readAllocation', 'allocate', 'release'] }],
  input: z.strictObject({ allocationId, siteId }),
  output: allocation,
  async execute(args, context) {
    const {
      name: app,
      vcpu,
      memoryMiB,
      gpu,
    } = allocation.parse(await get('readAllocation', `/allocations/${args.allocationId}`, context));
    const wanted = { siteId: args.siteId, name: app, vcpu, memoryMiB, gpu };
    const made = allocation.parse(await post('allocate', '/allocations', wanted, context));
    return withUndo(async (done) => {
      // Never two for one: what cannot be moved stays where it was.
      done('the second allocation', () => releaseOne(made.allocationId, context));
      await releaseOne(args.allocationId, context);
      return made;
    });
  },
});

export const computingTools = [
  sites,
  readSite,
  allocate,
  allocations,
  readAllocation,
  release,
  run,
  readJob,
  move,
];
