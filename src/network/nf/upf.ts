import { z } from 'zod';
import { invalid, problem, readBody, type SbiServer } from '../../sbi/index.ts';
import { mergePatch } from './app-session.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { dateTime, iso, notifyUri, snssai, subscriberUnknown, supi, toBitRate } from './schemas.ts';
import { SubscriptionBook } from './subscription-book.ts';

const ROOT = '/nupf-ee/v1/ee-subscriptions';
const EVENTS = ['USER_DATA_USAGE_MEASURES', 'QOS_MONITORING'] as const;
/** User plane traffic at which a UPF counts as fully loaded, Mbit/s. */
const CAPACITY_MBPS = 10_000;

/** UpfEventSubscription of TS 29.564 6.1.6.2.3; of one subscriber, by SUPI or address. */
const subscription = z
  .looseObject({
    eventList: z.array(z.looseObject({ type: z.enum(EVENTS), immediateFlag: z.boolean().optional() })).min(1),
    eventNotifyUri: notifyUri,
    notifyCorrelationId: z.string(),
    nfId: z.uuid(),
    eventReportingMode: z.looseObject({
      trigger: z.enum(['ONE_TIME', 'PERIODIC']),
      maxReports: z.number().int().min(1).optional(),
      expiry: dateTime.optional(),
      repPeriod: z.number().int().min(1).optional(),
    }),
    supi: supi.optional(),
    ueIpAddress: z.looseObject({ ipv4Addr: z.ipv4().optional() }).optional(),
    dnn: z.string().optional(),
    snssai: snssai.optional(),
  })
  .refine((one) => one.supi !== undefined || one.ueIpAddress?.ipv4Addr !== undefined, {
    path: ['supi'],
    message: 'or ueIpAddress is needed',
  })
  .refine(({ eventReportingMode: mode }) => mode.trigger === 'ONE_TIME' || mode.repPeriod !== undefined, {
    path: ['eventReportingMode', 'repPeriod'],
    message: 'is needed for periodic reports',
  });
type Subscription = z.output<typeof subscription>;

interface Held {
  raw: Record<string, unknown>;
  read: Subscription;
  supi: string;
  /** Network time of the next report, ms. */
  due: number;
}

export interface UserPlane {
  /** Address of a subscriber's PDU session. */
  addressOf(supi: string): string | undefined;
  /** SUPI of the PDU session with an address. */
  supiOf(ipv4: string): string | undefined;
}

/** UPF: what a subscriber's user plane carries (TS 29.564). */
export function startUpf(context: NfContext, userPlane: UserPlane): Promise<NetworkFunction> {
  const { core, simulation } = context;
  return startFunction(
    context,
    'UPF',
    [{ name: 'nupf-ee', version: 'v1' }],
    (server) => addExposure(server, context, userPlane),
    {
      load: () => {
        const dnais = simulation.regions().map(({ id }) => `central-${id}`);
        return Math.max(0, ...dnais.map((dnai) => core.transport.link(dnai).utilisation), usedShare(context));
      },
      profile: {
        upfInfo: { sNssaiUpfInfoList: [{ sNssai: { sst: 1 }, dnnUpfInfoList: [{ dnn: 'internet' }] }] },
      },
    },
  );
}

/** Downlink of the subscribers that are simulated one by one. */
function usedShare({ simulation }: NfContext): number {
  const used = simulation.subscribers().reduce((sum, id) => sum + (simulation.ue(id)?.dlMbps ?? 0), 0);
  return used / CAPACITY_MBPS;
}

