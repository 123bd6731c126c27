import { z } from 'zod';
import { createdId, done, get, notifyTo, resourceId, SUBSCRIBER_ID, send } from './steps.ts';
import { cellIds, end, start, supi, type ToolContext, tool, WINDOW } from './types.ts';

const SMF = 'SMF';
const PCF = 'PCF';
const CONTEXTS = '/nsmf-pdusession/v1/sm-contexts';
const EVENTS = '/nsmf-event-exposure/v1/subscriptions';
const PDTQ = '/npcf-pdtq-policy-control/v1/pdtq-policies';
const MERGE = 'application/merge-patch+json';
const pduId = resourceId('Id of the PDU session context');
const smf = (operation: string) => [{ type: SMF, operations: [operation] }];
const pcf = (operation: string) => [{ type: PCF, operations: [operation] }];
const transferId = resourceId('Id of the negotiation');
const offers = z.object({
  transferId: z.string(),
  offers: z.array(z.object({ offer: z.number(), from: z.string(), to: z.string() })),
  chosen: z.number().nullable(),
});

function transferView(body: unknown): z.output<typeof offers> {
  const one = z
    .looseObject({
      pdtqRefId: z.string(),
      pdtqPolicies: z.array(
        z.looseObject({
          pdtqPolicyId: z.number(),
          recTimeInt: z.object({ startTime: z.string(), stopTime: z.string() }),
        }),
      ),
      selPdtqPolicyId: z.number().optional(),
    })
    .parse(body);
  return {
    transferId: one.pdtqRefId,
    offers: one.pdtqPolicies.map(({ pdtqPolicyId, recTimeInt }) => ({
      offer: pdtqPolicyId,
      from: recTimeInt.startTime,
      to: recTimeInt.stopTime,
    })),
    chosen: one.selPdtqPolicyId ?? null,
  };
}

const bindingView = z.object({
  phone: z.string().nullable(),
  dnn: z.string().nullable(),
  slice: z.number().nullable(),
});

/** Address, data network and slice of the PDU session of a subscriber, by its binding at the BSF. */
export async function findAddress(subscriber: string, context: ToolContext) {
  const query = { supi: subscriber };
  const body = await get(context, 'BSF', 'GetPCFBindings', '/nbsf-management/v1/pcfBindings', query);
  const found = z
    .looseObject({
      ipv4Addr: z.string().optional(),
      dnn: z.string().optional(),
      snssai: z.looseObject({ sst: z.number() }).optional(),
    })
    // 204: no session of this subscriber is bound.
    .parse(body === undefined || body === null || body === '' ? {} : body);
  return { phone: found.ipv4Addr ?? null, dnn: found.dnn ?? null, slice: found.snssai?.sst ?? null };
}

async function modify(id: string, state: 'ACTIVATED' | 'DEACTIVATED', context: ToolContext) {
  const body = { upCnxState: state };
  const answer = await send(context, SMF, 'UpdateSmContext', 'POST', `${CONTEXTS}/${id}/modify`, body);
  return z.object({ upCnxState: z.string() }).parse(answer.body).upCnxState;
}

