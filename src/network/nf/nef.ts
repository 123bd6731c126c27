import { NetAgentError } from '../../errors.ts';
import { problem, type SbiReply, type SbiRequestOptions } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { addAnalyticsExposure } from './nef-analytics.ts';
import { addTrafficInfluence } from './nef-influence.ts';
import { addQosSessions } from './nef-qos.ts';

/** Subscriptions of applications at which a NEF counts as fully loaded. */
const CAPACITY = 1_000;

/** NEF: what applications outside may ask of the network (TS 29.522, 29.122). */
export function startNef(context: NfContext): Promise<NetworkFunction> {
  const sizes: Array<() => number> = [];
  return startFunction(
    context,
    'NEF',
    [
      { name: '3gpp-as-session-with-qos', version: 'v1' },
      { name: '3gpp-traffic-influence', version: 'v1' },
      { name: '3gpp-analyticsexposure', version: 'v1' },
    ],
    (server) => {
      sizes.push(addQosSessions(server, context));
      sizes.push(addTrafficInfluence(server, context));
      sizes.push(addAnalyticsExposure(server, context));
    },
    { load: () => sizes.reduce((sum, size) => sum + size(), 0) / CAPACITY },
  );
}

/** A function's refusal becomes the NEF's own; one that is not there is a 504. @throws SbiProblem */
export async function within(
  { client, nrf }: NfContext,
  request: Omit<SbiRequestOptions, 'base'> & { base?: string },
): Promise<SbiReply> {
  try {
    const base = request.base ?? (await client.discover(nrf, request.nf));
    return await client.request({ ...request, base, others: nrf });
  } catch (error) {
    if (!(error instanceof NetAgentError)) throw error;
    const { status, cause } = error.details;
    if (typeof status === 'number' && status < 500) throw problem(status, String(cause), error.message);
    if (cause === 'PDU_SESSION_NOT_AVAILABLE') throw problem(500, String(cause), error.message);
    throw problem(504, 'TARGET_NF_NOT_REACHABLE', error.message);
  }
}

/** API root of the PCF that serves an address, by the BSF (TS 29.521 4.2.4). @throws SbiProblem */
export async function pcfOf(context: NfContext, ipv4: string): Promise<string> {
  const { body, status } = await within(context, {
    nf: 'BSF',
    method: 'GET',
    path: '/nbsf-management/v1/pcfBindings',
    query: { ipv4Addr: ipv4 },
  });
  if (status === 204) throw problem(500, 'PDU_SESSION_NOT_AVAILABLE', `No PDU session has ${ipv4}`);
  const { pcfIpEndPoints } = body as {
    pcfIpEndPoints: Array<{ ipv4Address?: string; ipv6Address?: string; port: number }>;
  };
  const [at] = pcfIpEndPoints;
  return `http://${at?.ipv4Address ?? `[${at?.ipv6Address}]`}:${at?.port}`;
}
