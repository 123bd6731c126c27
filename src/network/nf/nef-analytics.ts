import { z } from 'zod';
import type { SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { within } from './nef.ts';
import { addCollection } from './nef-collection.ts';
import { area } from './network-area.ts';
import { iso, notifyUri, snssai, supi } from './schemas.ts';

const ROOT = '/3gpp-analyticsexposure/v1';
const CALLBACK = '/nnef-callback/v1/analytics';
const SUBSCRIPTIONS = '/nnwdaf-eventssubscription/v1/subscriptions';

/** AnalyticsEvent of TS 29.522 5.9.3.3.2 with its name at the NWDAF and that of its results outside. */
const EVENTS = {
  UE_MOBILITY: ['UE_MOBILITY', 'ueMobs', 'ueMobilityInfos'],
  CONGESTION: ['USER_DATA_CONGESTION', 'userDataCongInfos', 'congestInfos'],
  NETWORK_PERFORMANCE: ['NETWORK_PERFORMANCE', 'nwPerfs', 'nwPerfInfos'],
  QOS_SUSTAINABILITY: ['QOS_SUSTAINABILITY', 'qosSustainInfos', 'qosSustainInfos'],
  DN_PERFORMANCE: ['DN_PERFORMANCE', 'dnPerfInfos', 'dnPerfInfos'],
  SERVICE_EXPERIENCE: ['SERVICE_EXPERIENCE', 'svcExps', 'svcExps'],
} as const;
type Name = keyof typeof EVENTS;
const name = z.enum(Object.keys(EVENTS) as [Name, ...Name[]]);

const filter = z.looseObject({
  locArea: z.looseObject({ nwAreaInfo: area.optional() }).optional(),
  snssai: snssai.optional(),
});
const target = z.looseObject({ anyUeInd: z.boolean().optional(), supi: supi.optional() });
const question = z.looseObject({
  analyEvent: name,
  analyEventFilter: filter.optional(),
  tgtUe: target.optional(),
});
type Question = z.output<typeof question>;
const subscription = z.looseObject({
  analyEventsSubs: z.array(question).min(1),
  notifUri: notifyUri,
  notifId: z.string(),
  analyRepInfo: z.looseObject({ repPeriod: z.number().int().min(1).optional() }).optional(),
});

/** Analytics of the NWDAF for applications (TS 29.522 5.9); gives how many subscriptions there are. */
export function addAnalyticsExposure(server: SbiServer, context: NfContext): () => number {
  const { notifier, simulation } = context;
  const inward = ({ analyEventFilter, tgtUe }: Question) => ({
    networkArea: analyEventFilter?.locArea?.nwAreaInfo,
    tgtUe: {
      ...(tgtUe?.supi !== undefined && { supis: [tgtUe.supi] }),
      ...(tgtUe?.anyUeInd === true && { anyUe: true }),
    },
  });
  /** The result of an event under the name that it has outside. */
  const outward = (analyEvent: Name, found: Record<string, unknown>) => {
    const [, inside, outside] = EVENTS[analyEvent];
    return found[inside] === undefined ? {} : { [outside]: found[inside] };
  };

  server.route('POST', `${ROOT}/{owner}/fetch`, { body: question }, async ({ body }) => {
    const { networkArea, tgtUe } = inward(body);
    const { status, body: found } = await within(context, {
      nf: 'NWDAF',
      method: 'GET',
      path: '/nnwdaf-analyticsinfo/v1/analytics',
      query: {
        'event-id': EVENTS[body.analyEvent][0],
        ...(networkArea && { 'event-filter': JSON.stringify({ networkArea }) }),
        ...(body.tgtUe !== undefined && { 'tgt-ue': JSON.stringify(tgtUe) }),
      },
    });
    if (status === 204) return { status: 204 };
    const { start, expiry } = found as { start: string; expiry: string };
    return {
      status: 200,
      body: { start, expiry, ...outward(body.analyEvent, found as Record<string, unknown>) },
    };
  });

  const bodyOf = (id: string, { analyEventsSubs, analyRepInfo }: z.output<typeof subscription>) => ({
    notificationURI: `${server.url}${CALLBACK}/${id}`,
    notifCorrId: id,
    eventSubscriptions: analyEventsSubs.map((one) => ({
      event: EVENTS[one.analyEvent][0],
      notificationMethod: 'PERIODIC',
      repetitionPeriod: analyRepInfo?.repPeriod ?? 60,
      ...inward(one),
    })),
  });
  const collection = addCollection<typeof subscription, { path: string }>(server, ROOT, {
    prefix: 'ae',
    schema: subscription,
    async create(id, read) {
      const request = { nf: 'NWDAF', method: 'POST', path: SUBSCRIPTIONS, body: bodyOf(id, read) } as const;
      const { headers } = await within(context, request);
      notifier.welcome(read.notifUri);
      return { path: new URL(headers.location ?? '', server.url).pathname };
    },
    async change(id, { inside }, read) {
      await within(context, { nf: 'NWDAF', method: 'PUT', path: inside.path, body: bodyOf(id, read) });
      return inside;
    },
    async end(_, { inside }) {
      await within(context, { nf: 'NWDAF', method: 'DELETE', path: inside.path });
    },
  });

  const notifications = z.array(
    z.looseObject({ eventNotifications: z.array(z.looseObject({ event: z.string() })).default([]) }),
  );
  server.route('POST', `${CALLBACK}/{id}`, { body: notifications }, ({ params, body }) => {
    const entry = collection.get(params.id ?? '');
    if (entry === undefined) return { status: 204 };
    const analyEventNotifs = body
      .flatMap(({ eventNotifications }) => eventNotifications)
      .flatMap((found) => {
        const outside = (Object.keys(EVENTS) as Name[]).find((one) => EVENTS[one][0] === found.event);
        if (outside === undefined) return [];
        return [{ analyEvent: outside, timeStamp: iso(simulation.now), ...outward(outside, found) }];
      });
    const { notifUri, notifId } = entry.read;
    notifier.notify('AnalyticsEventNotification', notifUri, { notifId, analyEventNotifs });
    return { status: 204 };
  });
  return collection.size;
}