function addExposure(server: SbiServer, context: NfContext, userPlane: UserPlane): void {
  const { advances, notifier, simulation } = context;
  const book = new SubscriptionBook<Held>('ee');
  const radioOf = (id: string) => {
    const radio = simulation.ue(id);
    if (radio === undefined) throw subscriberUnknown(id);
    return radio;
  };

  function itemOf(type: (typeof EVENTS)[number], id: string) {
    const { t, dlMbps, ulMbps, delayMs } = radioOf(id);
    const dlThroughput = toBitRate(dlMbps);
    const ulThroughput = toBitRate(ulMbps);
    const about = { eventType: type, ueIpv4Addr: userPlane.addressOf(id), supi: id, timeStamp: iso(t) };
    const delay = Math.max(1, Math.round(delayMs));
    return type === 'USER_DATA_USAGE_MEASURES'
      ? { ...about, userDataUsageMeasurements: [{ throughputMeasurement: { dlThroughput, ulThroughput } }] }
      : {
          ...about,
          qosMonitoringMeasurement: {
            dlPacketDelay: delay,
            ulPacketDelay: delay,
            rtrPacketDelay: 2 * delay,
            dlAveThroughput: dlThroughput,
            ulAveThroughput: ulThroughput,
          },
        };
  }

  function send(id: string, { read, supi: who }: Held): void {
    const notificationItems = read.eventList.map(({ type }) => itemOf(type, who));
    const body = { notificationItems, correlationId: read.notifyCorrelationId };
    notifier.notify('Nupf_EventExposure_Notify', read.eventNotifyUri, body);
    book.reported(id);
  }

  function readHeld(raw: Record<string, unknown>): Held {
    const read = readBody(subscription, raw, { at: '/subscription' });
    const ipv4 = read.ueIpAddress?.ipv4Addr;
    const id = read.supi ?? userPlane.supiOf(ipv4 ?? '');
    if (id === undefined) throw problem(404, 'USER_UNKNOWN', `No PDU session has ${ipv4}`);
    radioOf(id);
    if (userPlane.addressOf(id) === undefined) throw problem(404, 'USER_UNKNOWN', `${id} has no PDU session`);
    return { raw, read, supi: id, due: simulation.now + (read.eventReportingMode.repPeriod ?? 0) * 1000 };
  }
  const limits = ({ read }: Held) => ({
    maxReports: read.eventReportingMode.maxReports,
    expiry: read.eventReportingMode.expiry,
  });

  // When network time jumps over several periods, one report tells of all of them.
  advances.add(() => {
    for (const [id, held] of book.open(simulation.now)) {
      if (held.read.eventReportingMode.trigger !== 'PERIODIC' || simulation.now < held.due) continue;
      held.due = simulation.now + (held.read.eventReportingMode.repPeriod ?? 1) * 1000;
      send(id, held);
    }
  });

  const creation = z.object({ subscription: z.record(z.string(), z.unknown()) });
  server.route('POST', ROOT, { body: creation }, ({ body }) => {
    const held = readHeld(body.subscription);
    const { read } = held;
    notifier.welcome(read.eventNotifyUri);
    const id = book.add(held, limits(held));
    const now = read.eventList.filter(({ immediateFlag }) => immediateFlag === true);
    if (read.eventReportingMode.trigger === 'ONE_TIME') {
      // Either in the answer or to the consumer, not both.
      if (now.length < read.eventList.length) send(id, held);
      book.delete(id);
    }
    const uri = `${server.url}${ROOT}/${id}`;
    return {
      status: 201,
      body: {
        subscription: held.raw,
        subscriptionId: uri,
        ...(now.length > 0 && { reportList: now.map(({ type }) => itemOf(type, held.supi)) }),
      },
      headers: { location: uri },
    };
  });
  const patch = z
    .array(
      z.object({
        op: z.enum(['add', 'replace']),
        path: z.string().regex(/^\/(subscription\/)?(eventNotifyUri|eventReportingMode)(\/\w+)?$/),
        value: z.unknown(),
      }),
    )
    .min(1);
  const consumes = ['application/json-patch+json'];
  server.route('PATCH', `${ROOT}/{id}`, { body: patch, consumes }, ({ params, body }) => {
    const before = book.get(params.id);
    if (before === undefined) throw unknown(params.id);
    let raw = before.raw;
    for (const { path, value } of body) {
      const names = path.replace('/subscription/', '/').split('/').slice(1);
      const change = names.reduceRight<unknown>((inner, name) => ({ [name]: inner }), value);
      raw = mergePatch(raw, change) as Record<string, unknown>;
    }
    const held = readHeld(raw);
    if (held.supi !== before.supi) throw invalid('/subscription/supi', 'cannot be changed');
    book.replace(params.id ?? '', held, limits(held));
    return { status: 204 };
  });
  server.route('DELETE', `${ROOT}/{id}`, {}, ({ params }) => {
    if (!book.delete(params.id)) throw unknown(params.id);
    return { status: 204 };
  });
  // Not in TS 29.564: the present values at once, with the delay to the data network.
  server.route('GET', '/nupf-ee/v1/usage/{supi}', {}, ({ params }) => {
    const { dlMbps, ulMbps, delayMs } = radioOf(params.supi ?? '');
    return { status: 200, body: { dlMbps, ulMbps, delayMs } };
  });
}

const unknown = (id: string | undefined) => problem(404, 'SUBSCRIPTION_NOT_FOUND', `No subscription ${id}`);
