import { z } from 'zod';
import { cellIds, type ToolContext, tool } from './types.ts';

const GNB = 'GNB';
const A1 = '/A1-P/v2/policytypes';
const RRM = '/ProvMnS/v1/RRMPolicyRatio=';
const policyId = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/)
  .describe('Id that a reservation, preset or priority gave');
const KINDS: Readonly<Record<string, string>> = { steer: 'steering', prio: 'priority' };

async function counters(ids: readonly string[], { sbi }: ToolContext) {
  const answer = await sbi({
    nf: GNB,
    operation: 'readKpis',
    method: 'GET',
    path: '/performance/v1/cells',
    query: { cellIds: ids.join(',') },
  });
  return z.object({ cells: z.array(z.looseObject({ cellId: z.string() })) }).parse(answer.body).cells;
}

const types = tool({
  name: 'ran_list_policy_types',
  title: 'List policy types of the base stations',
  description: 'Kinds of A1 policies that the base stations enforce.',
  category: 'policy',
  kind: 'status perception',
  labels: ['a1', 'policy', 'types', 'o-ran', 'capabilities'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['getPolicyTypes'] }],
  input: z.strictObject({}),
  output: z.object({ types: z.array(z.string()) }),
  async execute(_, { sbi }) {
    const answer = await sbi({ nf: GNB, operation: 'getPolicyTypes', method: 'GET', path: A1 });
    return { types: z.array(z.string()).parse(answer.body) };
  },
});

const list = tool({
  name: 'ran_list_policies',
  title: 'List policies of the base stations',
  description: 'Ids of the A1 policies of a kind that are there now.',
  category: 'policy',
  kind: 'status perception',
  labels: ['a1', 'policy', 'list', 'active'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['getPolicies'] }],
  input: z.strictObject({ type: z.enum(['steering', 'priority']) }),
  output: z.object({ policyIds: z.array(z.string()) }),
  async execute(args, { sbi }) {
    const path = `${A1}/${args.type}/policies`;
    const answer = await sbi({ nf: GNB, operation: 'getPolicies', method: 'GET', path });
    return { policyIds: z.array(z.string()).parse(answer.body) };
  },
});

const status = tool({
  name: 'ran_read_policy_status',
  title: 'Status of a policy',
  description: 'Whether a preset or priority is enforced by the base stations now, and why not.',
  category: 'policy',
  kind: 'status perception',
  labels: ['a1', 'policy', 'enforced', 'status', 'effect'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['getPolicyStatus'] }],
  constraints: [
    { rule: 'args.policyId.matches("^(steer|prio)-")', message: 'the id of a preset or a priority' },
  ],
  input: z.strictObject({ policyId }),
  output: z.object({ enforced: z.boolean(), reason: z.string().nullable() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: GNB,
      operation: 'getPolicyStatus',
      method: 'GET',
      path: `${A1}/${KINDS[args.policyId.split('-')[0] ?? '']}/policies/${args.policyId}/status`,
    });
    const { enforceStatus, enforceReason } = z
      .object({ enforceStatus: z.string(), enforceReason: z.string().optional() })
      .parse(answer.body);
    return { enforced: enforceStatus === 'ENFORCED', reason: enforceReason ?? null };
  },
});

const reservation = tool({
  name: 'ran_read_dedicated_ratio',
  title: 'Read a dedicated ratio',
  description: 'Percent of the cells that an earlier reservation dedicates now.',
  category: 'connectivity',
  kind: 'status perception',
  labels: ['rrm policy', 'dedicated', 'percent'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['getMOI RRMPolicyRatio'] }],
  input: z.strictObject({ policyId }),
  output: z.object({ ratio: z.number() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: GNB,
      operation: 'getMOI RRMPolicyRatio',
      method: 'GET',
      path: `${RRM}${args.policyId}`,
    });
    const { attributes } = z
      .looseObject({ attributes: z.looseObject({ rRMPolicyDedicatedRatio: z.number() }) })
      .parse(answer.body);
    return { ratio: attributes.rRMPolicyDedicatedRatio };
  },
});

const measurements = tool({
  name: 'ran_read_measurements',
  title: 'Read measurements of cells by name',
  description:
    'Chosen measurements of cells by their TS 28.552 names, for example RRU.PrbTotDl or MM.HoExeInterSucc.',
  category: 'sensing',
  kind: 'data collection',
  labels: ['measurement', 'pm', 'counter', 'performance', 'ts 28.552'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['readKpis'] }],
  input: z.strictObject({
    cellIds,
    names: z
      .array(z.string().regex(/^[A-Za-z0-9]{1,16}\.[A-Za-z0-9.]{1,48}$/))
      .min(1)
      .max(20)
      .describe('Names of measurements'),
  }),
  output: z.object({
    cells: z.array(z.object({ cellId: z.string(), values: z.record(z.string(), z.number().nullable()) })),
  }),
  async execute(args, context) {
    const found = await counters(args.cellIds, context);
    const number = (value: unknown) => (typeof value === 'number' ? value : null);
    return {
      cells: found.map((cell) => ({
        cellId: cell.cellId,
        values: Object.fromEntries(args.names.map((name) => [name, number(cell[name])])),
      })),
    };
  },
});

const handovers = tool({
  name: 'ran_read_handovers',
  title: 'Handovers of cells',
  description: 'How many handovers cells tried and how many succeeded, since the network started.',
  category: 'mobility',
  kind: 'data collection',
  labels: ['handover', 'mobility', 'success rate', 'failures', 'handover failures'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['readKpis'] }],
  input: z.strictObject({ cellIds }),
  output: z.object({
    cells: z.array(z.object({ cellId: z.string(), tried: z.number(), succeeded: z.number() })),
  }),
  async execute(args, context) {
    const number = (value: unknown) => (typeof value === 'number' ? value : 0);
    return {
      cells: (await counters(args.cellIds, context)).map((cell) => ({
        cellId: cell.cellId,
        tried: number(cell['MM.HoExeInterReq']),
        succeeded: number(cell['MM.HoExeInterSucc']),
      })),
    };
  },
});

const congested = tool({
  name: 'ran_find_congested_cells',
  title: 'Find congested cells',
  description: 'Those of the cells whose resource blocks are used above a share now, the fullest first.',
  category: 'sensing',
  kind: 'status perception',
  labels: ['congestion', 'overload', 'busy', 'hot spot', 'full'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['readKpis'] }],
  input: z.strictObject({
    cellIds,
    above: z.number().min(0).max(100).default(80).describe('Percent of resource blocks in use'),
  }),
  output: z.object({ cells: z.array(z.object({ cellId: z.string(), prbRatio: z.number() })) }),
  async execute(args, context) {
    const used = (cell: Record<string, unknown>) =>
      Math.max(Number(cell['RRU.PrbTotDl'] ?? 0), Number(cell['RRU.PrbTotUl'] ?? 0));
    return {
      cells: (await counters(args.cellIds, context))
        .map((cell) => ({ cellId: cell.cellId, prbRatio: used(cell) }))
        .filter(({ prbRatio }) => prbRatio >= args.above)
        .sort((a, b) => b.prbRatio - a.prbRatio),
    };
  },
});

export const ranPolicyTools = [types, list, status, reservation, measurements, handovers, congested];
