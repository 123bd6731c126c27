import { z } from 'zod';
import { invalid, MULTIPART, PROBLEM_TYPE, SbiProblem, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { subscriberUnknown } from './schemas.ts';
import { smContext, smContextUpdate } from './sm-context.ts';
import { smPolicyNotification, smPolicyTermination } from './sm-policy.ts';
import type { SmfSet } from './smf-set.ts';

const SESSIONS = '/nsmf-pdusession/v1/sm-contexts';
/** PDU sessions at which an SMF counts as fully loaded. */
const CAPACITY = 10_000;

/** One SMF of a set: PDU sessions (TS 29.502), their policy from the PCF (TS 29.512), and paths. */
export function startSmf(context: NfContext, set: SmfSet, instance: number): Promise<NetworkFunction> {
  return startFunction(
    context,
    'SMF',
    [
      { name: 'nsmf-pdusession', version: 'v1' },
      { name: 'nsmf-event-exposure', version: 'v1' },
      { name: 'nsmf-callback', version: 'v1' },
      { name: 'paths', version: 'v1' },
    ],
    (server) => {
      addSessions(server, set);
      addPolicyCallbacks(server, set);
      addPaths(server, context, set);
      set.events.addRoutes(server);
    },
    {
      instance,
      load: () => set.size / CAPACITY,
      profile: {
        nfSetIdList: ['set001.smfset.5gc.mnc001.mcc001'],
        smfInfo: { sNssaiSmfInfoList: [{ sNssai: { sst: 1 }, dnnSmfInfoList: [{ dnn: 'internet' }] }] },
      },
    },
  );
}

function addSessions(server: SbiServer, set: SmfSet): void {
  const consumes = ['application/json', MULTIPART];
  server.route('POST', SESSIONS, { body: smContext, consumes }, async ({ body }) => {
    const callback = (ref: string) => `${server.url}/nsmf-callback/v1/sm-policies/${ref}`;
    try {
      const ref = await set.establish(body, callback);
      return {
        status: 201,
        body: { pduSessionId: body.pduSessionId, sNssai: body.sNssai, upCnxState: 'ACTIVATED' },
        headers: { location: `${server.url}${SESSIONS}/${ref}` },
      };
    } catch (error) {
      if (!(error instanceof SbiProblem)) throw error;
      // SmContextCreateError (TS 29.502 6.1.6.2.5).
      const { problem, headers } = error;
      return {
        status: problem.status,
        body: { error: problem, ...problem },
        headers,
        contentType: PROBLEM_TYPE,
      };
    }
  });
  server.route(
    'POST',
    `${SESSIONS}/{ref}/modify`,
    { body: smContextUpdate, consumes },
    async ({ params, body }) => {
      const entry = set.held(params.ref);
      if (body.release === true) {
        await set.release(params.ref);
        return { status: 204 };
      }
      if (body.upCnxState !== undefined) entry.upCnxState = body.upCnxState;
      return { status: 200, body: { upCnxState: entry.upCnxState } };
    },
  );
  server.route('POST', `${SESSIONS}/{ref}/release`, {}, async ({ params }) => {
    await set.release(params.ref);
    return { status: 204 };
  });
}

function addPolicyCallbacks(server: SbiServer, set: SmfSet): void {
  const CALLBACK = '/nsmf-callback/v1/sm-policies/{ref}';
  server.route('POST', `${CALLBACK}/update`, { body: smPolicyNotification }, ({ params, body }) => {
    const reports = set.decide(params.ref, body.smPolicyDecision);
    // An answer without rules in it is none (TS 29.512 4.2.3.1).
    return reports.ruleReports.length === 0 ? { status: 204 } : { status: 200, body: reports };
  });
  server.route('POST', `${CALLBACK}/terminate`, { body: smPolicyTermination }, ({ params }) => {
    set.terminated(params.ref);
    return { status: 204 };
  });
}

/** Not of 3GPP: the ways of a subscriber, with their delay now, and the choice among them. */
function addPaths(server: SbiServer, { core, simulation }: NfContext, set: SmfSet): void {
  const known = (supi: string | undefined) => {
    if (simulation.ue(supi ?? '') === undefined) throw subscriberUnknown(supi ?? '');
    return supi ?? '';
  };
  server.route('GET', '/paths/v1/ues/{supi}', {}, ({ params }) => ({
    status: 200,
    body: {
      paths: simulation.paths(known(params.supi)).map((path) => {
        const { capacityMbps, utilisation, lossRatio } = core.transport.link(path.dnai);
        return { ...path, capacityMbps, utilisation, lossRatio };
      }),
    },
  }));
  server.route('GET', '/paths/v1/upfs/{supi}', {}, ({ params }) => ({
    status: 200,
    body: { upfs: core.upfs.list(simulation.paths(known(params.supi)).map(({ dnai }) => dnai)) },
  }));
  server.route(
    'PUT',
    '/paths/v1/ues/{supi}/dnai',
    { body: z.object({ dnai: z.string() }) },
    ({ params, body }) => {
      if (!set.routeVia(known(params.supi), body.dnai)) {
        throw invalid('/dnai', `no way leads over ${body.dnai}`, 'INVALID_DNAI');
      }
      return { status: 200, body: { dnai: body.dnai } };
    },
  );
}
