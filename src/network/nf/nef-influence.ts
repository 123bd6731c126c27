import { z } from 'zod';
import { problem, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { pcfOf, within } from './nef.ts';
import { addCollection } from './nef-collection.ts';
import { notifyUri, snssai } from './schemas.ts';

const ROOT = '/3gpp-traffic-influence/v1';
const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';

/** TrafficInfluSub of TS 29.522 5.4.3.3.2, for one phone by its address. */
const subscription = z
  .looseObject({
    afAppId: z.string().optional(),
    trafficFilters: z
      .array(z.looseObject({ flowId: z.number().int() }))
      .min(1)
      .optional(),
    ipv4Addr: z.ipv4(),
    dnn: z.string().optional(),
    snssai: snssai.optional(),
    trafficRoutes: z.array(z.looseObject({ dnai: z.string().min(1) })).min(1),
    notificationDestination: notifyUri.optional(),
  })
  .refine((one) => (one.afAppId === undefined) !== (one.trafficFilters === undefined), {
    path: ['afAppId'],
    message: 'or trafficFilters, and not both',
  });

/** Where the traffic of a phone leaves the core, as an application wants it; gives how many wishes there are. */
export function addTrafficInfluence(server: SbiServer, context: NfContext): () => number {
  const routeOf = ({ trafficRoutes }: z.output<typeof subscription>) => ({
    routeToLocs: trafficRoutes.map((route) => ({ routeProfId: route.dnai, ...route })),
  });
  const collection = addCollection<typeof subscription, { base: string; path: string }>(server, ROOT, {
    prefix: 'ti',
    schema: subscription,
    async create(_, read) {
      const base = await pcfOf(context, read.ipv4Addr);
      const ascReqData = {
        ueIpv4: read.ipv4Addr,
        notifUri: `${server.url}/nnef-callback/v1/influence`,
        suppFeat: '0',
        ...(read.afAppId !== undefined && { afAppId: read.afAppId }),
        ...(read.dnn !== undefined && { dnn: read.dnn }),
        ...(read.snssai !== undefined && { sliceInfo: read.snssai }),
        afRoutReq: routeOf(read),
      };
      const { headers } = await within(context, {
        nf: 'PCF',
        base,
        method: 'POST',
        path: SESSIONS,
        body: { ascReqData },
      });
      return { base, path: new URL(headers.location ?? '', base).pathname };
    },
    async change(_, { read: before, inside }, read) {
      if (read.ipv4Addr !== before.ipv4Addr) {
        throw problem(403, 'REQUEST_NOT_AUTHORIZED', 'A wish stays with its phone');
      }
      await within(context, {
        nf: 'PCF',
        base: inside.base,
        method: 'PATCH',
        path: inside.path,
        body: { ascReqData: { afRoutReq: routeOf(read) } },
        contentType: 'application/merge-patch+json',
      });
      return inside;
    },
    async end(_, { inside }) {
      await within(context, {
        nf: 'PCF',
        base: inside.base,
        method: 'POST',
        path: `${inside.path}/delete`,
      });
    },
  });
  server.route('POST', '/nnef-callback/v1/influence/terminate', { body: z.looseObject({}) }, ({ body }) => {
    const path = new URL(String(body.resUri ?? ''), server.url).pathname;
    for (const [id, { inside }] of collection.entries()) if (inside.path === path) collection.remove(id);
    return { status: 204 };
  });
  return collection.size;
}
