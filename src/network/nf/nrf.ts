import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { createSbiServer, problem } from '../../sbi/index.ts';
import type { NetworkFunction } from './function.ts';
import { HeartBeats } from './heart-beats.ts';
import type { Notifier } from './notifier.ts';

const endpoint = z.looseObject({
  ipv4Address: z.string().optional(),
  ipv6Address: z.string().optional(),
  transport: z.string().optional(),
  port: z.number().int().min(1).max(65535).optional(),
});
const service = z.looseObject({
  serviceInstanceId: z.string(),
  serviceName: z.string(),
  versions: z.array(z.looseObject({ apiVersionInUri: z.string(), apiFullVersion: z.string() })).min(1),
  scheme: z.enum(['http', 'https']),
  nfServiceStatus: z.string(),
  ipEndPoints: z.array(endpoint).optional(),
});
const profile = z.looseObject({
  nfInstanceId: z.uuid(),
  nfType: z.string().min(1),
  nfStatus: z.enum(['REGISTERED', 'SUSPENDED', 'UNDISCOVERABLE', 'CANARY_RELEASE']),
  heartBeatTimer: z.number().int().min(1).optional(),
  load: z.number().int().min(0).max(100).optional(),
  priority: z.number().int().optional(),
  nfServices: z.array(service).optional(),
});
type Profile = z.output<typeof profile>;

/** Only attributes of the profile itself are changed in a heart-beat (TS 29.510 5.2.2.3.2). */
const patch = z
  .array(
    z.object({
      op: z.enum(['add', 'replace', 'remove']),
      path: z.string().regex(/^\/[A-Za-z]+$/, 'names no attribute of the profile'),
      value: z.unknown().optional(),
    }),
  )
  .min(1);
