import { z } from 'zod';
import { done, get, notifyTo, resourceId, send } from './steps.ts';
import { cellIds, type ToolContext, tool } from './types.ts';

const GNB = 'GNB';
const A1 = '/A1-P/v2/policytypes';
const MNS = '/ProvMnS/v1';
const policyType = z.enum(['steering', 'priority']).describe('Type of the policy');
const policyId = resourceId('Id of the policy');
const jobId = resourceId('Id of the measurement job');
const reservationId = resourceId('Id of the reservation');
const open = z.looseObject({});
/** A measurement of TS 28.552, or a counter of this network beside them. */
const counter = z
  .string()
  .regex(/^[A-Z]{2,4}\.\w{3,40}$/)
  .describe('Name by TS 28.552, for example RRU.PrbTotDl');
const one = (operations: string[]) => [{ type: GNB, operations }];

export const readPolicyIds = async (type: string, context: ToolContext) =>
  z.array(z.string()).parse(await get(context, GNB, 'getPolicies', `${A1}/${type}/policies`));
export const readPolicy = async (type: string, id: string, context: ToolContext) =>
  open.parse(await get(context, GNB, `getPolicy ${type}`, `${A1}/${type}/policies/${id}`));
export const putPolicy = (type: string, id: string, body: unknown, context: ToolContext) =>
  send(context, GNB, `putPolicy ${type}`, 'PUT', `${A1}/${type}/policies/${id}`, body);
export const deletePolicy = (type: string, id: string, context: ToolContext) =>
  send(context, GNB, `deletePolicy ${type}`, 'DELETE', `${A1}/${type}/policies/${id}`);

export const readCounters = async (cells: readonly string[], context: ToolContext) =>
  z
    .object({ cells: z.array(z.looseObject({ cellId: z.string() })) })
    .parse(await get(context, GNB, 'readKpis', '/performance/v1/cells', { cellIds: cells.join(',') })).cells;