export const sessionTools = [
  tool({
    name: 'core_open_session',
    title: 'Open a data session',
    description: 'Establishes a PDU session of a subscriber to a data network in a slice.',
    category: 'connectivity',
    kind: 'connection control',
    labels: ['smf', 'pdu session', 'connect', 'establish', 'attach', 'data connection', 'slice'],
    effects: 'reversible',
    constraints: [
      {
        rule: '(args.dnn == "iot") == (args.slice == 3.0)',
        message: 'dnn iot is of slice 3, and slice 3 has iot alone',
      },
      {
        rule: 'args.dnn != "factory" || args.slice == 2.0',
        message: 'dnn factory is of slice 2',
      },
    ],
    nf: smf('PostSmContexts'),
    input: z.strictObject({
      supi,
      dnn: z.enum(['internet', 'ims', 'factory', 'iot']).describe('Data network'),
      slice: z.number().int().min(1).max(3).describe('1 broadband, 2 low latency, 3 massive IoT'),
      sessionNumber: z.number().int().min(1).max(15).default(2).describe('PDU session id of the phone'),
    }),
    output: z.object({ pduId: z.string() }),
    async execute(args, context) {
      const answer = await send(context, SMF, 'PostSmContexts', 'POST', CONTEXTS, {
        supi: args.supi,
        pduSessionId: args.sessionNumber,
        dnn: args.dnn,
        sNssai: args.slice === 2 ? { sst: 2, sd: '000001' } : { sst: args.slice },
        servingNfId: SUBSCRIBER_ID,
        servingNetwork: { mcc: '001', mnc: '01' },
        anType: '3GPP_ACCESS',
        smContextStatusUri: 'http://127.0.0.1/unused',
      });
      return { pduId: createdId(answer) };
    },
  }),
  tool({
    name: 'core_close_session',
    title: 'Close a data session',
    description: 'Releases a PDU session: its address, QoS flows and resources are freed.',
    category: 'connectivity',
    kind: 'connection control',
    labels: ['smf', 'pdu session', 'disconnect', 'release', 'cut off'],
    effects: 'reversible',
    nf: smf('ReleaseSmContext'),
    input: z.strictObject({ pduId }),
    output: done,
    async execute(args, context) {
      await send(context, SMF, 'ReleaseSmContext', 'POST', `${CONTEXTS}/${args.pduId}/release`, {});
      return { done: true };
    },
  }),
  tool({
    name: 'core_pause_session',
    title: 'Pause a data session',
    description: 'Deactivates the user plane of a PDU session; the session is kept and can be resumed.',
    category: 'connectivity',
    kind: 'connection control',
    labels: [
      'smf',
      'pdu session',
      'suspend',
      'deactivate',
      'parental control',
      'no internet',
      'child',
      'idle',
    ],
    effects: 'reversible',
    idempotent: true,
    nf: smf('UpdateSmContext'),
    input: z.strictObject({ pduId }),
    output: z.object({ state: z.string() }),
    execute: async (args, context) => ({ state: await modify(args.pduId, 'DEACTIVATED', context) }),
  }),
  tool({
    name: 'core_resume_session',
    title: 'Resume a data session',
    description: 'Activates the user plane of a paused PDU session again.',
    category: 'connectivity',
    kind: 'connection control',
    labels: ['smf', 'pdu session', 'reactivate', 'continue', 'reconnect'],
    effects: 'reversible',
    idempotent: true,
    nf: smf('UpdateSmContext'),
    input: z.strictObject({ pduId }),
    output: z.object({ state: z.string() }),
    execute: async (args, context) => ({ state: await modify(args.pduId, 'ACTIVATED', context) }),
  }),
  tool({
    name: 'core_watch_sessions',
    title: 'Watch the data sessions of a subscriber',
    description: 'Tells a URL when PDU sessions of a subscriber are opened, released or change path or RAT.',
    category: 'connectivity',
    kind: 'data collection',
    labels: ['smf', 'subscribe', 'pdu session', 'path change', 'event exposure'],
    effects: 'reversible',
    nf: smf('CreateIndividualSubcription'),
    input: z.strictObject({
      supi,
      events: z
        .array(z.enum(['PDU_SES_EST', 'PDU_SES_REL', 'UP_PATH_CH', 'RAT_TY_CH', 'QFI_ALLOC']))
        .min(1)
        .max(5)
        .default(['PDU_SES_EST', 'PDU_SES_REL', 'UP_PATH_CH']),
      notifyTo,
    }),
    output: z.object({ watchId: z.string() }),
    async execute(args, context) {
      const answer = await send(context, SMF, 'CreateIndividualSubcription', 'POST', EVENTS, {
        notifId: context.id(),
        notifUri: args.notifyTo,
        eventSubs: args.events.map((event) => ({ event })),
        supi: args.supi,
      });
      return { watchId: createdId(answer) };
    },
  }),
  tool({
    name: 'core_unwatch_sessions',
    title: 'Stop watching data sessions',
    description: 'Ends a watch of PDU sessions: its URL is told no more.',
    category: 'connectivity',
    kind: 'data collection',
    labels: ['smf', 'unsubscribe', 'pdu session'],
    effects: 'reversible',
    nf: smf('DeleteIndividualSubcription'),
    input: z.strictObject({ watchId: resourceId('Id of the watch') }),
    output: done,
    async execute(args, context) {
      await send(context, SMF, 'DeleteIndividualSubcription', 'DELETE', `${EVENTS}/${args.watchId}`);
      return { done: true };
    },
  }),
  tool({
    name: 'core_read_session_policy',
    title: 'Read the policy of a data session',
    description: 'Data network, slice and default QoS that the policy function gave a PDU session.',
    category: 'policy',
    kind: 'data collection',
    labels: ['pcf', 'sm policy', 'session rules', 'AMBR', 'default 5QI'],
    effects: 'read',
    nf: pcf('GetSMPolicy'),
    input: z.strictObject({ policyId: resourceId('Id of the SM policy association') }),
    output: z.object({
      supi: z.string(),
      dnn: z.string(),
      slice: z.number(),
      fiveQi: z.number().nullable(),
      maxDl: z.string().nullable(),
      maxUl: z.string().nullable(),
    }),
    async execute(args, context) {
      const path = `/npcf-smpolicycontrol/v1/sm-policies/${args.policyId}`;
      const ambr = z.looseObject({ uplink: z.string(), downlink: z.string() });
      const { context: about, policy } = z
        .object({
          context: z.looseObject({
            supi: z.string(),
            dnn: z.string(),
            sliceInfo: z.looseObject({ sst: z.number() }),
          }),
          policy: z.looseObject({
            sessRules: z
              .record(
                z.string(),
                z.looseObject({
                  authSessAmbr: ambr.optional(),
                  authDefQos: z.looseObject({ '5qi': z.number() }).optional(),
                }),
              )
              .default({}),
          }),
        })
        .parse(await get(context, PCF, 'GetSMPolicy', path));
      const [rule] = Object.values(policy.sessRules);
      return {
        supi: about.supi,
        dnn: about.dnn,
        slice: about.sliceInfo.sst,
        fiveQi: rule?.authDefQos?.['5qi'] ?? null,
        maxDl: rule?.authSessAmbr?.downlink ?? null,
        maxUl: rule?.authSessAmbr?.uplink ?? null,
      };
    },
  }),
  tool({
    name: 'core_watch_qos_session',
    title: 'Watch the guarantee of a QoS session',
    description: 'Tells a URL when the guarantee of a QoS session is lost or holds again.',
    category: 'policy',
    kind: 'performance assurance',
    labels: ['pcf', 'subscribe', 'QOS_NOTIF', 'alarm', 'guarantee lost', 'degradation'],
    effects: 'reversible',
    idempotent: true,
    nf: pcf('updateEventsSubsc'),
    input: z.strictObject({ sessionId: resourceId('Id of a QoS session'), notifyTo }),
    output: done,
    async execute(args, context) {
      const path = `/npcf-policyauthorization/v1/app-sessions/${args.sessionId}/events-subscription`;
      const events = [{ event: 'QOS_NOTIF' }, { event: 'SUCCESSFUL_RESOURCES_ALLOCATION' }];
      await send(context, PCF, 'updateEventsSubsc', 'PUT', path, { events, notifUri: args.notifyTo });
      return { done: true };
    },
  }),
  tool({
    name: 'core_unwatch_qos_session',
    title: 'Stop watching a QoS session',
    description: 'Ends the watch of the guarantee of a QoS session; the session itself stays.',
    category: 'policy',
    kind: 'performance assurance',
    labels: ['pcf', 'unsubscribe', 'QOS_NOTIF'],
    effects: 'reversible',
    nf: pcf('DeleteEventsSubsc'),
    input: z.strictObject({ sessionId: resourceId('Id of a QoS session') }),
    output: done,
    async execute(args, context) {
      const path = `/npcf-policyauthorization/v1/app-sessions/${args.sessionId}/events-subscription`;
      await send(context, PCF, 'DeleteEventsSubsc', 'DELETE', path);
      return { done: true };
    },
  }),
  tool({
    name: 'core_find_address',
    title: 'Find the address of a subscriber',
    description: 'IPv4 address, data network and slice of the data session of a subscriber.',
    category: 'connectivity',
    kind: 'data collection',
    labels: ['bsf', 'ip address', 'binding', 'pdu session'],
    effects: 'read',
    nf: [{ type: 'BSF', operations: ['GetPCFBindings'] }],
    input: z.strictObject({ supi }),
    output: bindingView,
    execute: (args, context) => findAddress(args.supi, context),
  }),
  tool({
    name: 'core_negotiate_transfer',
    title: 'Negotiate a planned transfer',
    description:
      'Asks in which window cells have room for a large planned data transfer, for example at night.',
    category: 'policy',
    kind: 'resource management',
    labels: ['pcf', 'PDTQ', 'background data transfer', 'BDT', 'bulk', 'update', 'schedule', 'off-peak'],
    effects: 'reversible',
    constraints: [WINDOW],
    nf: pcf('CreatePDTQPolicy'),
    input: z.strictObject({
      cellIds,
      start,
      end,
      devices: z.number().int().min(1).max(1_000_000).default(1).describe('Phones that transfer'),
      application: z
        .string()
        .regex(/^[A-Za-z0-9._-]{1,64}$/)
        .default('netagent')
        .describe('Application service provider'),
    }),
    output: offers,
    async execute(args, context) {
      const iso = (t: number) => new Date(t).toISOString();
      const { body } = await send(context, PCF, 'CreatePDTQPolicy', 'POST', PDTQ, {
        aspId: args.application,
        desTimeInts: [{ startTime: iso(args.start), stopTime: iso(args.end) }],
        numOfUes: args.devices,
        qosReference: 'QOS_M',
        nwAreaInfo: { ncgis: args.cellIds.map((nrCellId) => ({ nrCellId })) },
      });
      return transferView(body);
    },
  }),
  tool({
    name: 'core_read_transfer',
    title: 'Read a planned transfer',
    description: 'Windows that were offered for a planned data transfer, and which was chosen.',
    category: 'policy',
    kind: 'data collection',
    labels: ['pcf', 'PDTQ', 'background data transfer', 'offers'],
    effects: 'read',
    nf: pcf('GetIndPDTQPolicy'),
    input: z.strictObject({ transferId }),
    output: offers,
    execute: async (args, context) =>
      transferView(await get(context, PCF, 'GetIndPDTQPolicy', `${PDTQ}/${args.transferId}`)),
  }),
  tool({
    name: 'core_choose_transfer',
    title: 'Choose the window of a planned transfer',
    description: 'Accepts one of the windows that were offered for a planned data transfer.',
    category: 'policy',
    kind: 'resource management',
    labels: ['pcf', 'PDTQ', 'background data transfer', 'accept offer', 'select'],
    effects: 'reversible',
    idempotent: true,
    nf: pcf('UpdateIndPDTQPolicy'),
    input: z.strictObject({ transferId, offer: z.number().int().min(1).max(20).describe('Number of it') }),
    output: offers,
    async execute(args, context) {
      const body = { selPdtqPolicyId: args.offer };
      const path = `${PDTQ}/${args.transferId}`;
      return transferView((await send(context, PCF, 'UpdateIndPDTQPolicy', 'PATCH', path, body, MERGE)).body);
    },
  }),
];
