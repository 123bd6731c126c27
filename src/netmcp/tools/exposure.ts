import { z } from 'zod';
import { ipv4 } from './steps.ts';
import { end, start, type ToolContext, tool, WINDOW } from './types.ts';

const NEF = 'NEF';
const AF = 'netagent';
const QOS = `/3gpp-as-session-with-qos/v1/${AF}/subscriptions`;
const INFLUENCE = `/3gpp-traffic-influence/v1/${AF}/subscriptions`;
const TRANSFERS = '/npcf-pdtq-policy-control/v1/pdtq-policies';
const UNUSED = 'http://127.0.0.1/unused';
const id = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/);
const subscriptionId = id.describe('Id that creating gave');

const idOf = (location: string | null) => location?.split('/').at(-1) ?? '';

async function remove(operation: string, path: string, { sbi }: ToolContext) {
  await sbi({ nf: NEF, operation, method: 'DELETE', path });
  return { ended: true };
}

const createQos = tool({
  name: 'core_request_reference_qos',
  title: 'Request an agreed quality for an address',
  description:
    'Guarantees a quality that the operator agreed on (QOS_E, S, M, L) for the phone with an IP address, for a time.',
  category: 'policy',
  kind: 'performance assurance',
  labels: ['qos', 'nef', 'application', 'reference', 'guarantee', 'address'],
  effects: 'reversible',
  nf: [{ type: NEF, operations: ['CreateAsSessionWithQoSSubscription'] }],
  input: z.strictObject({
    ipv4,
    qosReference: z.enum(['QOS_E', 'QOS_S', 'QOS_M', 'QOS_L']),
    seconds: z.number().int().min(1).max(86_400).optional().describe('Ends by itself after that'),
  }),
  output: z.object({ subscriptionId: z.string() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: NEF,
      operation: 'CreateAsSessionWithQoSSubscription',
      method: 'POST',
      path: QOS,
      body: {
        notificationDestination: UNUSED,
        ueIpv4Addr: args.ipv4,
        qosReference: args.qosReference,
        ...(args.seconds !== undefined && { qosDuration: args.seconds }),
      },
    });
    return { subscriptionId: idOf(answer.location) };
  },
});

const readQos = tool({
  name: 'core_read_reference_qos',
  title: 'Read an agreed quality',
  description: 'Address and quality of a request for an agreed quality, as the network holds it.',
  category: 'policy',
  kind: 'status perception',
  labels: ['qos', 'nef', 'reference', 'read', 'state', 'which quality sessions'],
  effects: 'read',
  nf: [{ type: NEF, operations: ['ReadAsSessionWithQoSSubscription'] }],
  input: z.strictObject({ subscriptionId }),
  output: z.object({ ipv4: z.string(), qosReference: z.string() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: NEF,
      operation: 'ReadAsSessionWithQoSSubscription',
      method: 'GET',
      path: `${QOS}/${args.subscriptionId}`,
    });
    const { ueIpv4Addr, qosReference } = z
      .object({ ueIpv4Addr: z.string(), qosReference: z.string() })
      .parse(answer.body);
    return { ipv4: ueIpv4Addr, qosReference };
  },
});

const endQos = tool({
  name: 'core_end_reference_qos',
  title: 'End an agreed quality',
  description: 'Ends a request for an agreed quality and frees what it held.',
  category: 'policy',
  kind: 'resource management',
  labels: ['qos', 'nef', 'reference', 'end', 'release'],
  effects: 'reversible',
  nf: [{ type: NEF, operations: ['DeleteAsSessionWithQoSSubscription'] }],
  input: z.strictObject({ subscriptionId }),
  output: z.object({ ended: z.boolean() }),
  execute: (args, context) =>
    remove('DeleteAsSessionWithQoSSubscription', `${QOS}/${args.subscriptionId}`, context),
});

const influence = tool({
  name: 'core_influence_traffic',
  title: 'Lead the traffic of an application',
  description:
    'Leads the traffic of the phone with an IP address to an access identifier, for example a local breakout at an edge.',
  category: 'connectivity',
  kind: 'connection control',
  labels: ['traffic influence', 'edge', 'local breakout', 'steering', 'route', 'offload'],
  effects: 'reversible',
  nf: [{ type: NEF, operations: ['CreateTrafficInfluenceSubscription'] }],
  input: z.strictObject({
    ipv4,
    dnai: id.describe('Data network access identifier'),
    application: z
      .string()
      .regex(/^[A-Za-z0-9._-]{1,64}$/)
      .default('any')
      .describe('Application id'),
  }),
  output: z.object({ subscriptionId: z.string() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: NEF,
      operation: 'CreateTrafficInfluenceSubscription',
      method: 'POST',
      path: INFLUENCE,
      body: {
        afAppId: args.application,
        ipv4Addr: args.ipv4,
        trafficRoutes: [{ dnai: args.dnai }],
      },
    });
    return { subscriptionId: idOf(answer.location) };
  },
});

