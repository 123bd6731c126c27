import { z } from 'zod';
import { done, get, instanceId, nfType, notifyTo, resourceId, send } from './steps.ts';
import { type ToolContext, tool } from './types.ts';

const NRF = 'NRF';
const NFM = '/nnrf-nfm/v1';
const profile = z.looseObject({
  nfInstanceId: z.string(),
  nfType: z.string(),
  nfStatus: z.string(),
  load: z.number().nullish(),
  priority: z.number().nullish(),
  capacity: z.number().nullish(),
  nfServices: z.array(z.looseObject({ serviceName: z.string() })).default([]),
});
export const functionView = z.object({
  instance: z.string(),
  type: z.string(),
  status: z.string(),
  load: z.number().nullable(),
  priority: z.number().nullable(),
  services: z.array(z.string()),
});
const view = (body: unknown): z.output<typeof functionView> => {
  const one = profile.parse(body);
  return {
    instance: one.nfInstanceId,
    type: one.nfType,
    status: one.nfStatus,
    load: one.load ?? null,
    priority: one.priority ?? null,
    services: one.nfServices.map(({ serviceName }) => serviceName),
  };
};

export const readFunction = async (instance: string, context: ToolContext) =>
  view(await get(context, NRF, 'GetNFInstance', `${NFM}/nf-instances/${instance}`));

/** Profiles of all instances of a type, or of all types. */
export async function readFunctions(type: string | undefined, limit: number, context: ToolContext) {
  const query = { ...(type !== undefined && { 'nf-type': type }), limit: String(limit) };
  const list = z
    .object({ _links: z.object({ item: z.array(z.object({ href: z.string() })) }) })
    .parse(await get(context, NRF, 'GetNFInstances', `${NFM}/nf-instances`, query));
  const found = [];
  for (const { href } of list._links.item) {
    found.push(await readFunction(href.split('/').pop() ?? '', context));
  }
  return found;
}

const functions = z.object({ functions: z.array(functionView) });
const limit = z.number().int().min(1).max(50).default(30).describe('So many at the most');
const OPERATIONS = [{ type: NRF, operations: ['GetNFInstances', 'GetNFInstance'] }];

