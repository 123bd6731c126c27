import { z } from 'zod';
import { problem, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { pcfOf, within } from './nef.ts';
import { addCollection, type Entry } from './nef-collection.ts';
import { notifyUri, snssai } from './schemas.ts';

const ROOT = '/3gpp-as-session-with-qos/v1';
const CALLBACK = '/nnef-callback/v1/qos';
const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';

/** What an operator agreed on with applications, by reference (TS 29.514 qosReference). */
const REFERENCES: Readonly<Record<string, Record<string, unknown>>> = {
  QOS_E: { medType: 'CONTROL', mirBwDl: '2 Mbps', mirBwUl: '2 Mbps', desMaxLatency: 50 },
  QOS_S: { medType: 'AUDIO', mirBwDl: '1 Mbps', mirBwUl: '1 Mbps', desMaxLatency: 100 },
  QOS_M: { medType: 'VIDEO', mirBwDl: '8 Mbps', mirBwUl: '2 Mbps', desMaxLatency: 150 },
  QOS_L: { medType: 'VIDEO', mirBwDl: '20 Mbps', mirBwUl: '5 Mbps', desMaxLatency: 150 },
};

/** AsSessionWithQoSSubscription of TS 29.122 5.14.2.1.2, for one phone by its address. */
const subscription = z.looseObject({
  notificationDestination: notifyUri,
  ueIpv4Addr: z.ipv4(),
  qosReference: z.string().refine((name) => Object.hasOwn(REFERENCES, name), {
    error: `is none of ${Object.keys(REFERENCES).join(', ')}`,
  }),
  flowInfo: z
    .array(
      z.looseObject({ flowId: z.number().int(), flowDescriptions: z.array(z.string()).max(2).optional() }),
    )
    .min(1)
    .optional(),
  dnn: z.string().optional(),
  snssai: snssai.optional(),
  qosDuration: z.number().int().min(1).optional(),
  events: z.array(z.string()).min(1).optional(),
});
type Subscription = z.output<typeof subscription>;

interface Inside {
  base: string;
  path: string;
  /** Network time at which it ends by itself, ms. */
  until: number;
  /** The resources were found when it was made. */
  allocated: boolean;
}

const eventsNotification = z.looseObject({
  evNotifs: z.array(z.looseObject({ event: z.string() })).default([]),
  qncReports: z.array(z.looseObject({ notifType: z.enum(['GUARANTEED', 'NOT_GUARANTEED']) })).default([]),
});

/** Sessions with QoS for applications, by way of BSF and PCF; gives how many there are. */
export function addQosSessions(server: SbiServer, context: NfContext): () => number {
  const { advances, duties, notifier, simulation } = context;

  function contextOf(id: string, one: Subscription) {
    const medSubComps = Object.fromEntries(
      (one.flowInfo ?? []).map(({ flowId, flowDescriptions = [] }) => [
        String(flowId),
        { fNum: flowId, ...(flowDescriptions.length > 0 && { fDescs: flowDescriptions }) },
      ]),
    );
    const qos = REFERENCES[one.qosReference];
    const component = { medCompN: 1, ...qos, ...(one.flowInfo !== undefined && { medSubComps }) };
    const notifUri = `${server.url}${CALLBACK}/${id}`;
    const events = ['QOS_NOTIF', 'SUCCESSFUL_RESOURCES_ALLOCATION'].map((event) => ({ event }));
    return {
      ueIpv4: one.ueIpv4Addr,
      notifUri,
      suppFeat: '0',
      ...(one.dnn !== undefined && { dnn: one.dnn }),
      ...(one.snssai !== undefined && { sliceInfo: one.snssai }),
      medComponents: { 1: component },
      evSubsc: { events, notifUri },
    };
  }
  const untilOf = ({ qosDuration }: Subscription) =>
    qosDuration === undefined ? Number.POSITIVE_INFINITY : simulation.now + qosDuration * 1000;
  const allocatedIn = (body: unknown) => {
    const { evsNotif } = z.looseObject({ evsNotif: eventsNotification.optional() }).parse(body);
    return evsNotif?.evNotifs.every(({ event }) => event !== 'FAILED_RESOURCES_ALLOCATION') ?? true;
  };

  async function endInside({ inside }: Entry<Subscription, Inside>): Promise<void> {
    await within(context, {
      nf: 'PCF',
      base: inside.base,
      method: 'POST',
      path: `${inside.path}/delete`,
    });
  }

  /** To the application, unless it named events and this is none of them. */
  function report({ read, self }: Entry<Subscription, Inside>, event: string): void {
    if (read.events?.includes(event) === false) return;
    const flowIds = read.flowInfo?.map(({ flowId }) => flowId);
    const eventReport = { event, appliedQosRef: read.qosReference, ...(flowIds && { flowIds }) };
    const body = { transaction: self, eventReports: [eventReport] };
    notifier.notify('UserPlaneNotificationData', read.notificationDestination, body);
  }
  const allocation = (entry: Entry<Subscription, Inside>) =>
    report(entry, entry.inside.allocated ? 'SUCCESSFUL_RESOURCES_ALLOCATION' : 'FAILED_RESOURCES_ALLOCATION');

  const sessions = addCollection<typeof subscription, Inside>(server, ROOT, {
    prefix: 'qos',
    schema: subscription,
    async create(id, read) {
      const base = await pcfOf(context, read.ueIpv4Addr);
      const ascReqData = contextOf(id, read);
      const { headers, body } = await within(context, {
        nf: 'PCF',
        base,
        method: 'POST',
        path: SESSIONS,
        body: { ascReqData },
      });
      const path = new URL(headers.location ?? '', base).pathname;
      return { base, path, until: untilOf(read), allocated: allocatedIn(body) };
    },
    async change(id, { read: before, inside }, read) {
      if (read.ueIpv4Addr !== before.ueIpv4Addr) {
        throw problem(403, 'REQUEST_NOT_AUTHORIZED', 'A session stays with its phone');
      }
      const { medComponents } = contextOf(id, read);
      const { body } = await within(context, {
        nf: 'PCF',
        base: inside.base,
        method: 'PATCH',
        path: inside.path,
        body: { ascReqData: { medComponents } },
        contentType: 'application/merge-patch+json',
      });
      return { ...inside, until: untilOf(read), allocated: allocatedIn(body) };
    },
    end: (_, entry) => endInside(entry),
    created(_, entry) {
      notifier.welcome(entry.read.notificationDestination);
      allocation(entry);
    },
  });

  advances.add(() => {
    for (const [id, entry] of sessions.entries()) {
      if (simulation.now < entry.inside.until) continue;
      sessions.remove(id);
      duties.owe('end of a QoS session', () => endInside(entry));
      report(entry, 'SESSION_TERMINATION');
    }
  });
  server.route('POST', `${CALLBACK}/{id}/notify`, { body: eventsNotification }, ({ params, body }) => {
    const entry = sessions.get(params.id ?? '');
    if (entry === undefined) throw problem(404, 'RESOURCE_NOT_FOUND', `No session ${params.id}`);
    for (const { notifType } of body.qncReports) {
      report(entry, notifType === 'GUARANTEED' ? 'QOS_GUARANTEED' : 'QOS_NOT_GUARANTEED');
    }
    if (body.evNotifs.some(({ event }) => event === 'SUCCESSFUL_RESOURCES_ALLOCATION')) {
      entry.inside.allocated = true;
      allocation(entry);
    }
    return { status: 204 };
  });
  server.route('POST', `${CALLBACK}/{id}/terminate`, { body: z.looseObject({}) }, ({ params }) => {
    const entry = sessions.get(params.id ?? '');
    if (entry === undefined) throw problem(404, 'RESOURCE_NOT_FOUND', `No session ${params.id}`);
    sessions.remove(params.id ?? '');
    report(entry, 'SESSION_TERMINATION');
    return { status: 204 };
  });
  return sessions.size;
}