const subscription = z.object({
  nfStatusNotificationUri: z.url(),
  /** Absent: all NFs (TS 29.510 6.1.6.2.16). */
  subscrCond: z.union([z.object({ nfType: z.string() }), z.object({ nfInstanceId: z.uuid() })]).optional(),
  reqNfType: z.string().optional(),
  reqNotifEvents: z.array(z.string()).min(1).optional(),
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
const search = z.object({
  'target-nf-type': z.string(),
  'requester-nf-type': z.string(),
  'service-names': z.string().optional(),
  'target-nf-instance-id': z.string().optional(),
  limit: z.coerce.number().int().min(1).optional(),
});
/** Seconds for which a search result may be kept. */
const VALIDITY_S = 60;
const ROOT = '/nnrf-nfm/v1';

/** NRF (TS 29.510): who is there, and where. */
export async function startNrf(options: {
  env: Env;
  host: string;
  notifier: Notifier;
}): Promise<NetworkFunction> {
  const { env, host, notifier } = options;
  const server = await createSbiServer({ nf: 'NRF', host, log: env.log });
  const profiles = new Map<string, Profile>();
  const subscriptions = new Map<string, Subscription>();
  let serial = 0;

  const known = (id: string | undefined) => {
    const found = profiles.get(id ?? '');
    if (found === undefined) throw problem(404, 'RESOURCE_NOT_FOUND', `No instance ${id} is registered`);
    return found;
  };
  const tell = (event: string, about: Profile) => {
    const nfInstanceUri = `${server.url}${ROOT}/nf-instances/${about.nfInstanceId}`;
    const body = { event, nfInstanceUri, ...(event !== 'NF_DEREGISTERED' && { nfProfile: about }) };
    for (const [id, one] of subscriptions) {
      if (one.validityTime !== undefined && Date.parse(one.validityTime) <= env.clock.now()) {
        subscriptions.delete(id);
        continue;
      }
      if (!concerns(one, event, about)) continue;
      notifier.notify('NFStatusNotify', one.nfStatusNotificationUri, body);
    }
  };
  const beats = new HeartBeats(env.clock, (id) => {
    const silent = profiles.get(id);
    if (silent === undefined || silent.nfStatus === 'SUSPENDED') return;
    const suspended: Profile = { ...silent, nfStatus: 'SUSPENDED' };
    profiles.set(id, suspended);
    tell('NF_PROFILE_CHANGED', suspended);
  });

  server.route('PUT', `${ROOT}/nf-instances/{id}`, { body: profile }, ({ params, body }) => {
    if (body.nfInstanceId !== params.id) {
      throw problem(400, 'MANDATORY_IE_INCORRECT', 'nfInstanceId is not that of the path');
    }
    const fresh = !profiles.has(body.nfInstanceId);
    profiles.set(body.nfInstanceId, body);
    beats.heard(body.nfInstanceId, body.heartBeatTimer);
    tell(fresh ? 'NF_REGISTERED' : 'NF_PROFILE_CHANGED', body);
    return fresh
      ? { status: 201, body, headers: { location: `${server.url}${ROOT}/nf-instances/${params.id}` } }
      : { status: 200, body };
  });
  server.route('GET', `${ROOT}/nf-instances/{id}`, {}, ({ params }) => ({
    status: 200,
    body: known(params.id),
  }));
  server.route(
    'PATCH',
    `${ROOT}/nf-instances/{id}`,
    { body: patch, consumes: ['application/json-patch+json'] },
    ({ params, body }) => {
      const next: Record<string, unknown> = { ...known(params.id) };
      for (const { op, path, value } of body) {
        const name = path.slice(1);
        if (op === 'remove') delete next[name];
        else next[name] = value;
      }
      const read = profile.safeParse(next);
      if (!read.success || read.data.nfInstanceId !== params.id) {
        throw problem(400, 'MANDATORY_IE_INCORRECT', 'The patched profile is not valid');
      }
      profiles.set(read.data.nfInstanceId, read.data);
      beats.heard(read.data.nfInstanceId, read.data.heartBeatTimer);
      tell('NF_PROFILE_CHANGED', read.data);
      return { status: 200, body: read.data };
    },
  );
  server.route('DELETE', `${ROOT}/nf-instances/{id}`, {}, ({ params }) => {
    const gone = known(params.id);
    profiles.delete(gone.nfInstanceId);
    beats.stop(gone.nfInstanceId);
    tell('NF_DEREGISTERED', gone);
    return { status: 204 };
  });
  server.route(
    'GET',
    `${ROOT}/nf-instances`,
    {
      query: z.object({ 'nf-type': z.string().optional(), limit: z.coerce.number().int().min(1).optional() }),
    },
    ({ query }) => {
      const wanted = query['nf-type'];
      const found = [...profiles.values()].filter((one) => wanted === undefined || one.nfType === wanted);
      const item = found
        .slice(0, query.limit)
        .map((one) => ({ href: `${server.url}${ROOT}/nf-instances/${one.nfInstanceId}` }));
      return {
        status: 200,
        contentType: 'application/3gppHal+json',
        body: {
          _links: { item, self: { href: `${server.url}${ROOT}/nf-instances` } },
          totalItemCount: found.length,
        },
      };
    },
  );
  server.route('POST', `${ROOT}/subscriptions`, { body: subscription }, ({ body }) => {
    const subscriptionId = `sub${++serial}`;
    subscriptions.set(subscriptionId, body);
    notifier.welcome(body.nfStatusNotificationUri);
    return {
      status: 201,
      body: { ...body, subscriptionId },
      headers: { location: `${server.url}${ROOT}/subscriptions/${subscriptionId}` },
    };
  });
  server.route(
    'PATCH',
    `${ROOT}/subscriptions/{id}`,
    { body: extension, consumes: ['application/json-patch+json'] },
    ({ params, body }) => {
      const id = params.id ?? '';
      const one = subscriptions.get(id);
      if (one === undefined) throw problem(404, 'RESOURCE_NOT_FOUND');
      const extended: Subscription = { ...one, ...(body[0] && { validityTime: body[0].value }) };
      subscriptions.set(id, extended);
      notifier.welcome(one.nfStatusNotificationUri);
      return { status: 200, body: { ...extended, subscriptionId: id } };
    },
  );
  server.route('DELETE', `${ROOT}/subscriptions/{id}`, {}, ({ params }) => {
    if (!subscriptions.delete(params.id ?? '')) throw problem(404, 'RESOURCE_NOT_FOUND');
    return { status: 204 };
  });
  server.route('GET', '/nnrf-disc/v1/nf-instances', { query: search }, ({ query }) => {
    const names = query['service-names']?.split(',');
    const nfInstances = [...profiles.values()]
      .filter((one) => one.nfType === query['target-nf-type'])
      .filter((one) => one.nfStatus === 'REGISTERED')
      .filter((one) => (query['target-nf-instance-id'] ?? one.nfInstanceId) === one.nfInstanceId)
      .map((one) => ({
        ...one,
        // Services that were not asked for are left out (TS 29.510 6.2.3.2.3.1).
        nfServices: (one.nfServices ?? []).filter((s) => names?.includes(s.serviceName) ?? true),
      }))
      .filter((one) => names === undefined || one.nfServices.length > 0)
      .sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0))
      .slice(0, query.limit);
    return { status: 200, body: { validityPeriod: VALIDITY_S, nfInstances } };
  });

  return {
    nf: 'NRF',
    url: server.url,
    instance: '00000000-0000-4000-8000-000000000000',
    beat: () => Promise.resolve(),
    kill: () => server.kill(),
    revive: () => server.revive(),
    overload: () => undefined,
    close() {
      beats.close();
      return server.close();
    },
  };
}

function concerns({ subscrCond, reqNotifEvents }: Subscription, event: string, about: Profile): boolean {
  if (reqNotifEvents !== undefined && !reqNotifEvents.includes(event)) return false;
  if (subscrCond === undefined) return true;
  return 'nfType' in subscrCond
    ? subscrCond.nfType === about.nfType
    : subscrCond.nfInstanceId === about.nfInstanceId;
}
