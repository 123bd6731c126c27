import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { SbiServer } from '../../sbi/index.ts';
import { type Profile, servicesOf } from './nrf-profile.ts';
import { json, snssai } from './schemas.ts';

/** Seconds for which a search result may be kept. */
const VALIDITY_S = 60;
const list = z.string().transform((text) => text.split(','));

/** Of the query parameters of TS 29.510 6.2.3.2.3.1 those that make a difference here; others are ignored. */
const search = z.object({
  'target-nf-type': z.string(),
  'requester-nf-type': z.string(),
  'service-names': list.optional(),
  'target-nf-instance-id': z.uuid().optional(),
  'target-nf-set-id': z.string().optional(),
  'preferred-locality': z.string().optional(),
  snssais: json(z.array(snssai)).optional(),
  dnn: z.string().optional(),
  supi: z.string().optional(),
  tai: json(z.looseObject({ tac: z.string() })).optional(),
  'event-id-list': list.optional(),
  'nwdaf-event-list': list.optional(),
  limit: z.coerce.number().int().min(1).optional(),
});
type Search = z.output<typeof search>;

/** Discovery of NFs that are registered and fit (TS 29.510 5.3). */
export function addDiscovery(server: SbiServer, profiles: () => Iterable<Profile>): void {
  server.route('GET', '/nnrf-disc/v1/nf-instances', { query: search }, ({ query, headers }) => {
    const nfInstances = [...profiles()]
      .filter((one) => fits(one, query))
      .map((one) => narrowed(one, query))
      .filter((one) => query['service-names'] === undefined || servicesOf(one).length > 0)
      .sort((a, b) => rank(a, query) - rank(b, query))
      .slice(0, query.limit);
    const body = { validityPeriod: VALIDITY_S, nfInstances };
    const etag = `"${createHash('sha256').update(JSON.stringify(nfInstances)).digest('hex').slice(0, 16)}"`;
    const cached = { etag, 'cache-control': `max-age=${VALIDITY_S}` };
    if (headers['if-none-match'] === etag) return { status: 304, headers: cached };
    return { status: 200, body, headers: cached };
  });
}

function fits(one: Profile, query: Search): boolean {
  if (one.nfType !== query['target-nf-type'] || one.nfStatus !== 'REGISTERED') return false;
  if (one.allowedNfTypes?.includes(query['requester-nf-type']) === false) return false;
  const set = query['target-nf-set-id'];
  if (set !== undefined && one.nfSetIdList?.includes(set) !== true) return false;
  if ((query['target-nf-instance-id'] ?? one.nfInstanceId) !== one.nfInstanceId) return false;
  // What a profile does not restrict, it serves all of.
  const { snssais, dnn, supi, tai } = query;
  const slices = one.sNssais;
  if (snssais && slices && !snssais.some((a) => slices.some((b) => a.sst === b.sst && a.sd === b.sd))) {
    return false;
  }
  const infos = Object.entries(one).flatMap(([name, info]) => {
    const read = name.endsWith('Info') ? restrictions.safeParse(info) : undefined;
    return read?.success ? [read.data] : [];
  });
  const events = [...(query['event-id-list'] ?? []), ...(query['nwdaf-event-list'] ?? [])];
  return infos.every(
    ({ dnnList, supiRanges, taiList, eventIds, nwdafEvents }) =>
      (dnn === undefined || dnnList === undefined || dnnList.includes(dnn)) &&
      (tai === undefined || taiList === undefined || taiList.some(({ tac }) => tac === tai.tac)) &&
      (supi === undefined || supiRanges === undefined || supiRanges.some((range) => inRange(supi, range))) &&
      events.every((event) => [...(eventIds ?? [event]), ...(nwdafEvents ?? [])].includes(event)),
  );
}

const restrictions = z.looseObject({
  dnnList: z.array(z.string()).optional(),
  supiRanges: z
    .array(
      z.object({ start: z.string().optional(), end: z.string().optional(), pattern: z.string().optional() }),
    )
    .optional(),
  taiList: z.array(z.looseObject({ tac: z.string() })).optional(),
  eventIds: z.array(z.string()).optional(),
  nwdafEvents: z.array(z.string()).optional(),
});

/** SupiRange of TS 29.510 6.1.6.2.12; a pattern is compared as text, not run. */
function inRange(
  supi: string,
  {
    start,
    end,
    pattern,
  }: { start?: string | undefined; end?: string | undefined; pattern?: string | undefined },
): boolean {
  if (pattern !== undefined) return supi.startsWith(pattern.replace(/^\^/, '').replace(/[^\w-].*$/, ''));
  const digits = supi.replace(/^imsi-/, '');
  return (start === undefined || digits >= start) && (end === undefined || digits <= end);
}

/** Without the services that were not asked for, or that the requester may not use (TS 29.510 6.2.3.2.3.1). */
function narrowed(one: Profile, query: Search): Profile {
  const names = query['service-names'];
  const allowed = (service: { serviceName: string; allowedNfTypes?: string[] | undefined }) =>
    (names?.includes(service.serviceName) ?? true) &&
    service.allowedNfTypes?.includes(query['requester-nf-type']) !== false;
  const { nfServices, nfServiceList } = one;
  return {
    ...one,
    ...(nfServices && { nfServices: nfServices.filter(allowed) }),
    ...(nfServiceList && {
      nfServiceList: Object.fromEntries(Object.entries(nfServiceList).filter(([, it]) => allowed(it))),
    }),
  };
}

/** Priority, and before it the place that is preferred. */
function rank({ priority = 0, locality }: Profile, query: Search): number {
  const near = query['preferred-locality'];
  return priority + (near !== undefined && locality !== near ? 65_536 : 0);
}
