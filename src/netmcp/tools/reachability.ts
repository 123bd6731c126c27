import { z } from 'zod';
import { supi, type ToolContext, tool } from './types.ts';

const AMF = 'AMF';
/** Nothing is sent there: a report that is asked for once comes with the answer. */
const UNUSED = 'http://127.0.0.1/unused';
const NOBODY = '00000000-0000-4000-8000-000000000000';

const report = z.object({
  reportList: z
    .array(
      z.object({
        type: z.string(),
        rmInfoList: z.array(z.object({ rmState: z.string() })).optional(),
        cmInfoList: z.array(z.object({ cmState: z.string() })).optional(),
        reachability: z.string().optional(),
        numberOfUes: z.number().optional(),
      }),
    )
    .default([]),
});

/** Reports of the AMF, once (TS 29.518 5.3.2.2.2). */
async function reports(types: string[], about: object, { sbi }: ToolContext) {
  const answer = await sbi({
    nf: AMF,
    operation: 'CreateSubscription',
    method: 'POST',
    path: '/namf-evts/v1/subscriptions',
    body: {
      subscription: {
        eventList: types.map((type) => ({ type, immediateFlag: true })),
        eventNotifyUri: UNUSED,
        notifyCorrelationId: 'once',
        nfId: NOBODY,
        options: { trigger: 'ONE_TIME' },
        ...about,
      },
    },
  });
  return report.parse(answer.body).reportList;
}

const registration = tool({
  name: 'core_read_registration',
  title: 'Registration of a subscriber',
  description: 'Whether a subscriber is registered, connected and reachable now.',
  category: 'mobility',
  kind: 'status perception',
  labels: ['registration', 'connected', 'reachable', 'online', 'state', 'switched off', 'out of coverage'],
  effects: 'read',
  nf: [{ type: AMF, operations: ['CreateSubscription'] }],
  input: z.strictObject({ supi }),
  output: z.object({
    registered: z.boolean(),
    connected: z.boolean(),
    reachable: z.boolean(),
  }),
  async execute(args, context) {
    const found = await reports(
      ['REGISTRATION_STATE_REPORT', 'CONNECTIVITY_STATE_REPORT', 'REACHABILITY_REPORT'],
      { supi: args.supi },
      context,
    );
    return {
      registered: found.some(({ rmInfoList }) => rmInfoList?.[0]?.rmState === 'REGISTERED'),
      connected: found.some(({ cmInfoList }) => cmInfoList?.[0]?.cmState === 'CONNECTED'),
      reachable: found.some(({ reachability }) => reachability === 'REACHABLE'),
    };
  },
});

const count = tool({
  name: 'core_count_subscribers',
  title: 'Count subscribers',
  description: 'Number of subscribers in the network now.',
  category: 'mobility',
  kind: 'data collection',
  labels: ['users', 'how many', 'count', 'crowd'],
  effects: 'read',
  nf: [{ type: AMF, operations: ['CreateSubscription'] }],
  input: z.strictObject({}),
  output: z.object({ subscribers: z.number() }),
  async execute(_, context) {
    const [found] = await reports(['UES_IN_AREA_REPORT'], { anyUE: true }, context);
    return { subscribers: found?.numberOfUes ?? 0 };
  },
});

const wake = tool({
  name: 'core_reach_subscriber',
  title: 'Reach a subscriber',
  description: 'Sends a signalling message to the phone of a subscriber, so that it connects if it can.',
  category: 'connectivity',
  kind: 'connection control',
  labels: ['paging', 'wake', 'message', 'signalling', 'contact'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: AMF, operations: ['N1N2MessageTransfer'] }],
  input: z.strictObject({ supi }),
  output: z.object({ cause: z.string() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: AMF,
      operation: 'N1N2MessageTransfer',
      method: 'POST',
      path: `/namf-comm/v1/ue-contexts/${args.supi}/n1-n2-messages`,
      body: {
        n1MessageContainer: { n1MessageClass: 'UPDP', n1MessageContent: { contentId: 'n1' } },
        skipInd: false,
      },
    });
    return z.object({ cause: z.string() }).parse(answer.body);
  },
});

export const reachabilityTools = [registration, count, wake];
