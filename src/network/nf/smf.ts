import { z } from 'zod';
import { problem } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { PduSession } from './pdu-session.ts';
import { subscriberUnknown, supi } from './schemas.ts';
import { type qosData, type smPolicyDecision, smPolicyNotification } from './sm-policy.ts';

const smContext = z.object({
  supi,
  pduSessionId: z.number().int().min(0).max(255),
  dnn: z.string(),
  sNssai: z.object({ sst: z.number().int().min(0).max(255), sd: z.string().optional() }),
  anType: z.string(),
});

interface Held {
  session: PduSession;
  /** Resource of the policy association at the PCF. */
  policy: { base: string; path: string };
  /** The phone changed cell since rules without room were tried. */
  moved: boolean;
}

const unknownWay = (dnai: string) => problem(400, 'INVALID_DNAI', `No way leads over ${dnai}`);

/** What a decision of the PCF asks for; a problem where it refers to what it does not hold. */
function planOf({ pccRules = {}, qosDecs = {}, traffContDecs = {} }: z.output<typeof smPolicyDecision>) {
  const install = new Map<string, z.output<typeof qosData>>();
  const remove: string[] = [];
  for (const [ruleId, rule] of Object.entries(pccRules)) {
    if (rule === null) {
      remove.push(ruleId);
      continue;
    }
    const qosId = rule.refQosData[0] ?? '';
    const qos = Object.hasOwn(qosDecs, qosId) ? qosDecs[qosId] : undefined;
    if (qos === undefined || qos === null) {
      throw problem(400, 'MANDATORY_IE_MISSING', `The rule ${ruleId} refers to no QoS data`);
    }
    install.set(ruleId, qos);
  }
  const dnai = Object.values(traffContDecs).at(-1)?.routeToLocs?.[0]?.dnai;
  return { install, remove, dnai };
}

export interface Smf extends NetworkFunction {
  /** To be called when network time has moved: reports to the PCF what changed in the RAN. */
  afterAdvance(): void;
}

/**
 * SMF: PDU sessions, their policy from the PCF (TS 29.512), their QoS flows in the gNB, and the paths of
 * the user plane. What it tells the gNB is a call of the simulation in the place of N2.
 */
export async function startSmf(context: NfContext): Promise<Smf> {
  const { client, duties, nrf, simulation } = context;
  const sessions = new Map<string, Held>();
  let serial = 0;

  const held = (ref: string | undefined) => {
    const found = sessions.get(ref ?? '');
    if (found === undefined) throw problem(404, 'CONTEXT_NOT_FOUND', `No session ${ref}`);
    return found;
  };
  const report = ({ session, policy }: Held, trigger: string, ruleIds: string[]) => {
    const body = { repPolicyCtrlReqTriggers: [trigger], ...session.reports(ruleIds) };
    duties.owe(`report ${trigger}`, () =>
      client.request({ nf: 'PCF', base: policy.base, method: 'POST', path: `${policy.path}/update`, body }),
    );
  };

  const stopHearing = simulation.onEvent((event) => {
    for (const entry of sessions.values()) {
      if (event.supi !== entry.session.supi) continue;
      if (event.type === 'handover' || event.type === 'rat-change') entry.moved = true;
      if (event.type !== 'qos.guaranteed' && event.type !== 'qos.not-guaranteed') continue;
      const ruleId = entry.session.ruleOf(event.flowId);
      if (ruleId === undefined) continue;
      if (entry.session.turn(ruleId, event.type === 'qos.guaranteed')) report(entry, 'QOS_NOTIF', [ruleId]);
    }
  });

  const started = await startFunction(
    context,
    'SMF',
    [
      { name: 'nsmf-pdusession', version: 'v1' },
      { name: 'nsmf-callback', version: 'v1' },
      { name: 'paths', version: 'v1' },
    ],
    (server) => {
      server.route('POST', '/nsmf-pdusession/v1/sm-contexts', { body: smContext }, async ({ body }) => {
        if (simulation.ue(body.supi) === undefined) throw subscriberUnknown(body.supi);
        const ref = `pdu-${++serial}`;
        const base = await client.discover(nrf, 'PCF');
        const created = await client.request({
          nf: 'PCF',
          base,
          method: 'POST',
          path: '/npcf-smpolicycontrol/v1/sm-policies',
          body: {
            supi: body.supi,
            pduSessionId: body.pduSessionId,
            pduSessionType: 'IPV4',
            dnn: body.dnn,
            sliceInfo: body.sNssai,
            notificationUri: `${server.url}/nsmf-callback/v1/sm-policies/${ref}`,
          },
        });
        const path = new URL(created.headers.location ?? '', base).pathname;
        const session = new PduSession(ref, body.supi, simulation);
        sessions.set(ref, { session, policy: { base, path }, moved: false });
        return {
          status: 201,
          body: { pduSessionId: body.pduSessionId },
          headers: { location: `${server.url}/nsmf-pdusession/v1/sm-contexts/${ref}` },
        };
      });
      server.route('POST', '/nsmf-pdusession/v1/sm-contexts/{ref}/release', {}, async ({ params }) => {
        const { session, policy } = held(params.ref);
        session.release();
        sessions.delete(session.ref);
        await client.request({ nf: 'PCF', base: policy.base, method: 'POST', path: `${policy.path}/delete` });
        return { status: 204 };
      });
      server.route(
        'POST',
        '/nsmf-callback/v1/sm-policies/{ref}/update',
        { body: smPolicyNotification },
        ({ params, body }) => {
          const entry = held(params.ref);
          const plan = planOf(body.smPolicyDecision);
          const { supi: id } = entry.session;
          // All or nothing: what cannot be done is refused before anything is, and what fails is undone.
          const ways = simulation.paths(id);
          if (plan.dnai !== undefined && !ways.some(({ dnai }) => dnai === plan.dnai)) {
            throw unknownWay(plan.dnai);
          }
          entry.session.change(plan.install, plan.remove);
          if (plan.dnai !== undefined) simulation.routeVia(id, plan.dnai);
          const set = [...plan.install.keys()];
          return { status: 200, body: entry.session.reports(set) };
        },
      );
      server.route('GET', '/paths/v1/ues/{supi}', {}, ({ params }) => {
        const id = params.supi ?? '';
        if (simulation.ue(id) === undefined) throw subscriberUnknown(id);
        return { status: 200, body: { paths: simulation.paths(id) } };
      });
      server.route(
        'PUT',
        '/paths/v1/ues/{supi}/dnai',
        { body: z.object({ dnai: z.string() }) },
        ({ params, body }) => {
          const id = params.supi ?? '';
          if (simulation.ue(id) === undefined) throw subscriberUnknown(id);
          if (!simulation.routeVia(id, body.dnai)) {
            throw unknownWay(body.dnai);
          }
          return { status: 200, body: { dnai: body.dnai } };
        },
      );
    },
  );

  return {
    ...started,
    afterAdvance() {
      for (const entry of sessions.values()) {
        const won = entry.session.retry(entry.moved);
        entry.moved = false;
        if (won.length > 0) report(entry, 'SUCC_RES_ALLO', won);
        for (const { ruleId, guaranteed } of entry.session.stale()) {
          if (entry.session.turn(ruleId, guaranteed)) report(entry, 'QOS_NOTIF', [ruleId]);
        }
      }
    },
    async close() {
      stopHearing();
      await started.close();
    },
  };
}
