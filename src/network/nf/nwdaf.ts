import { z } from 'zod';
import { invalid } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { area } from './network-area.ts';
import { analyse, EVENTS } from './nwdaf-analytics.ts';
import { addAnalyticsSubscriptions } from './nwdaf-subscriptions.ts';
import { dateTime, iso, json, snssai, supi } from './schemas.ts';

/** The analytics information service has its own name for the load of slices (TS 29.520 5.2.6.3.3). */
const eventId = z
  .enum([...EVENTS, 'LOAD_LEVEL_INFORMATION'])
  .transform((event) => (event === 'LOAD_LEVEL_INFORMATION' ? 'SLICE_LOAD_LEVEL' : event));
const analytics = z.object({
  'event-id': eventId,
  'event-filter': json(
    z.looseObject({
      networkArea: area.optional(),
      nfTypes: z.array(z.string()).optional(),
      nfInstanceIds: z.array(z.uuid()).optional(),
      snssais: z.array(snssai).optional(),
    }),
  ).optional(),
  'ana-req': json(z.looseObject({ startTs: dateTime.optional(), endTs: dateTime.optional() })).optional(),
  'tgt-ue': json(
    z.looseObject({ anyUe: z.boolean().optional(), supis: z.array(supi).min(1).optional() }),
  ).optional(),
});

/** NWDAF: analytics of what is, and of the load that is expected, out of history (TS 29.520). */
export async function startNwdaf(context: NfContext): Promise<NetworkFunction> {
  const { simulation } = context;
  let stop = () => {};
  const started = await startFunction(
    context,
    'NWDAF',
    [
      { name: 'nnwdaf-analyticsinfo', version: 'v1' },
      { name: 'nnwdaf-eventssubscription', version: 'v1' },
    ],
    (server) => {
      stop = addAnalyticsSubscriptions(server, context);
      server.route('GET', '/nnwdaf-analyticsinfo/v1/analytics', { query: analytics }, async ({ query }) => {
        const { 'event-id': event, 'event-filter': filter, 'ana-req': window, 'tgt-ue': target } = query;
        const start = window?.startTs ?? simulation.now;
        const end = window?.endTs ?? start + 60_000;
        if (start >= end) throw invalid('ana-req', 'startTs must be before endTs', 'INVALID_QUERY_PARAM');
        const question = { ...filter, ...target, start, end };
        const found = await analyse(context, event, question, { area: 'event-filter', user: 'tgt-ue' });
        // No analytics of any of these (TS 29.520 5.2.2.2.2).
        if (found === undefined) return { status: 204 };
        return { status: 200, body: { start: iso(start), expiry: iso(end), ...found } };
      });
    },
    {
      profile: {
        nwdafInfo: { eventIds: EVENTS.filter((event) => event !== 'SLICE_LOAD_LEVEL'), nwdafEvents: EVENTS },
      },
    },
  );
  return {
    ...started,
    async close() {
      stop();
      await started.close();
    },
  };
}
