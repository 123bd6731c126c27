import { z } from 'zod';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { dateTime, subscriberUnknown, supi, toBitRate } from './schemas.ts';

/** TS 29.564 5.2: one-time reports of user data usage; the answer carries the report itself. */
const subscription = z.object({
  subscription: z.object({
    eventList: z.array(z.object({ type: z.literal('USER_DATA_USAGE_MEASURES') })).min(1),
    eventNotifyUri: z.url().optional(),
    eventReportingMode: z.object({
      trigger: z.literal('ONE_TIME'),
      repDuration: dateTime.optional(),
    }),
    supi,
  }),
});

/** UPF: what a subscriber's user plane carries. */
export async function startUpf(context: NfContext): Promise<NetworkFunction> {
  const { notifier, simulation } = context;
  let serial = 0;
  const radioOf = (id: string) => {
    const radio = simulation.ue(id);
    if (radio === undefined) throw subscriberUnknown(id);
    return radio;
  };
  return startFunction(context, 'UPF', [{ name: 'nupf-ee', version: 'v1' }], (server) => {
    server.route('POST', '/nupf-ee/v1/ee-subscriptions', { body: subscription }, ({ body }) => {
      const { supi: id, eventNotifyUri } = body.subscription;
      const radio = radioOf(id);
      const subscriptionId = `ee-${++serial}`;
      const item = {
        eventType: 'USER_DATA_USAGE_MEASURES',
        supi: id,
        timeStamp: new Date(radio.t).toISOString(),
        userDataUsageMeasurements: [
          {
            throughputMeasurement: {
              dlThroughput: toBitRate(radio.dlMbps),
              ulThroughput: toBitRate(radio.ulMbps),
            },
          },
        ],
      };
      if (eventNotifyUri !== undefined) {
        notifier.welcome(eventNotifyUri);
        notifier.notify('Nupf_EventExposure_Notify', eventNotifyUri, { notificationItems: [item] });
      }
      return {
        status: 201,
        body: { subscription: body.subscription, subscriptionId, reportItems: [item] },
        headers: { location: `${server.url}/nupf-ee/v1/ee-subscriptions/${subscriptionId}` },
      };
    });
    // Not in TS 29.564: the present values at once, with the delay to the data network.
    server.route('GET', '/nupf-ee/v1/usage/{supi}', {}, ({ params }) => {
      const { dlMbps, ulMbps, delayMs } = radioOf(params.supi ?? '');
      return { status: 200, body: { dlMbps, ulMbps, delayMs } };
    });
  });
}
