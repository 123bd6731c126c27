import { z } from 'zod';
import { problem, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { dateTime, iso, notifyUri, supi } from './schemas.ts';
import type { Held } from './smf-set.ts';
import { SubscriptionBook } from './subscription-book.ts';

const ROOT = '/nsmf-event-exposure/v1/subscriptions';
/** Of TS 29.508 5.6.3.3, those that this network can tell. */
const EVENTS = ['PDU_SES_EST', 'PDU_SES_REL', 'UP_PATH_CH', 'RAT_TY_CH', 'QFI_ALLOC'] as const;
type EventType = (typeof EVENTS)[number];

const subscription = z
  .looseObject({
    notifId: z.string(),
    notifUri: notifyUri,
    eventSubs: z.array(z.looseObject({ event: z.enum(EVENTS) })).min(1),
    supi: supi.optional(),
    anyUeInd: z.boolean().optional(),
    pduSeId: z.number().int().min(0).max(255).optional(),
    dnn: z.string().optional(),
    maxReportNbr: z.number().int().min(1).optional(),
    expiry: z.iso.datetime({ offset: true }).optional(),
  })
  .refine((body) => body.supi !== undefined || body.anyUeInd === true, {
    path: ['supi'],
    message: 'or anyUeInd is needed',
  });
type Subscription = z.output<typeof subscription>;

/** Event exposure of the SMFs of a set (TS 29.508). */
export class SmfEvents {
  readonly #context: NfContext;
  readonly #book = new SubscriptionBook<Subscription>('smfev');

  constructor(context: NfContext) {
    this.#context = context;
  }

  tell(event: EventType, { session, context, ipv4 }: Held, more: Record<string, unknown> = {}): void {
    const { notifier, simulation } = this.#context;
    for (const [id, one] of this.#book.open(simulation.now)) {
      if (!one.eventSubs.some((wanted) => wanted.event === event)) continue;
      if (one.supi !== undefined && one.supi !== session.supi) continue;
      if (one.pduSeId !== undefined && one.pduSeId !== context.pduSessionId) continue;
      if (one.dnn !== undefined && one.dnn !== context.dnn) continue;
      const notif = {
        event,
        timeStamp: iso(simulation.now),
        supi: session.supi,
        pduSeId: context.pduSessionId,
        dnn: context.dnn,
        snssai: context.sNssai,
        ipv4Addr: ipv4,
        pduSessType: 'IPV4',
        ...more,
      };
      notifier.notify('NsmfEventExposureNotification', one.notifUri, {
        notifId: one.notifId,
        eventNotifs: [notif],
      });
      this.#book.reported(id);
    }
  }

  addRoutes(server: SbiServer): void {
    const limits = ({ maxReportNbr, expiry }: Subscription) => ({
      maxReports: maxReportNbr,
      expiry: expiry === undefined ? undefined : dateTime.parse(expiry),
    });
    const known = (id: string | undefined) => {
      const found = this.#book.get(id);
      if (found === undefined) throw problem(404, 'SUBSCRIPTION_NOT_FOUND', `No subscription ${id}`);
      return found;
    };
    server.route('POST', ROOT, { body: subscription }, ({ body }) => {
      this.#context.notifier.welcome(body.notifUri);
      const id = this.#book.add(body, limits(body));
      return {
        status: 201,
        body: { ...body, subId: id },
        headers: { location: `${server.url}${ROOT}/${id}` },
      };
    });
    server.route('GET', `${ROOT}/{id}`, {}, ({ params }) => ({
      status: 200,
      body: { ...known(params.id), subId: params.id },
    }));
    server.route('PUT', `${ROOT}/{id}`, { body: subscription }, ({ params, body }) => {
      known(params.id);
      this.#book.replace(params.id ?? '', body, limits(body));
      return { status: 200, body: { ...body, subId: params.id } };
    });
    server.route('DELETE', `${ROOT}/{id}`, {}, ({ params }) => {
      known(params.id);
      this.#book.delete(params.id);
      return { status: 204 };
    });
  }
}
