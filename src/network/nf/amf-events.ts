import { z } from 'zod';
import { invalid, problem, type SbiServer } from '../../sbi/index.ts';
import type { NetworkEvent, UeRadio } from '../model.ts';
import type { NfContext } from './context.ts';
import { userLocation } from './location.ts';
import { dateTime, iso, notifyUri, subscriberUnknown, supi } from './schemas.ts';
import { SubscriptionBook } from './subscription-book.ts';

const ROOT = '/namf-evts/v1/subscriptions';
/** Of TS 29.518 6.2.6.3.3, those that this network can tell. */
const EVENTS = [
  'LOCATION_REPORT',
  'ACCESS_TYPE_REPORT',
  'REGISTRATION_STATE_REPORT',
  'CONNECTIVITY_STATE_REPORT',
  'REACHABILITY_REPORT',
  'LOSS_OF_CONNECTIVITY',
  'UES_IN_AREA_REPORT',
] as const;
type EventType = (typeof EVENTS)[number];

const subscription = z.object({
  eventList: z
    .array(
      z.looseObject({
        type: z.enum(EVENTS),
        immediateFlag: z.boolean().optional(),
        areaList: z
          .array(z.looseObject({ presenceInfo: z.unknown().optional(), ladnInfo: z.unknown().optional() }))
          .optional(),
      }),
    )
    .min(1),
  eventNotifyUri: notifyUri,
  notifyCorrelationId: z.string(),
  nfId: z.uuid(),
  supi: supi.optional(),
  anyUE: z.boolean().optional(),
  options: z
    .looseObject({
      trigger: z.enum(['ONE_TIME', 'CONTINUOUS', 'PERIODIC']),
      maxReports: z.number().int().min(1).optional(),
      expiry: dateTime.optional(),
    })
    .optional(),
});
type Subscription = z.output<typeof subscription>;
const creation = z.object({ subscription: z.looseObject({}) });
const patch = z
  .array(z.object({ op: z.literal('replace'), path: z.string().regex(/expiry$/), value: dateTime }))
  .length(1);

/** Event exposure of the AMF (TS 29.518 5.3); gives the way to stop hearing the network. */
export function addAmfEvents(server: SbiServer, context: NfContext): () => undefined {
  const { notifier, simulation } = context;
  const book = new SubscriptionBook<{ read: Subscription; raw: Record<string, unknown> }>('amfev');
  const uriOf = (id: string) => `${server.url}${ROOT}/${id}`;

  function report(type: EventType, radio: UeRadio) {
    const base = { type, state: { active: true }, timeStamp: iso(simulation.now), supi: radio.supi };
    const reachable = radio.medium === 'cellular';
    if (type === 'LOCATION_REPORT') return { ...base, location: userLocation(simulation, radio)?.location };
    if (type === 'ACCESS_TYPE_REPORT') return { ...base, accessTypeList: ['3GPP_ACCESS'] };
    if (type === 'REGISTRATION_STATE_REPORT') {
      return { ...base, rmInfoList: [{ rmState: 'REGISTERED', accessType: '3GPP_ACCESS' }] };
    }
    if (type === 'CONNECTIVITY_STATE_REPORT') {
      return {
        ...base,
        cmInfoList: [{ cmState: reachable ? 'CONNECTED' : 'IDLE', accessType: '3GPP_ACCESS' }],
      };
    }
    if (type === 'LOSS_OF_CONNECTIVITY')
      return { ...base, lossOfConnectReason: 'MAX_DETECTION_TIME_EXPIRED' };
    return { ...base, reachability: reachable ? 'REACHABLE' : 'UNREACHABLE' };
  }

  function usersInArea() {
    return {
      type: 'UES_IN_AREA_REPORT',
      state: { active: true },
      timeStamp: iso(simulation.now),
      anyUe: true,
      numberOfUes: simulation.subscribers().length,
    };
  }

  function tell(id: string, { notifyCorrelationId, eventNotifyUri }: Subscription, reportList: unknown[]) {
    notifier.notify('AmfEventNotification', eventNotifyUri, { notifyCorrelationId, reportList });
    book.reported(id);
  }

  const stop = simulation.onEvent((event) => {
    const types = typesOf(event);
    for (const [id, { read }] of book.open(simulation.now)) {
      if (read.supi !== event.supi && read.anyUE !== true) continue;
      const radio = simulation.ue(event.supi);
      const wanted = read.eventList.map(({ type }) => type).filter((type) => types.includes(type));
      if (radio === undefined || wanted.length === 0) continue;
      tell(
        id,
        read,
        wanted.map((type) => report(type, radio)),
      );
    }
  });

  server.route('POST', ROOT, { body: creation }, ({ body }) => {
    const raw = body.subscription;
    const read = readSubscription(raw);
    if (read.supi === undefined && read.anyUE !== true)
      throw invalid('/subscription/supi', 'or anyUE is needed');
    const radio = read.supi === undefined ? undefined : simulation.ue(read.supi);
    if (read.supi !== undefined && radio === undefined) throw subscriberUnknown(read.supi);
    const { trigger, maxReports, expiry } = read.options ?? { trigger: 'CONTINUOUS' as const };
    const now = read.eventList
      .filter((one) => one.immediateFlag === true || trigger === 'ONE_TIME')
      .flatMap(({ type }): object[] => {
        if (type === 'UES_IN_AREA_REPORT') return [usersInArea()];
        return radio === undefined || type === 'LOSS_OF_CONNECTIVITY' ? [] : [report(type, radio)];
      });
    notifier.welcome(read.eventNotifyUri);
    const id = book.add({ read, raw }, { maxReports, expiry });
    if (trigger === 'ONE_TIME') book.delete(id);
    return {
      status: 201,
      body: {
        subscription: raw,
        subscriptionId: uriOf(id),
        ...(now.length > 0 && { reportList: now }),
      },
      headers: { location: uriOf(id) },
    };
  });
  server.route(
    'PATCH',
    `${ROOT}/{id}`,
    { body: patch, consumes: ['application/json-patch+json'] },
    ({ params, body }) => {
      const { read, raw } = known(book, params.id);
      const expiry = body[0]?.value as number;
      const { maxReports } = read.options ?? {};
      const next = { ...raw, options: { trigger: 'CONTINUOUS', ...read.options, expiry: iso(expiry) } };
      book.replace(params.id ?? '', { read, raw: next }, { maxReports, expiry });
      return { status: 200, body: { subscription: next } };
    },
  );
  server.route('DELETE', `${ROOT}/{id}`, {}, ({ params }) => {
    known(book, params.id);
    book.delete(params.id);
    return { status: 204 };
  });
  return () => {
    stop();
    return undefined;
  };
}

function readSubscription(raw: unknown): Subscription {
  const read = subscription.safeParse(raw);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw invalid(`/subscription/${issue?.path.join('/') ?? ''}`, issue?.message ?? 'is not valid');
}

function known<T>(book: SubscriptionBook<T>, id: string | undefined): T {
  const found = book.get(id);
  if (found === undefined) throw problem(404, 'SUBSCRIPTION_NOT_FOUND', `No subscription ${id}`);
  return found;
}

function typesOf(event: NetworkEvent): EventType[] {
  if (event.type === 'handover' || event.type === 'rat-change') return ['LOCATION_REPORT'];
  if (event.type === 'radio-link-failure') return ['LOSS_OF_CONNECTIVITY', 'REACHABILITY_REPORT'];
  return [];
}
