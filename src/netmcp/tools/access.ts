import { z } from 'zod';
import { createdId, done, notifyTo, resourceId, SUBSCRIBER_ID, send } from './steps.ts';
import { supi, type ToolContext, tool } from './types.ts';

const AMF = 'AMF';
const EVENTS = '/namf-evts/v1/subscriptions';
const report = z.looseObject({
  type: z.string(),
  reachability: z.string().optional(),
  rmInfoList: z.array(z.looseObject({ rmState: z.string() })).optional(),
  cmInfoList: z.array(z.looseObject({ cmState: z.string() })).optional(),
  numberOfUes: z.number().optional(),
});
const answer = z.looseObject({ reportList: z.array(report).default([]) });
const one = [{ type: AMF, operations: ['CreateSubscription'] }];

/** Events as they are now: a subscription for one report, which comes with the answer (TS 29.518 5.3.2.2.2). */
async function now(types: string[], whom: object, context: ToolContext) {
  const { body } = await send(context, AMF, 'CreateSubscription', 'POST', EVENTS, {
    subscription: {
      eventList: types.map((type) => ({ type, immediateFlag: true })),
      eventNotifyUri: 'http://127.0.0.1/unused',
      notifyCorrelationId: 'now',
      nfId: SUBSCRIBER_ID,
      options: { trigger: 'ONE_TIME' },
      ...whom,
    },
  });
  return answer.parse(body).reportList;
}

export const accessTools = [
  tool({
    name: 'core_read_reachability',
    title: 'Is a subscriber reachable',
    description: 'Whether the phone of a subscriber can be reached by the network now.',
    category: 'mobility',
    kind: 'status perception',
    labels: ['amf', 'reachable', 'online', 'offline', 'out of coverage', 'paging'],
    effects: 'read',
    nf: one,
    input: z.strictObject({ supi }),
    output: z.object({ reachable: z.boolean() }),
    async execute(args, context) {
      const [found] = await now(['REACHABILITY_REPORT'], { supi: args.supi }, context);
      return { reachable: found?.reachability === 'REACHABLE' };
    },
  }),
  tool({
    name: 'core_read_registration',
    title: 'Registration of a subscriber',
    description: 'Registration and connection state of a subscriber in the core network.',
    category: 'mobility',
    kind: 'status perception',
    labels: ['amf', 'ue context', 'attached', 'registered', 'idle', 'connected'],
    effects: 'read',
    nf: one,
    input: z.strictObject({ supi }),
    output: z.object({ registration: z.string().nullable(), connection: z.string().nullable() }),
    async execute(args, context) {
      const types = ['REGISTRATION_STATE_REPORT', 'CONNECTIVITY_STATE_REPORT'];
      const found = await now(types, { supi: args.supi }, context);
      return {
        registration: found.flatMap(({ rmInfoList = [] }) => rmInfoList)[0]?.rmState ?? null,
        connection: found.flatMap(({ cmInfoList = [] }) => cmInfoList)[0]?.cmState ?? null,
      };
    },
  }),
  tool({
    name: 'core_count_subscribers',
    title: 'Count the subscribers',
    description: 'How many phones are registered in the whole network.',
    category: 'mobility',
    kind: 'data collection',
    labels: ['amf', 'number of users', 'how many devices', 'population'],
    effects: 'read',
    nf: one,
    input: z.strictObject({}),
    output: z.object({ subscribers: z.number() }),
    async execute(_, context) {
      const [found] = await now(['UES_IN_AREA_REPORT'], { anyUE: true }, context);
      return { subscribers: found?.numberOfUes ?? 0 };
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
    nf: one,
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
      const made = await send(context, AMF, 'CreateSubscription', 'POST', EVENTS, {
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
    input: z.strictObject({ watchId: resourceId('Id of the watch') }),
    output: done,
    async execute(args, context) {
      await send(context, AMF, 'DeleteSubscription', 'DELETE', `${EVENTS}/${args.watchId}`);
      return { done: true };
    },
  }),
];