const endInfluence = tool({
  name: 'core_end_traffic_influence',
  title: 'End leading traffic',
  description: 'Takes back a wish where traffic is led; the path stays where it is until it is switched.',
  category: 'connectivity',
  kind: 'connection control',
  labels: ['traffic influence', 'end', 'edge', 'cancel'],
  effects: 'reversible',
  nf: [{ type: NEF, operations: ['DeleteTrafficInfluenceSubscription'] }],
  input: z.strictObject({ subscriptionId }),
  output: z.object({ ended: z.boolean() }),
  execute: (args, context) =>
    remove('DeleteTrafficInfluenceSubscription', `${INFLUENCE}/${args.subscriptionId}`, context),
});

const negotiated = z.object({
  pdtqPolicies: z.array(
    z.object({
      pdtqPolicyId: z.number(),
      recTimeInt: z.object({ startTime: z.string(), stopTime: z.string() }),
    }),
  ),
});
const windows = z.object({
  transferId: z.string(),
  windows: z.array(z.object({ choice: z.number(), start: z.number(), end: z.number() })),
});
const windowsOf = (transferId: string, body: unknown) => ({
  transferId,
  windows: negotiated.parse(body).pdtqPolicies.map(({ pdtqPolicyId, recTimeInt }) => ({
    choice: pdtqPolicyId,
    start: Date.parse(recTimeInt.startTime),
    end: Date.parse(recTimeInt.stopTime),
  })),
});

const plan = tool({
  name: 'core_plan_data_transfer',
  title: 'Plan a data transfer',
  description:
    'Asks whether a wished time has room in the cells for a planned transfer with quality; gives the times on offer.',
  category: 'policy',
  kind: 'performance assurance',
  labels: [
    'planned transfer',
    'schedule',
    'negotiate',
    'reserve ahead',
    'upload',
    'bulk',
    'at night',
    'firmware update',
    'off-peak',
  ],
  effects: 'reversible',
  constraints: [WINDOW],
  nf: [{ type: 'PCF', operations: ['CreatePDTQPolicy'] }],
  input: z.strictObject({
    start,
    end,
    devices: z.number().int().min(1).max(100_000).default(1),
    qosReference: z.enum(['QOS_E', 'QOS_S', 'QOS_M', 'QOS_L']).default('QOS_M'),
    cellIds: z
      .array(z.string().regex(/^[0-9a-f]{7,9}$/i))
      .max(200)
      .optional()
      .describe('Cells in which it happens'),
  }),
  output: windows,
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: 'PCF',
      operation: 'CreatePDTQPolicy',
      method: 'POST',
      path: TRANSFERS,
      body: {
        aspId: AF,
        desTimeInts: [
          { startTime: new Date(args.start).toISOString(), stopTime: new Date(args.end).toISOString() },
        ],
        numOfUes: args.devices,
        qosReference: args.qosReference,
        ...(args.cellIds !== undefined &&
          args.cellIds.length > 0 && {
            nwAreaInfo: {
              ncgis: args.cellIds.map((nrCellId) => ({ plmnId: { mcc: '001', mnc: '01' }, nrCellId })),
            },
          }),
      },
    });
    return windowsOf(idOf(answer.location), answer.body);
  },
});

const choose = tool({
  name: 'core_choose_transfer_window',
  title: 'Choose the time of a data transfer',
  description: 'Takes one of the times that were offered for a planned transfer.',
  category: 'policy',
  kind: 'performance assurance',
  labels: ['planned transfer', 'choose', 'confirm', 'schedule'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: 'PCF', operations: ['UpdatePDTQPolicy'] }],
  input: z.strictObject({
    transferId: id.describe('Id that planning gave'),
    choice: z.number().int().min(1).max(20),
  }),
  output: windows,
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: 'PCF',
      operation: 'UpdatePDTQPolicy',
      method: 'PATCH',
      path: `${TRANSFERS}/${args.transferId}`,
      contentType: 'application/merge-patch+json',
      body: { selPdtqPolicyId: args.choice },
    });
    return windowsOf(args.transferId, answer.body);
  },
});

const readPlan = tool({
  name: 'core_read_data_transfer',
  title: 'Read a planned data transfer',
  description: 'Times on offer for a planned transfer.',
  category: 'policy',
  kind: 'status perception',
  labels: ['planned transfer', 'read', 'schedule'],
  effects: 'read',
  nf: [{ type: 'PCF', operations: ['GetPDTQPolicy'] }],
  input: z.strictObject({ transferId: id.describe('Id that planning gave') }),
  output: windows,
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: 'PCF',
      operation: 'GetPDTQPolicy',
      method: 'GET',
      path: `${TRANSFERS}/${args.transferId}`,
    });
    return windowsOf(args.transferId, answer.body);
  },
});

export const exposureTools = [createQos, readQos, endQos, influence, endInfluence, plan, choose, readPlan];
