import { z } from 'zod';
import { createdId, done, NOTIFY, nfType, notifyTo, resourceId, SUBSCRIBER_ID, send } from './steps.ts';
import { cellIds, supi, tool } from './types.ts';

const NRF = 'NRF';
const AMF = 'AMF';
const NWDAF = 'NWDAF';
const NFM = '/nnrf-nfm/v1';
const AMF_EVENTS = '/namf-evts/v1/subscriptions';
const SMF_EVENTS = '/nsmf-event-exposure/v1/subscriptions';
const SUBSCRIPTIONS = '/nnwdaf-eventssubscription/v1/subscriptions';
const watchId = resourceId('Id of the watch');
const smf = (operation: string) => [{ type: 'SMF', operations: [operation] }];
const pcf = (operation: string) => [{ type: 'PCF', operations: [operation] }];

/** Watches: somebody is told of what happens, until the watch ends. */
export const watchTools = [
  tool({
    name: 'core_watch_functions',
    title: 'Watch network functions',
    description:
      'Tells a URL when network functions register, change or go, of one type or of all, until a time.',
    category: 'management',
    kind: 'data collection',
    labels: ['nrf', 'subscribe', 'notification', 'appears', 'disappears'],
    effects: 'reversible',
    nf: [{ type: NRF, operations: ['CreateSubscription'] }],
    scope: NOTIFY,
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
    name: 'core_unwatch_functions',
    title: 'Stop watching network functions',
    description: 'Ends a watch of network functions: its URL is told no more.',
    category: 'management',
    kind: 'data collection',
    labels: ['nrf', 'unsubscribe', 'cancel notification'],
    effects: 'reversible',
    nf: [{ type: NRF, operations: ['RemoveSubscription'] }],
    input: z.strictObject({ watchId }),
    output: done,
    async execute(args, context) {
      await send(context, NRF, 'RemoveSubscription', 'DELETE', `${NFM}/subscriptions/${args.watchId}`);
      return { done: true };
    },
  }),
  tool({
    name: 'core_watch_subscriber',
    title: 'Watch a subscriber',
    description: 'Tells a URL when a subscriber moves to another cell, or loses or regains connection.',
    category: 'mobility',
    kind: 'data collection',
    labels: ['amf', 'subscribe', 'tracking', 'location report', 'loss of connectivity'],
    effects: 'reversible',
    nf: [{ type: AMF, operations: ['CreateSubscription'] }],
    scope: NOTIFY,
    input: z.strictObject({
      supi,
      events: z
        .array(z.enum(['LOCATION_REPORT', 'REACHABILITY_REPORT', 'LOSS_OF_CONNECTIVITY']))
        .min(1)
        .max(3)
        .default(['LOCATION_REPORT', 'LOSS_OF_CONNECTIVITY']),
      notifyTo,
    }),
    output: z.object({ watchId: z.string() }),
    async execute(args, context) {
      const made = await send(context, AMF, 'CreateSubscription', 'POST', AMF_EVENTS, {
        subscription: {
          eventList: args.events.map((type) => ({ type })),
          eventNotifyUri: args.notifyTo,
          notifyCorrelationId: context.id(),
          nfId: SUBSCRIBER_ID,
          supi: args.supi,
        },
      });
      return { watchId: createdId(made) };
    },
  }),
  tool({
    name: 'core_unwatch_subscriber',
    title: 'Stop watching a subscriber',
    description: 'Ends a watch of a subscriber: its URL is told no more.',
    category: 'mobility',
    kind: 'data collection',
    labels: ['amf', 'unsubscribe', 'stop tracking'],
    effects: 'reversible',
    nf: [{ type: AMF, operations: ['DeleteSubscription'] }],
    input: z.strictObject({ watchId }),
    output: done,
    async execute(args, context) {
      await send(context, AMF, 'DeleteSubscription', 'DELETE', `${AMF_EVENTS}/${args.watchId}`);
      return { done: true };
    },
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
    scope: NOTIFY,
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
      const answer = await send(context, 'SMF', 'CreateIndividualSubcription', 'POST', SMF_EVENTS, {
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
    input: z.strictObject({ watchId }),
    output: done,
    async execute(args, context) {
      await send(context, 'SMF', 'DeleteIndividualSubcription', 'DELETE', `${SMF_EVENTS}/${args.watchId}`);
      return { done: true };
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
    scope: NOTIFY,
    input: z.strictObject({ sessionId: resourceId('Id of a QoS session'), notifyTo }),
    output: done,
    async execute(args, context) {
      const path = `/npcf-policyauthorization/v1/app-sessions/${args.sessionId}/events-subscription`;
      const events = [{ event: 'QOS_NOTIF' }, { event: 'SUCCESSFUL_RESOURCES_ALLOCATION' }];
      await send(context, 'PCF', 'updateEventsSubsc', 'PUT', path, { events, notifUri: args.notifyTo });
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
      await send(context, 'PCF', 'DeleteEventsSubsc', 'DELETE', path);
      return { done: true };
    },
  }),
  tool({
    name: 'core_watch_congestion',
    title: 'Watch cells for congestion',
    description: 'Tells a URL when the expected load of cells crosses a threshold: an alarm of congestion.',
    category: 'data',
    kind: 'performance assurance',
    labels: ['nwdaf', 'subscribe', 'threshold', 'alarm', 'early warning', 'overload'],
    effects: 'reversible',
    nf: [{ type: NWDAF, operations: ['CreateNWDAFEventsSubscription'] }],
    scope: NOTIFY,
    input: z.strictObject({
      cellIds,
      loadPercent: z.number().int().min(1).max(100).default(80).describe('Threshold, percent of the PRBs'),
      notifyTo,
    }),
    output: z.object({ watchId: z.string() }),
    async execute(args, context) {
      const answer = await send(context, NWDAF, 'CreateNWDAFEventsSubscription', 'POST', SUBSCRIPTIONS, {
        notificationURI: args.notifyTo,
        eventSubscriptions: [
          {
            event: 'USER_DATA_CONGESTION',
            notificationMethod: 'THRESHOLD',
            congThresholds: [{ congLevel: args.loadPercent }],
            networkArea: { ncgis: args.cellIds.map((nrCellId) => ({ nrCellId })) },
          },
        ],
      });
      return { watchId: answer.location?.split('/').pop() ?? '' };
    },
  }),
  tool({
    name: 'core_unwatch_congestion',
    title: 'Stop watching for congestion',
    description: 'Ends a watch of congestion: its URL is told no more.',
    category: 'data',
    kind: 'performance assurance',
    labels: ['nwdaf', 'unsubscribe', 'cancel alarm'],
    effects: 'reversible',
    nf: [{ type: NWDAF, operations: ['DeleteNWDAFEventsSubscription'] }],
    input: z.strictObject({ watchId }),
    output: done,
    async execute(args, context) {
      const path = `${SUBSCRIPTIONS}/${args.watchId}`;
      await send(context, NWDAF, 'DeleteNWDAFEventsSubscription', 'DELETE', path);
      return { done: true };
    },
  }),
];