export const ranPolicyTools = [
  tool({
    name: 'ran_list_policy_types',
    title: 'List the types of radio policies',
    description: 'Which A1 policy types the base stations take.',
    category: 'policy',
    kind: 'data collection',
    labels: ['a1', 'o-ran', 'ric', 'supported policies'],
    effects: 'read',
    nf: one(['getPolicyTypes']),
    input: z.strictObject({}),
    output: z.object({ types: z.array(z.string()) }),
    execute: async (_, context) => ({
      types: z.array(z.string()).parse(await get(context, GNB, 'getPolicyTypes', A1)),
    }),
  }),
  tool({
    name: 'ran_read_policy_type',
    title: 'Read a type of radio policy',
    description: 'JSON Schemas of an A1 policy type: what a policy may say and how its status looks.',
    category: 'policy',
    kind: 'data collection',
    labels: ['a1', 'o-ran', 'schema'],
    effects: 'read',
    nf: one(['getPolicyType']),
    input: z.strictObject({ policyType }),
    output: z.object({ policySchema: open, statusSchema: open }),
    execute: async (args, context) =>
      z
        .object({ policySchema: open, statusSchema: open })
        .parse(await get(context, GNB, 'getPolicyType', `${A1}/${args.policyType}`)),
  }),
  tool({
    name: 'ran_list_policies',
    title: 'List radio policies',
    description: 'Ids of the A1 policies of a type that are set in the base stations.',
    category: 'policy',
    kind: 'status perception',
    labels: ['a1', 'o-ran', 'active policies', 'which policies'],
    effects: 'read',
    nf: one(['getPolicies']),
    input: z.strictObject({ policyType }),
    output: z.object({ policyIds: z.array(z.string()) }),
    execute: async (args, context) => ({ policyIds: await readPolicyIds(args.policyType, context) }),
  }),
  tool({
    name: 'ran_read_policy',
    title: 'Read a radio policy',
    description: 'Whom an A1 policy of the base stations is about and what it says.',
    category: 'policy',
    kind: 'data collection',
    labels: ['a1', 'o-ran', 'details', 'steering', 'priority'],
    effects: 'read',
    nf: one(['getPolicy steering', 'getPolicy priority']),
    input: z.strictObject({ policyType, policyId }),
    output: z.object({ policy: open }),
    execute: async (args, context) => ({ policy: await readPolicy(args.policyType, args.policyId, context) }),
  }),
  tool({
    name: 'ran_read_policy_status',
    title: 'Read whether a radio policy is enforced',
    description: 'Whether an A1 policy is in force now in the base station, and why not.',
    category: 'policy',
    kind: 'status perception',
    labels: ['a1', 'o-ran', 'enforced', 'in effect', 'applied'],
    effects: 'read',
    nf: one(['getPolicyStatus']),
    input: z.strictObject({ policyType, policyId }),
    output: z.object({ enforced: z.boolean(), reason: z.string().nullable() }),
    async execute(args, context) {
      const path = `${A1}/${args.policyType}/policies/${args.policyId}/status`;
      const body = z
        .object({ enforceStatus: z.string(), enforceReason: z.string().optional() })
        .parse(await get(context, GNB, 'getPolicyStatus', path));
      return { enforced: body.enforceStatus === 'ENFORCED', reason: body.enforceReason ?? null };
    },
  }),
  tool({
    name: 'ran_read_reservation',
    title: 'Read a reservation of radio resources',
    description: 'Cells, subscribers, share and window of reserved resource blocks.',
    category: 'policy',
    kind: 'data collection',
    labels: ['RRMPolicyRatio', 'prb', 'reserved', 'details'],
    effects: 'read',
    nf: one(['getMOI RRMPolicyRatio']),
    input: z.strictObject({ reservationId }),
    output: z.object({
      cellIds: z.array(z.string()),
      supis: z.array(z.string()),
      ratio: z.number(),
      start: z.number().nullable(),
      end: z.number().nullable(),
    }),
    async execute(args, context) {
      const path = `${MNS}/RRMPolicyRatio=${args.reservationId}`;
      const { attributes } = z
        .object({
          attributes: z.object({
            cellIds: z.array(z.string()),
            supis: z.array(z.string()),
            rRMPolicyDedicatedRatio: z.number(),
            start: z.number().optional(),
            end: z.number().optional(),
          }),
        })
        .parse(await get(context, GNB, 'getMOI RRMPolicyRatio', path));
      const { rRMPolicyDedicatedRatio: ratio, start = null, end = null, ...rest } = attributes;
      return { ...rest, ratio, start, end };
    },
  }),
  tool({
    name: 'ran_read_counter',
    title: 'Read one counter of cells',
    description: 'One performance counter of cells by its name of TS 28.552: handovers, delay, throughput.',
    category: 'data',
    kind: 'data collection',
    labels: ['kpi', 'pm', 'handover success', 're-establishment', 'air interface delay', 'measurement'],
    effects: 'read',
    nf: one(['readKpis']),
    input: z.strictObject({ cellIds, counter }),
    output: z.object({ cells: z.array(z.object({ cellId: z.string(), value: z.number().nullable() })) }),
    async execute(args, context) {
      const cells = await readCounters(args.cellIds, context);
      return {
        cells: cells.map(({ cellId, ...all }) => {
          const value = all[args.counter];
          return { cellId, value: typeof value === 'number' ? value : null };
        }),
      };
    },
  }),
  tool({
    name: 'ran_start_measurement',
    title: 'Start measuring cells',
    description: 'Base stations report counters of cells to a URL every so many seconds: denser collection.',
    category: 'data',
    kind: 'data collection',
    labels: ['PerfMetricJob', 'pm job', 'periodic', 'monitoring', 'collect more often'],
    effects: 'reversible',
    // PUT under a name that follows from the idempotency key.
    idempotent: true,
    nf: one(['putMOI PerfMetricJob']),
    input: z.strictObject({
      cellIds,
      counters: z.array(counter).min(1).max(20).describe('Counters to report'),
      seconds: z.number().int().min(1).max(86_400).default(60).describe('Period'),
      notifyTo,
    }),
    output: z.object({ jobId: z.string() }),
    async execute(args, context) {
      const id = `pm-${context.id()}`;
      await send(context, GNB, 'putMOI PerfMetricJob', 'PUT', `${MNS}/PerfMetricJob=${id}`, {
        id,
        attributes: {
          performanceMetrics: args.counters,
          objectInstances: args.cellIds,
          granularityPeriod: args.seconds,
          streamTarget: args.notifyTo,
        },
      });
      return { jobId: id };
    },
  }),
  tool({
    name: 'ran_read_measurement',
    title: 'Read a measurement job',
    description: 'Counters, cells and period of a measurement job of the base stations.',
    category: 'data',
    kind: 'status perception',
    labels: ['PerfMetricJob', 'pm job', 'details'],
    effects: 'read',
    nf: one(['getMOI PerfMetricJob']),
    input: z.strictObject({ jobId }),
    output: z.object({
      counters: z.array(z.string()),
      cellIds: z.array(z.string()),
      seconds: z.number(),
    }),
    async execute(args, context) {
      const path = `${MNS}/PerfMetricJob=${args.jobId}`;
      const { attributes } = z
        .object({
          attributes: z.object({
            performanceMetrics: z.array(z.string()),
            objectInstances: z.array(z.string()),
            granularityPeriod: z.number(),
          }),
        })
        .parse(await get(context, GNB, 'getMOI PerfMetricJob', path));
      return {
        counters: attributes.performanceMetrics,
        cellIds: attributes.objectInstances,
        seconds: attributes.granularityPeriod,
      };
    },
  }),
  tool({
    name: 'ran_stop_measurement',
    title: 'Stop measuring cells',
    description: 'Ends a measurement job of the base stations: no more reports.',
    category: 'data',
    kind: 'data collection',
    labels: ['PerfMetricJob', 'pm job', 'end monitoring'],
    effects: 'reversible',
    nf: one(['deleteMOI PerfMetricJob']),
    input: z.strictObject({ jobId }),
    output: done,
    async execute(args, context) {
      await send(context, GNB, 'deleteMOI PerfMetricJob', 'DELETE', `${MNS}/PerfMetricJob=${args.jobId}`);
      return { done: true };
    },
  }),
];
