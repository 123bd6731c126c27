import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { problem, type SbiServer } from '../../sbi/index.ts';
import type { Notifier } from './notifier.ts';
import { changedAttributes, type Profile, servicesOf } from './nrf-profile.ts';
import { iso, notifyUri, snssai } from './schemas.ts';

const ROOT = '/nnrf-nfm/v1';
/** Where the subscriber names no end, ms. */
const DEFAULT_VALIDITY_MS = 24 * 3600 * 1000;
const EVENTS = ['NF_REGISTERED', 'NF_DEREGISTERED', 'NF_PROFILE_CHANGED'] as const;
type Event = (typeof EVENTS)[number];

/** SubscrCond of TS 29.510 6.1.6.2.35, the conditions that are known here. */
const condition = z.union(
  [
    z.strictObject({ nfInstanceId: z.uuid() }),
    z.strictObject({ nfType: z.string(), nfGroupId: z.string().optional() }),
    z.strictObject({ serviceName: z.string() }),
    z.strictObject({ nfSetId: z.string() }),
    z.strictObject({ snssaiList: z.array(snssai.loose()).min(1) }),
    z.strictObject({ nfInstanceIdList: z.array(z.uuid()).min(1) }),
  ],
  { error: 'is no condition that is known here' },
);
const attributes = z.array(z.string()).min(1).optional();
const subscription = z.looseObject({
  nfStatusNotificationUri: notifyUri,
  /** Absent: all NFs (TS 29.510 6.1.6.2.16). */
  subscrCond: condition.optional(),
  reqNfType: z.string().optional(),
  reqNotifEvents: z.array(z.string()).min(1).optional(),
  notifCondition: z.object({ monitoredAttributes: attributes, unmonitoredAttributes: attributes }).optional(),
  validityTime: z.iso.datetime({ offset: true }).optional(),
});
type Subscription = z.output<typeof subscription>;
/** Only the validity of a subscription is changed (TS 29.510 5.2.2.5.6). */
const extension = z
  .array(
    z.object({
      op: z.enum(['add', 'replace']),
      path: z.literal('/validityTime'),
      value: z.iso.datetime({ offset: true }),
    }),
  )
  .length(1);

/** Subscriptions to what happens to NFs (TS 29.510 5.2.2.5, 5.2.2.6). */
export class NrfSubscriptions {
  readonly #env: Env;
  readonly #notifier: Notifier;
  readonly #server: SbiServer;
  readonly #held = new Map<string, Subscription>();
  #serial = 0;

  constructor(options: { env: Env; notifier: Notifier; server: SbiServer }) {
    this.#env = options.env;
    this.#notifier = options.notifier;
    this.#server = options.server;
    this.#addRoutes();
  }

  /** `before` is what a changed profile was. */
  tell(event: Event, about: Profile, before?: Profile): void {
    const nfInstanceUri = `${this.#server.url}${ROOT}/nf-instances/${about.nfInstanceId}`;
    const body = { event, nfInstanceUri, ...(event !== 'NF_DEREGISTERED' && { nfProfile: about }) };
    const changed = before === undefined ? undefined : changedAttributes(before, about);
    for (const [id, one] of this.#held) {
      if (Date.parse(one.validityTime ?? '') <= this.#env.clock.now()) {
        this.#held.delete(id);
        continue;
      }
      if (!concerns(one, event, about) || !isWatched(one, changed)) continue;
      this.#notifier.notify('NFStatusNotify', one.nfStatusNotificationUri, body);
    }
  }

  #addRoutes(): void {
    const server = this.#server;
    const known = (id: string | undefined) => {
      const one = this.#held.get(id ?? '');
      if (one === undefined) throw problem(404, 'RESOURCE_NOT_FOUND', `No subscription ${id}`);
      return one;
    };
    server.route('POST', `${ROOT}/subscriptions`, { body: subscription }, ({ body }) => {
      const subscriptionId = `sub${++this.#serial}`;
      const validityTime = body.validityTime ?? iso(this.#env.clock.now() + DEFAULT_VALIDITY_MS);
      const held = { ...body, validityTime };
      this.#held.set(subscriptionId, held);
      this.#notifier.welcome(body.nfStatusNotificationUri);
      return {
        status: 201,
        body: { ...held, subscriptionId },
        headers: { location: `${server.url}${ROOT}/subscriptions/${subscriptionId}` },
      };
    });
    const consumes = ['application/json-patch+json'];
    server.route('PATCH', `${ROOT}/subscriptions/{id}`, { body: extension, consumes }, ({ params, body }) => {
      const one = known(params.id);
      const extended = { ...one, ...(body[0] && { validityTime: body[0].value }) };
      this.#held.set(params.id ?? '', extended);
      this.#notifier.welcome(one.nfStatusNotificationUri);
      return { status: 200, body: { ...extended, subscriptionId: params.id } };
    });
    server.route('DELETE', `${ROOT}/subscriptions/{id}`, {}, ({ params }) => {
      known(params.id);
      this.#held.delete(params.id ?? '');
      return { status: 204 };
    });
  }
}

function concerns({ subscrCond, reqNotifEvents }: Subscription, event: Event, about: Profile): boolean {
  if (reqNotifEvents !== undefined && !reqNotifEvents.includes(event)) return false;
  if (subscrCond === undefined) return true;
  if ('nfType' in subscrCond) return subscrCond.nfType === about.nfType;
  if ('nfInstanceId' in subscrCond) return subscrCond.nfInstanceId === about.nfInstanceId;
  if ('nfInstanceIdList' in subscrCond) return subscrCond.nfInstanceIdList.includes(about.nfInstanceId);
  if ('nfSetId' in subscrCond) return about.nfSetIdList?.includes(subscrCond.nfSetId) === true;
  if ('snssaiList' in subscrCond) {
    return subscrCond.snssaiList.some((one) =>
      about.sNssais?.some(({ sst, sd }) => sst === one.sst && sd === one.sd),
    );
  }
  return servicesOf(about).some(({ serviceName }) => serviceName === subscrCond.serviceName);
}

/** Whether a change is one of those that were asked for (TS 29.510 6.1.6.2.21). */
function isWatched({ notifCondition }: Subscription, changed: string[] | undefined): boolean {
  if (changed === undefined || notifCondition === undefined) return true;
  const { monitoredAttributes: yes, unmonitoredAttributes: no = [] } = notifCondition;
  return changed.some((one) => (yes === undefined ? !no.includes(one) : yes.includes(one)));
}
