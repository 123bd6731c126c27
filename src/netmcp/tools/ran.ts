import { z } from 'zod';
import { cellIds, end, instant, start, supi, type ToolContext, tool, WINDOW } from './types.ts';

const GNB = 'GNB';
const A1 = '/A1-P/v2/policytypes';
const open = z.looseObject({});
const policyId = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/)
  .describe('Id that a reservation, preset or priority gave');
/** The kind of a policy is part of its id, so that it can be released by that alone. */
const PLACE = {
  prb: { operation: 'deleteMOI RRMPolicyRatio', path: '/ProvMnS/v1/RRMPolicyRatio=' },
  steer: { operation: 'deletePolicy steering', path: `${A1}/steering/policies/` },
  prio: { operation: 'deletePolicy priority', path: `${A1}/priority/policies/` },
} as const;

async function remove(id: string, place: (typeof PLACE)[keyof typeof PLACE], { sbi }: ToolContext) {
  const { operation, path } = place;
  await sbi({ nf: GNB, operation, method: 'DELETE', path: `${path}${id}` });
  return { released: true };
}
const rat = z.enum(['NR', 'EUTRA']);
const thresholds = z.strictObject({
  rsrpDbm: z.number().min(-156).max(-31).describe('RSRP, dBm'),
  sinrDb: z.number().min(-23).max(40).describe('SINR, dB'),
});
const point = z.strictObject({
  lat: z.number().min(-90).max(90),
  lon: z.number().min(-180).max(180),
  t: instant,
});

const coverage = tool({
  name: 'ran_get_coverage',
  title: 'Coverage along a route',
  description:
    'Radio expected at points and times, in NR and on the standby network. Finds weak coverage before a trip.',
  category: 'sensing',
  kind: 'data collection',
  labels: ['coverage', 'route', 'forecast', 'signal'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['forecastCoverage'] }],
  input: z.strictObject({ points: z.array(point).min(1).max(5_000) }),
  output: z.object({ points: z.array(open).describe('CoverageForecast of each point, in order') }),
  async execute({ points }, { sbi }) {
    const answer = await sbi({
      nf: GNB,
      operation: 'forecastCoverage',
      method: 'POST',
      path: '/coverage/v1/forecast',
      body: { points },
    });
    return z.object({ points: z.array(open) }).parse(answer.body);
  },
});

const kpis = tool({
  name: 'ran_collect_cell_kpis',
  title: 'Load of cells',
  description:
    'Counters of cells over the last second by their TS 28.552 names: resource blocks, users, rates.',
  category: 'data',
  kind: 'data collection',
  labels: ['kpi', 'counters', 'load', 'congestion'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['readKpis'] }],
  input: z.strictObject({ cellIds }),
  output: z.object({ cells: z.array(open).describe('CellKpis of each known cell') }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: GNB,
      operation: 'readKpis',
      method: 'GET',
      path: '/performance/v1/cells',
      query: { cellIds: args.cellIds.join(',') },
    });
    return z.object({ cells: z.array(open) }).parse(answer.body);
  },
});

const ueRadio = tool({
  name: 'ran_read_ue_radio',
  title: 'Radio of a subscriber',
  description: 'Signal, serving cell, rates and delay of a subscriber now, and the best standby cell.',
  category: 'sensing',
  kind: 'status perception',
  labels: ['radio', 'signal', 'monitoring', 'status'],
  effects: 'read',
  nf: [{ type: GNB, operations: ['readUeRadio'] }],
  input: z.strictObject({ supi }),
  output: z.object({ radio: open.describe('UeRadio') }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: GNB,
      operation: 'readUeRadio',
      method: 'GET',
      path: `/performance/v1/ues/${args.supi}`,
    });
    return { radio: open.parse(answer.body) };
  },
});

const reserve = tool({
  name: 'ran_reserve_prbs',
  title: 'Reserve radio resources',
  description: 'Dedicates a share of the resource blocks of cells to a subscriber, at once or in a window.',
  category: 'policy',
  kind: 'resource management',
  labels: ['reservation', 'prb', 'resources', 'guarantee'],
  effects: 'reversible',
  // PUT under a name that follows from the idempotency key.
  idempotent: true,
  constraints: [WINDOW],
  nf: [{ type: GNB, operations: ['putMOI RRMPolicyRatio'] }],
  input: z.strictObject({
    supi,
    cellIds,
    ratio: z.number().min(1).max(100).describe('Percent of the PRBs'),
    start: start.optional(),
    end: end.optional(),
  }),
  output: z.object({ policyId: z.string() }),
  async execute(args, { sbi, id }) {
    const name = `prb-${id()}`;
    await sbi({
      nf: GNB,
      operation: 'putMOI RRMPolicyRatio',
      method: 'PUT',
      path: `/ProvMnS/v1/RRMPolicyRatio=${name}`,
      body: {
        id: name,
        attributes: {
          cellIds: args.cellIds,
          supis: [args.supi],
          rRMPolicyDedicatedRatio: args.ratio,
          start: args.start,
          end: args.end,
        },
      },
    });
    return { policyId: name };
  },
});