export const registryTools = [
  tool({
    name: 'registry_list_functions',
    title: 'List network functions',
    description: 'Which network functions are registered: instance, type, status and load of each.',
    category: 'management',
    kind: 'status perception',
    labels: ['nrf', 'inventory', 'network elements', 'registered', 'alive'],
    effects: 'read',
    nf: OPERATIONS,
    input: z.strictObject({ nfType: nfType.optional(), limit }),
    output: functions,
    execute: async (args, context) => ({ functions: await readFunctions(args.nfType, args.limit, context) }),
  }),
  tool({
    name: 'registry_read_function',
    title: 'Read the profile of a network function',
    description: 'Registered profile of one network function: type, services, status, load, priority.',
    category: 'management',
    kind: 'data collection',
    labels: ['nrf', 'profile', 'services', 'details', 'capabilities'],
    effects: 'read',
    nf: [{ type: NRF, operations: ['GetNFInstance'] }],
    input: z.strictObject({ instanceId }),
    output: functionView,
    execute: (args, context) => readFunction(args.instanceId, context),
  }),
  tool({
    name: 'registry_read_load',
    title: 'Load of network functions',
    description:
      'How busy the instances of a type of network function say they are, percent, and their mean.',
    category: 'management',
    kind: 'status perception',
    labels: ['nrf', 'busy', 'overloaded', 'utilisation', 'heart-beat'],
    effects: 'read',
    nf: OPERATIONS,
    input: z.strictObject({ nfType }),
    output: z.object({
      meanLoad: z.number().nullable(),
      instances: z.array(z.object({ instance: z.string(), load: z.number().nullable() })),
    }),
    async execute(args, context) {
      const found = await readFunctions(args.nfType, 50, context);
      const loads = found.flatMap(({ load }) => (load === null ? [] : [load]));
      const meanLoad = loads.length === 0 ? null : loads.reduce((a, b) => a + b, 0) / loads.length;
      return { meanLoad, instances: found.map(({ instance, load }) => ({ instance, load })) };
    },
  }),
  tool({
    name: 'registry_discover_service',
    title: 'Discover who offers a service',
    description: 'Network functions that offer a service now, best first, with their addresses.',
    category: 'management',
    kind: 'data collection',
    labels: ['nrf', 'discovery', 'endpoint', 'address', 'who serves'],
    effects: 'read',
    nf: [{ type: NRF, operations: ['SearchNFInstances'] }],
    input: z.strictObject({
      nfType,
      service: z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/)
        .optional()
        .describe('Name of the service, for example npcf-policyauthorization'),
      dnn: z
        .string()
        .regex(/^[A-Za-z0-9.-]{1,100}$/)
        .optional()
        .describe('Data network name'),
    }),
    output: z.object({
      found: z.array(z.object({ instance: z.string(), addresses: z.array(z.string()) })),
    }),
    async execute(args, context) {
      const body = z
        .object({
          nfInstances: z.array(
            z.looseObject({
              nfInstanceId: z.string(),
              nfServices: z
                .array(
                  z.looseObject({
                    scheme: z.string(),
                    ipEndPoints: z
                      .array(
                        z.looseObject({
                          ipv4Address: z.string().optional(),
                          ipv6Address: z.string().optional(),
                          port: z.number(),
                        }),
                      )
                      .default([]),
                  }),
                )
                .default([]),
            }),
          ),
        })
        .parse(
          await get(context, NRF, 'SearchNFInstances', '/nnrf-disc/v1/nf-instances', {
            'target-nf-type': args.nfType,
            'requester-nf-type': 'AF',
            ...(args.service !== undefined && { 'service-names': args.service }),
            ...(args.dnn !== undefined && { dnn: args.dnn }),
          }),
        );
      return {
        found: body.nfInstances.map(({ nfInstanceId, nfServices }) => ({
          instance: nfInstanceId,
          addresses: [
            ...new Set(
              nfServices.flatMap(({ scheme, ipEndPoints }) =>
                ipEndPoints.map(
                  ({ ipv4Address, ipv6Address, port }) =>
                    `${scheme}://${ipv4Address ?? `[${ipv6Address}]`}:${port}`,
                ),
              ),
            ),
          ],
        })),
      };
    },
  }),
  tool({
    name: 'registry_watch_functions',
    title: 'Watch network functions',
    description:
      'Tells a URL when network functions register, change or go, of one type or of all, until a time.',
    category: 'management',
    kind: 'data collection',
    labels: ['nrf', 'subscribe', 'notification', 'appears', 'disappears'],
    effects: 'reversible',
    nf: [{ type: NRF, operations: ['CreateSubscription'] }],
    input: z.strictObject({ notifyTo, nfType: nfType.optional() }),
    output: z.object({ watchId: z.string(), until: z.string() }),
    async execute(args, context) {
      const { body } = await send(context, NRF, 'CreateSubscription', 'POST', `${NFM}/subscriptions`, {
        nfStatusNotificationUri: args.notifyTo,
        reqNfType: 'AF',
        ...(args.nfType !== undefined && { subscrCond: { nfType: args.nfType } }),
      });
      const made = z.object({ subscriptionId: z.string(), validityTime: z.string() }).parse(body);
      return { watchId: made.subscriptionId, until: made.validityTime };
    },
  }),
  tool({
    name: 'registry_unwatch_functions',
    title: 'Stop watching network functions',
    description: 'Ends a watch of network functions: its URL is told no more.',
    category: 'management',
    kind: 'data collection',
    labels: ['nrf', 'unsubscribe', 'cancel notification'],
    effects: 'reversible',
    nf: [{ type: NRF, operations: ['RemoveSubscription'] }],
    input: z.strictObject({ watchId: resourceId('Id of the watch') }),
    output: done,
    async execute(args, context) {
      await send(context, NRF, 'RemoveSubscription', 'DELETE', `${NFM}/subscriptions/${args.watchId}`);
      return { done: true };
    },
  }),
];
