import { z } from 'zod';
import { MULTIPART, problem, type SbiServer } from '../../sbi/index.ts';
import { addAmfEvents } from './amf-events.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { instanceIdOf } from './instance-id.ts';
import { userLocation } from './location.ts';
import { GUAMI, notifyUri, PLMN, subscriberUnknown, supi } from './schemas.ts';
import { SubscriptionBook } from './subscription-book.ts';

const request = z.object({
  req5gsLoc: z.boolean().optional(),
  reqCurrentLoc: z.boolean().optional(),
  reqRatType: z.boolean().optional(),
  reqTimeZone: z.boolean().optional(),
});
const transfer = z
  .object({
    n1MessageContainer: z.looseObject({ n1MessageClass: z.string() }).optional(),
    n2InfoContainer: z.looseObject({ n2InformationClass: z.string() }).optional(),
    pduSessionId: z.number().int().min(0).max(255).optional(),
    skipInd: z.boolean().optional(),
  })
  .refine((body) => body.n1MessageContainer !== undefined || body.n2InfoContainer !== undefined, {
    message: 'carries neither an N1 message nor N2 information',
  });
/** Registered UEs at which an AMF counts as fully loaded. */
const CAPACITY = 10_000;

/** AMF: location, events and N1/N2 messages of subscribers (TS 29.518). All of them are registered. */
export async function startAmf(context: NfContext): Promise<NetworkFunction> {
  const { simulation } = context;
  let stopEvents = () => undefined as undefined;
  const started = await startFunction(
    context,
    'AMF',
    [
      { name: 'namf-loc', version: 'v1' },
      { name: 'namf-evts', version: 'v1' },
      { name: 'namf-comm', version: 'v1' },
    ],
    (server) => {
      addLocation(server, context);
      addCommunication(server, context);
      stopEvents = addAmfEvents(server, context);
      server.route(
        'POST',
        '/namf-callback/v1/sm-contexts/{id}',
        { body: z.looseObject({ statusInfo: z.looseObject({ resourceStatus: z.string() }) }) },
        ({ params, body }) => {
          const { resourceStatus } = body.statusInfo;
          context.env.log.info({ session: params.id, resourceStatus }, 'PDU session changed by the network');
          return { status: 204 };
        },
      );
    },
    {
      load: () => simulation.subscribers().length / CAPACITY,
      profile: { amfInfo: { amfRegionId: '02', amfSetId: '001', guamiList: [GUAMI] } },
    },
  );
  return {
    ...started,
    async close() {
      stopEvents();
      await started.close();
    },
  };
}

function radioOf({ simulation }: NfContext, ueContextId: string | undefined) {
  const id = supi.safeParse(ueContextId);
  const radio = id.success ? simulation.ue(id.data) : undefined;
  // TS 29.518 6.1.7.3, 6.4.7.3
  if (radio === undefined) throw problem(404, 'CONTEXT_NOT_FOUND', `No context of ${ueContextId}`);
  return radio;
}

function addLocation(server: SbiServer, context: NfContext): void {
  const PATH = '/namf-loc/v1/{ueContextId}/provide-loc-info';
  server.route('POST', PATH, { body: request }, ({ params }) => {
    const found = userLocation(context.simulation, radioOf(context, params.ueContextId));
    if (found === undefined) return { status: 200, body: { currentLoc: false } };
    const { location, ratType, geoInfo, regionId } = found;
    // `regionId` is a field of this project.
    return { status: 200, body: { currentLoc: true, location, ratType, geoInfo, regionId } };
  });
}

function addCommunication(server: SbiServer, context: NfContext): void {
  const ROOT = '/namf-comm/v1';
  const status = new SubscriptionBook<string>('amfst');
  server.route(
    'POST',
    `${ROOT}/ue-contexts/{ueContextId}/n1-n2-messages`,
    { body: transfer, consumes: ['application/json', MULTIPART] },
    ({ params }) => {
      const radio = radioOf(context, params.ueContextId);
      if (radio.medium !== 'cellular') throw problem(504, 'UE_NOT_REACHABLE', 'The phone has no coverage');
      // All phones are connected: nothing is paged, and the gNB's answer is that of the simulation.
      return { status: 200, body: { cause: 'N1_N2_TRANSFER_INITIATED' } };
    },
  );
  server.route(
    'POST',
    `${ROOT}/subscriptions`,
    { body: z.looseObject({ amfStatusUri: notifyUri }) },
    ({ body }) => {
      const id = status.add(body.amfStatusUri);
      const location = `${server.url}${ROOT}/subscriptions/${id}`;
      return { status: 201, body, headers: { location } };
    },
  );
  server.route('DELETE', `${ROOT}/subscriptions/{id}`, {}, ({ params }) => {
    if (!status.delete(params.id))
      throw problem(404, 'SUBSCRIPTION_NOT_FOUND', `No subscription ${params.id}`);
    return { status: 204 };
  });
}

/** PDU session establishment request for IPv4 (TS 24.501 8.3.1), as the phone sends it. */
const establishmentRequest = (pduSessionId: number) =>
  Uint8Array.from([0x2e, pduSessionId, 0x01, 0xc1, 0xff, 0xff, 0x91]);

/** The subscriber's phone is on: a PDU session is established for it (TS 23.502 4.3.2). */
export async function establishSession(
  context: NfContext,
  subscriber: string,
  { dnn = 'internet', sNssai = { sst: 1 }, pduSessionId = 1 } = {},
): Promise<string> {
  const { client, nrf, simulation } = context;
  if (!simulation.subscribers().includes(subscriber)) throw subscriberUnknown(subscriber);
  const base = await client.discover(nrf, 'SMF');
  const { headers } = await client.request({
    nf: 'SMF',
    base,
    others: nrf,
    method: 'POST',
    path: '/nsmf-pdusession/v1/sm-contexts',
    body: {
      supi: subscriber,
      pduSessionId,
      dnn,
      sNssai,
      servingNfId: instanceIdOf('AMF'),
      guami: GUAMI,
      servingNetwork: PLMN,
      anType: '3GPP_ACCESS',
      ratType: 'NR',
      requestType: 'INITIAL_REQUEST',
      n1SmMsg: { contentId: 'n1' },
      smContextStatusUri: `${context.amf ?? base}/namf-callback/v1/sm-contexts/${subscriber}-${pduSessionId}`,
    },
    attachments: [
      {
        contentId: 'n1',
        contentType: 'application/vnd.3gpp.5gnas',
        data: establishmentRequest(pduSessionId),
      },
    ],
  });
  return new URL(headers.location ?? '', base).pathname;
}