const release = tool({
  name: 'ran_release_prbs',
  title: 'Release radio resources',
  description: 'Gives reserved resource blocks back.',
  category: 'policy',
  kind: 'resource management',
  labels: ['reservation', 'prb', 'release'],
  effects: 'reversible',
  nf: [{ type: GNB, operations: ['deleteMOI RRMPolicyRatio'] }],
  input: z.strictObject({ policyId }),
  output: z.object({ released: z.boolean() }),
  execute: (args, context) => remove(args.policyId, PLACE.prb, context),
});

const releasePolicy = tool({
  name: 'ran_release_policy',
  title: 'Release a radio policy',
  description: 'Takes back whatever a policy id stands for: a reservation, a handover preset or a priority.',
  category: 'policy',
  kind: 'resource management',
  labels: ['reservation', 'handover', 'priority', 'release'],
  effects: 'reversible',
  constraints: [
    { rule: 'args.policyId.matches("^(prb|steer|prio)-")', message: 'an id that a ran tool gave' },
  ],
  nf: [{ type: GNB, operations: Object.values(PLACE).map((place) => place.operation) }],
  input: z.strictObject({ policyId }),
  output: z.object({ released: z.boolean() }),
  execute(args, context) {
    const kind = args.policyId.split('-')[0] as keyof typeof PLACE;
    return remove(args.policyId, PLACE[kind], context);
  },
});

const preset = tool({
  name: 'ran_preset_handover',
  title: 'Preset a handover',
  description:
    'Sets the levels at which the base station moves a subscriber from 5G to 4G and back, before weak coverage is met.',
  category: 'mobility',
  kind: 'connection control',
  labels: ['handover', 'standby', 'coverage', '4g', '5g'],
  effects: 'reversible',
  idempotent: true,
  constraints: [
    WINDOW,
    {
      rule: 'args.returnAbove.rsrpDbm >= args.toStandbyBelow.rsrpDbm',
      message: 'returnAbove.rsrpDbm must be at or above toStandbyBelow.rsrpDbm, or the subscriber flaps',
    },
    {
      rule: 'args.returnAbove.sinrDb >= args.toStandbyBelow.sinrDb',
      message: 'returnAbove.sinrDb must be at or above toStandbyBelow.sinrDb, or the subscriber flaps',
    },
  ],
  nf: [{ type: GNB, operations: ['putPolicy steering'] }],
  input: z.strictObject({
    supi,
    toStandbyBelow: thresholds,
    returnAbove: thresholds,
    start: start.optional(),
    end: end.optional(),
  }),
  output: z.object({ policyId: z.string() }),
  async execute(args, { sbi, id }) {
    const name = `steer-${id()}`;
    const { supi: ueId, ...statement } = args;
    await sbi({
      nf: GNB,
      operation: 'putPolicy steering',
      method: 'PUT',
      path: `${A1}/steering/policies/${name}`,
      body: { scope: { ueId }, statement },
    });
    return { policyId: name };
  },
});

const switchNetwork = tool({
  name: 'ran_switch_network',
  title: 'Switch the network',
  description: 'Orders the handover of a subscriber to the other radio access technology now.',
  category: 'mobility',
  kind: 'connection control',
  labels: ['handover', 'standby', 'switch', 'emergency'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: GNB, operations: ['orderHandover'] }],
  input: z.strictObject({ supi, rat }),
  output: z.object({ rat, switched: z.boolean() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: GNB,
      operation: 'orderHandover',
      method: 'POST',
      path: `/mobility/v1/ues/${args.supi}/handover`,
      body: { rat: args.rat },
    });
    return { rat: args.rat, switched: z.object({ switched: z.boolean() }).parse(answer.body).switched };
  },
});

const priority = tool({
  name: 'ran_set_ue_priority',
  title: 'Prioritise a subscriber',
  description: 'Scheduling priority of the traffic of a subscriber in the base station: smaller is sooner.',
  category: 'policy',
  kind: 'performance assurance',
  labels: ['priority', 'qos', 'scheduling', 'congestion'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: GNB, operations: ['putPolicy priority'] }],
  input: z.strictObject({ supi, priorityLevel: z.number().int().min(1).max(127) }),
  output: z.object({ policyId: z.string() }),
  async execute(args, { sbi, id }) {
    const name = `prio-${id()}`;
    await sbi({
      nf: GNB,
      operation: 'putPolicy priority',
      method: 'PUT',
      path: `${A1}/priority/policies/${name}`,
      body: { scope: { ueId: args.supi }, statement: { priorityLevel: args.priorityLevel } },
    });
    return { policyId: name };
  },
});

export const ranTools = [
  coverage,
  kpis,
  ueRadio,
  reserve,
  release,
  releasePolicy,
  preset,
  switchNetwork,
  priority,
];
