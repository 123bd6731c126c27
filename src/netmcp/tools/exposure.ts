import { z } from 'zod';
import { createdId, dnai, done, get, ipv4, notifyTo, resourceId, send } from './steps.ts';
import { type ToolContext, tool } from './types.ts';

const NEF = 'NEF';
const application = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,64}$/)
  .default('netagent')
  .describe('Application (SCS/AS or AF id) that owns it');
const QOS = (owner: string) => `/3gpp-as-session-with-qos/v1/${owner}/subscriptions`;
const INFLUENCE = (owner: string) => `/3gpp-traffic-influence/v1/${owner}/subscriptions`;
const reference = z
  .enum(['QOS_E', 'QOS_S', 'QOS_M', 'QOS_L'])
  .describe('E 2/2 Mbit/s 50 ms, S 1/1 100 ms, M 8/2 150 ms, L 20/5 150 ms');
const sessionView = z.object({
  sessionId: z.string(),
  phone: z.string(),
  qosReference: z.string(),
  seconds: z.number().nullable(),
});
const sessionId = resourceId('Id of an exposed QoS session');
const subscription = z.looseObject({
  self: z.string(),
  ueIpv4Addr: z.string(),
  qosReference: z.string(),
  qosDuration: z.number().optional(),
});
const viewOf = (body: unknown): z.output<typeof sessionView> => {
  const { self, ueIpv4Addr, qosReference, qosDuration } = subscription.parse(body);
  const id = self.split('/').pop() ?? '';
  return { sessionId: id, phone: ueIpv4Addr, qosReference, seconds: qosDuration ?? null };
};
const one = (operations: string[]) => [{ type: NEF, operations }];

export async function influence(owner: string, phone: string, target: string, context: ToolContext) {
  const answer = await send(context, NEF, 'CreateTrafficInfluence', 'POST', INFLUENCE(owner), {
    afAppId: owner,
    ipv4Addr: phone,
    trafficRoutes: [{ dnai: target }],
  });
  return createdId(answer);
}
export const endInfluence = (owner: string, id: string, context: ToolContext) =>
  send(context, NEF, 'DeleteTrafficInfluence', 'DELETE', `${INFLUENCE(owner)}/${id}`);

