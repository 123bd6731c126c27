import { z } from 'zod';
import { instanceId, nfType } from './steps.ts';
import { type ToolContext, tool } from './types.ts';

const NRF = 'NRF';

const profile = z.object({
  nfInstanceId: z.string(),
  nfType: z.string(),
  nfStatus: z.string(),
  load: z.number().nullish(),
  priority: z.number().nullish(),
  nfSetIdList: z.array(z.string()).nullish(),
  nfServices: z.array(z.object({ serviceName: z.string() })).nullish(),
  nfServiceList: z.record(z.string(), z.object({ serviceName: z.string() })).nullish(),
});
const shown = z.object({
  nfInstanceId: z.string(),
  nfType: z.string(),
  status: z.string(),
  load: z.number().nullable(),
  sets: z.array(z.string()),
  services: z.array(z.string()),
});

const show = (raw: unknown): z.output<typeof shown> => {
  const { nfInstanceId, nfType: type, nfStatus, load, nfSetIdList, ...of } = profile.parse(raw);
  const services = [...(of.nfServices ?? []), ...Object.values(of.nfServiceList ?? {})];
  return {
    nfInstanceId,
    nfType: type,
    status: nfStatus,
    load: load ?? null,
    sets: nfSetIdList ?? [],
    services: [...new Set(services.map(({ serviceName }) => serviceName))],
  };
};

const discovered = z.object({ nfInstances: z.array(z.unknown()) });

async function discover(query: Record<string, string>, { sbi }: ToolContext) {
  const answer = await sbi({
    nf: NRF,
    operation: 'SearchNFInstances',
    method: 'GET',
    path: '/nnrf-disc/v1/nf-instances',
    query: { 'requester-nf-type': 'AF', ...query },
  });
  return discovered.parse(answer.body).nfInstances.map(show);
}

const list = tool({
  name: 'core_list_network_functions',
  title: 'List network functions',
  description: 'Ids of the network functions that are registered, all or of one type.',
  category: 'management',
  kind: 'status perception',
  labels: ['nrf', 'inventory', 'registered', 'functions', 'topology'],
  effects: 'read',
  nf: [{ type: NRF, operations: ['GetNFInstances'] }],
  input: z.strictObject({ nfType: nfType.optional() }),
  output: z.object({ nfInstanceIds: z.array(z.string()) }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: NRF,
      operation: 'GetNFInstances',
      method: 'GET',
      path: '/nnrf-nfm/v1/nf-instances',
      ...(args.nfType !== undefined && { query: { 'nf-type': args.nfType } }),
    });
    const { item } = z
      .object({ _links: z.object({ item: z.array(z.object({ href: z.string() })).default([]) }) })
      .parse(answer.body)._links;
    return { nfInstanceIds: item.map(({ href }) => href.split('/').at(-1) ?? href) };
  },
});

const read = tool({
  name: 'core_read_nf_profile',
  title: 'Read a network function',
  description: 'Type, status, load, sets and services of one network function, as it registered.',
  category: 'management',
  kind: 'status perception',
  labels: ['nrf', 'profile', 'status', 'function', 'services'],
  effects: 'read',
  nf: [{ type: NRF, operations: ['GetNFInstance'] }],
  input: z.strictObject({ nfInstanceId: instanceId }),
  output: shown,
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: NRF,
      operation: 'GetNFInstance',
      method: 'GET',
      path: `/nnrf-nfm/v1/nf-instances/${args.nfInstanceId}`,
    });
    return show(answer.body);
  },
});

const find = tool({
  name: 'core_discover_network_functions',
  title: 'Discover network functions',
  description: 'Network functions of a type that can serve now: by service, data network or subscriber.',
  category: 'management',
  kind: 'data collection',
  labels: ['nrf', 'discovery', 'service', 'find', 'functions', 'who provides', 'address', 'endpoint'],
  effects: 'read',
  nf: [{ type: NRF, operations: ['SearchNFInstances'] }],
  input: z.strictObject({
    nfType,
    serviceName: z
      .string()
      .regex(/^[a-z0-9-]{3,64}$/)
      .optional()
      .describe('For example npcf-smpolicycontrol'),
    dnn: z
      .string()
      .regex(/^[A-Za-z0-9.-]{1,100}$/)
      .optional()
      .describe('Data network name'),
    limit: z.number().int().min(1).max(50).default(10),
  }),
  output: z.object({ functions: z.array(shown) }),
  execute: async (args, context) => ({
    functions: await discover(
      {
        'target-nf-type': args.nfType,
        limit: String(args.limit),
        ...(args.serviceName !== undefined && { 'service-names': args.serviceName }),
        ...(args.dnn !== undefined && { dnn: args.dnn }),
      },
      context,
    ),
  }),
});

const standIns = tool({
  name: 'core_find_standby_functions',
  title: 'Find stand-ins of a network function',
  description:
    'Which other functions of its set can take over from a network function, the least loaded first. Before a restart, or when one fails.',
  category: 'management',
  kind: 'redundancy recovery',
  labels: [
    'failover',
    'redundancy',
    'set',
    'standby',
    'take over',
    'recovery',
    'single point of failure',
    'spare',
  ],
  effects: 'read',
  nf: [{ type: NRF, operations: ['GetNFInstance', 'SearchNFInstances'] }],
  input: z.strictObject({ nfInstanceId: instanceId }),
  output: z.object({ functions: z.array(shown) }),
  async execute(args, context) {
    const answer = await context.sbi({
      nf: NRF,
      operation: 'GetNFInstance',
      method: 'GET',
      path: `/nnrf-nfm/v1/nf-instances/${args.nfInstanceId}`,
    });
    const failed = show(answer.body);
    const [set] = failed.sets;
    const found = await discover(
      { 'target-nf-type': failed.nfType, ...(set !== undefined && { 'target-nf-set-id': set }) },
      context,
    );
    return {
      functions: found
        .filter(({ nfInstanceId }) => nfInstanceId !== args.nfInstanceId)
        .sort((a, b) => (a.load ?? 0) - (b.load ?? 0)),
    };
  },
});

export const repositoryTools = [list, read, find, standIns];
