import { z } from 'zod';
import { invalid, problem, readBody, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { area } from './network-area.ts';
import { type AnalyticsEvent, analyse, EVENTS, type Question } from './nwdaf-analytics.ts';
import { crossings, isAnalyticsLevel, type Threshold, thresholdsOf } from './nwdaf-thresholds.ts';
import { bitRate, dateTime, iso, notifyUri, snssai, supi } from './schemas.ts';
import { SubscriptionBook } from './subscription-book.ts';

const ROOT = '/nnwdaf-eventssubscription/v1/subscriptions';
/** Without a period, s. */
const DEFAULT_PERIOD_S = 60;

const level = z.looseObject({
  nfLoadLevel: z.number().optional(),
  congLevel: z.number().optional(),
});
const eventSubscription = z.looseObject({
  event: z.enum(EVENTS),
  notificationMethod: z.enum(['PERIODIC', 'THRESHOLD']).optional(),
  repetitionPeriod: z.number().int().min(1).optional(),
  matchingDir: z.enum(['ASCENDING', 'DESCENDING', 'CROSSED']).default('CROSSED'),
  networkArea: area.optional(),
  tgtUe: z.looseObject({ anyUe: z.boolean().optional(), supis: z.array(supi).min(1).optional() }).optional(),
  snssaia: z.array(snssai).optional(),
  nfTypes: z.array(z.string()).optional(),
  nfInstanceIds: z.array(z.uuid()).optional(),
  loadLevelThreshold: z.number().optional(),
  nsiLevelThrds: z.array(z.number()).optional(),
  nfLoadLvlThds: z.array(level).optional(),
  congThresholds: z.array(level).optional(),
  ranUeThrouThds: z.array(bitRate).optional(),
  extraReportReq: z.looseObject({ startTs: dateTime.optional(), endTs: dateTime.optional() }).optional(),
});
export type EventSubscription = z.output<typeof eventSubscription>;

const subscription = z.looseObject({
  eventSubscriptions: z.array(eventSubscription).min(1).max(20),
  notificationURI: notifyUri,
  notifCorrId: z.string().optional(),
  evtReq: z
    .looseObject({
      immRep: z.boolean().optional(),
      maxReportNbr: z.number().int().min(1).optional(),
      monDur: dateTime.optional(),
      repPeriod: z.number().int().min(1).optional(),
    })
    .optional(),
});
type Subscription = z.output<typeof subscription>;

interface Held {
  raw: Record<string, unknown>;
  read: Subscription;
  /** By event subscription: when the next report is due, and the levels seen last. */
  state: Array<{ due: number; levels: Map<string, number> }>;
}

/** Subscriptions to analytics, periodic or by threshold (TS 29.520 4.2). */
export function addAnalyticsSubscriptions(server: SbiServer, context: NfContext): () => void {
  const { advances, duties, notifier, simulation } = context;
  const book = new SubscriptionBook<Held>('ana');

  const watch = () => {
    for (const [id, held] of book.open(simulation.now)) duties.owe('analytics', () => look(id, held));
  };
  advances.add(watch);

  async function look(id: string, { read, state }: Held): Promise<void> {
    const due: object[] = [];
    for (const [n, one] of read.eventSubscriptions.entries()) {
      const before = state[n];
      if (before === undefined) continue;
      if (one.notificationMethod !== 'THRESHOLD') {
        if (simulation.now < before.due) continue;
        before.due = simulation.now + periodOf(read, one);
        due.push(await notificationOf(one));
        continue;
      }
      const found = await resultsOf(one);
      const crossed = crossings(one, found ?? {}, before.levels);
      if (crossed !== undefined) due.push(envelope(one, crossed));
    }
    if (due.length === 0 || book.get(id) === undefined) return;
    const body = [{ subscriptionId: id, eventNotifications: due, ...correlation(read) }];
    notifier.notify('NnwdafEventsSubscriptionNotification', read.notificationURI, body);
    book.reported(id);
  }

  function questionOf(one: EventSubscription): Question {
    const start = one.extraReportReq?.startTs ?? simulation.now;
    return {
      networkArea: one.networkArea,
      supis: one.tgtUe?.supis,
      anyUe: one.tgtUe?.anyUe,
      nfTypes: one.nfTypes,
      nfInstanceIds: one.nfInstanceIds,
      snssais: one.snssaia,
      start,
      end: one.extraReportReq?.endTs ?? start + 60_000,
    };
  }
  const resultsOf = (one: EventSubscription, n = 0) =>
    analyse(context, one.event, questionOf(one), {
      area: `/eventSubscriptions/${n}/networkArea`,
      user: `/eventSubscriptions/${n}/tgtUe`,
    });
  async function notificationOf(one: EventSubscription, n = 0): Promise<object> {
    return envelope(one, (await resultsOf(one, n)) ?? { failNotifyCode: 'UNAVAILABLE_DATA' });
  }
  function envelope(one: EventSubscription, results: Record<string, unknown>): object {
    const { start, end } = questionOf(one);
    const { sliceLoadLevelInfos, ...others } = results;
    // A notification has one slice only (TS 29.520 5.1.6.2.5).
    const slice = Array.isArray(sliceLoadLevelInfos) ? { sliceLoadLevelInfo: sliceLoadLevelInfos[0] } : {};
    return { event: one.event, start: iso(start), expiry: iso(end), ...others, ...slice };
  }

  /** Reads a subscription and tries each of its events: what cannot be answered is refused now. */
  async function accept(raw: Record<string, unknown>): Promise<{ held: Held; first: object[] }> {
    const read = readBody(subscription, raw);
    const first: object[] = [];
    const state: Held['state'] = [];
    for (const [n, one] of read.eventSubscriptions.entries()) {
      const at = `/eventSubscriptions/${n}`;
      const { startTs, endTs } = one.extraReportReq ?? {};
      if (startTs !== undefined && endTs !== undefined && startTs >= endTs) {
        throw invalid(`${at}/extraReportReq/endTs`, 'must be after startTs');
      }
      const levels = new Map<string, number>();
      if (one.notificationMethod === 'THRESHOLD') requireThreshold(one, at);
      const results = await resultsOf(one, n);
      if (one.notificationMethod === 'THRESHOLD') crossings(one, results ?? {}, levels);
      first.push(envelope(one, results ?? { failNotifyCode: 'UNAVAILABLE_DATA' }));
      state.push({ due: simulation.now + periodOf(read, one), levels });
    }
    return { held: { raw, read, state }, first };
  }
  const limits = ({ read }: Held) => ({ maxReports: read.evtReq?.maxReportNbr, expiry: read.evtReq?.monDur });
  const bodyOf = ({ raw, read }: Held, first: object[]) => ({
    ...raw,
    ...(read.evtReq?.immRep === true && { eventNotifications: first }),
  });
  const any = z.record(z.string(), z.unknown());

  server.route('POST', ROOT, { body: any }, async ({ body }) => {
    const { held, first } = await accept(body);
    notifier.welcome(held.read.notificationURI);
    const id = book.add(held, limits(held));
    return {
      status: 201,
      body: bodyOf(held, first),
      headers: { location: `${server.url}${ROOT}/${id}` },
    };
  });
  const known = (id: string | undefined) => {
    if (book.get(id) === undefined) throw problem(404, 'SUBSCRIPTION_NOT_FOUND', `No subscription ${id}`);
  };
  server.route('PUT', `${ROOT}/{id}`, { body: any }, async ({ params, body }) => {
    known(params.id);
    const { held, first } = await accept(body);
    book.replace(params.id ?? '', held, limits(held));
    return { status: 200, body: bodyOf(held, first) };
  });
  server.route('DELETE', `${ROOT}/{id}`, {}, ({ params }) => {
    known(params.id);
    book.delete(params.id);
    return { status: 204 };
  });
  return () => advances.delete(watch);
}

const correlation = ({ notifCorrId }: Subscription) => (notifCorrId === undefined ? {} : { notifCorrId });

const periodOf = ({ evtReq }: Subscription, one: EventSubscription) =>
  (one.repetitionPeriod ?? evtReq?.repPeriod ?? DEFAULT_PERIOD_S) * 1000;

function requireThreshold(one: EventSubscription, at: string): void {
  const thresholds: Threshold[] = thresholdsOf(one);
  if (!isAnalyticsLevel(one.event))
    throw invalid(`${at}/notificationMethod`, `${one.event} has no thresholds`);
  if (thresholds.length === 0) {
    throw invalid(`${at}/${FIELD[one.event] ?? 'event'}`, 'is needed for THRESHOLD', 'MANDATORY_IE_MISSING');
  }
}

const FIELD: Partial<Record<AnalyticsEvent, string>> = {
  NF_LOAD: 'nfLoadLvlThds',
  USER_DATA_CONGESTION: 'congThresholds',
  QOS_SUSTAINABILITY: 'ranUeThrouThds',
  SLICE_LOAD_LEVEL: 'loadLevelThreshold',
  NSI_LOAD_LEVEL: 'nsiLevelThrds',
};