export const exposureTools = [
  tool({
    name: 'exposure_create_qos_session',
    title: 'Request quality on demand for an application',
    description: 'An application outside asks quality for the phone with an address, by an agreed reference.',
    category: 'policy',
    kind: 'performance assurance',
    labels: ['nef', 'AsSessionWithQoS', 'quality on demand', 'third party', 'QoD', 'gaming'],
    effects: 'reversible',
    nf: one(['CreateAsSessionWithQoS']),
    input: z.strictObject({
      phone: ipv4,
      qosReference: reference,
      seconds: z.number().int().min(1).max(86_400).optional().describe('Ends by itself after so long'),
      notifyTo,
      application,
    }),
    output: sessionView,
    async execute(args, context) {
      const { body } = await send(context, NEF, 'CreateAsSessionWithQoS', 'POST', QOS(args.application), {
        ueIpv4Addr: args.phone,
        qosReference: args.qosReference,
        notificationDestination: args.notifyTo,
        ...(args.seconds !== undefined && { qosDuration: args.seconds }),
      });
      return viewOf(body);
    },
  }),
  tool({
    name: 'exposure_list_qos_sessions',
    title: 'List the quality sessions of an application',
    description: 'All QoS sessions that an application has through the exposure function.',
    category: 'policy',
    kind: 'status perception',
    labels: ['nef', 'AsSessionWithQoS', 'overview', 'which sessions'],
    effects: 'read',
    nf: one(['ListAsSessionWithQoS']),
    input: z.strictObject({ application }),
    output: z.object({ sessions: z.array(sessionView) }),
    async execute(args, context) {
      const body = await get(context, NEF, 'ListAsSessionWithQoS', QOS(args.application));
      return { sessions: z.array(z.unknown()).parse(body).map(viewOf) };
    },
  }),
  tool({
    name: 'exposure_read_qos_session',
    title: 'Read a quality session of an application',
    description: 'Phone, reference and duration of one QoS session of an application.',
    category: 'policy',
    kind: 'status perception',
    labels: ['nef', 'AsSessionWithQoS', 'details'],
    effects: 'read',
    nf: one(['GetAsSessionWithQoS']),
    input: z.strictObject({ sessionId, application }),
    output: sessionView,
    execute: async (args, context) =>
      viewOf(await get(context, NEF, 'GetAsSessionWithQoS', `${QOS(args.application)}/${args.sessionId}`)),
  }),
  tool({
    name: 'exposure_change_qos_session',
    title: 'Change the quality of an application',
    description: 'Raises or lowers the QoS of a session of an application to another agreed reference.',
    category: 'policy',
    kind: 'performance assurance',
    labels: ['nef', 'upgrade', 'downgrade', 'boost', 'acceleration'],
    effects: 'reversible',
    idempotent: true,
    nf: one(['PatchAsSessionWithQoS']),
    input: z.strictObject({ sessionId, qosReference: reference, application }),
    output: sessionView,
    async execute(args, context) {
      const { body } = await send(
        context,
        NEF,
        'PatchAsSessionWithQoS',
        'PATCH',
        `${QOS(args.application)}/${args.sessionId}`,
        { qosReference: args.qosReference },
        'application/merge-patch+json',
      );
      return viewOf(body);
    },
  }),
  tool({
    name: 'exposure_delete_qos_session',
    title: 'End the quality session of an application',
    description: 'Ends a QoS session of an application and frees what it held.',
    category: 'policy',
    kind: 'resource management',
    labels: ['nef', 'AsSessionWithQoS', 'stop', 'terminate'],
    effects: 'reversible',
    nf: one(['DeleteAsSessionWithQoS']),
    input: z.strictObject({ sessionId, application }),
    output: done,
    async execute(args, context) {
      const path = `${QOS(args.application)}/${args.sessionId}`;
      await send(context, NEF, 'DeleteAsSessionWithQoS', 'DELETE', path);
      return { done: true };
    },
  }),
  tool({
    name: 'exposure_influence_traffic',
    title: 'Steer the traffic of an application',
    description: 'Routes the traffic of a phone to an edge site where the application runs: local breakout.',
    category: 'connectivity',
    kind: 'connection control',
    labels: ['nef', 'traffic influence', 'edge', 'routing', 'DNAI', 'offload'],
    effects: 'reversible',
    nf: one(['CreateTrafficInfluence']),
    input: z.strictObject({ phone: ipv4, dnai, application }),
    output: z.object({ influenceId: z.string() }),
    execute: async (args, context) => ({
      influenceId: await influence(args.application, args.phone, args.dnai, context),
    }),
  }),
  tool({
    name: 'exposure_read_influence',
    title: 'Read a traffic influence',
    description: 'Phone and edge site of a traffic influence of an application.',
    category: 'connectivity',
    kind: 'status perception',
    labels: ['nef', 'traffic influence', 'details'],
    effects: 'read',
    nf: one(['GetTrafficInfluence']),
    input: z.strictObject({ influenceId: resourceId('Id of the influence'), application }),
    output: z.object({ phone: z.string(), dnai: z.string().nullable() }),
    async execute(args, context) {
      const path = `${INFLUENCE(args.application)}/${args.influenceId}`;
      const body = z
        .looseObject({
          ipv4Addr: z.string(),
          trafficRoutes: z.array(z.looseObject({ dnai: z.string() })).default([]),
        })
        .parse(await get(context, NEF, 'GetTrafficInfluence', path));
      return { phone: body.ipv4Addr, dnai: body.trafficRoutes[0]?.dnai ?? null };
    },
  }),
  tool({
    name: 'exposure_end_influence',
    title: 'End a traffic influence',
    description: 'Ends the wish of an application for a route; the path stays where it is.',
    category: 'connectivity',
    kind: 'connection control',
    labels: ['nef', 'traffic influence', 'delete'],
    effects: 'reversible',
    nf: one(['DeleteTrafficInfluence']),
    input: z.strictObject({ influenceId: resourceId('Id of the influence'), application }),
    output: done,
    async execute(args, context) {
      await endInfluence(args.application, args.influenceId, context);
      return { done: true };
    },
  }),
];
