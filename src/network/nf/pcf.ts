import { z } from 'zod';
import type { SbiAnswer, SbiServer } from '../../sbi/index.ts';
import { problem } from '../../sbi/index.ts';
import { eventsSubscription, mergePatch, rawContext } from './app-session.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { instanceIdOf } from './instance-id.ts';
import { bind, unbind } from './pcf-binding.ts';
import { addPdtqRoutes } from './pdtq.ts';
import {
  type AppSession,
  POLICIES,
  type PolicyEngine,
  readSession,
  SESSIONS,
  withdrawal,
} from './policy-engine.ts';
import { smPolicyContext, smPolicyUpdate } from './sm-policy.ts';

/** Policy associations and application sessions at which a PCF counts as fully loaded. */
const CAPACITY = 10_000;

/** One PCF of a set: policies of PDU sessions (TS 29.512) and what applications ask for (TS 29.514). */
export function startPcf(
  context: NfContext,
  engine: PolicyEngine,
  instance: number,
): Promise<NetworkFunction> {
  return startFunction(
    context,
    'PCF',
    [
      { name: 'npcf-smpolicycontrol', version: 'v1' },
      { name: 'npcf-policyauthorization', version: 'v1' },
      { name: 'npcf-pdtq-policy-control', version: 'v1' },
    ],
    (server) => {
      addPolicies(server, context, engine, instance);
      addSessions(server, context, engine);
      addEvents(server, context, engine);
      addPdtqRoutes(server, context);
    },
    {
      instance,
      load: () => (engine.policies.size + engine.sessions.size) / CAPACITY,
      profile: { nfSetIdList: ['set001.pcfset.5gc.mnc001.mcc001'], pcfInfo: { dnnList: ['internet'] } },
    },
  );
}

function addPolicies(server: SbiServer, context: NfContext, engine: PolicyEngine, instance: number): void {
  const root = server.url;
  const raw = z.record(z.string(), z.unknown());
  server.route('POST', POLICIES, { body: raw.pipe(z.looseObject(smPolicyContext.shape)) }, ({ body }) => {
    const id = engine.nextPolicy();
    const policy = {
      id,
      context: smPolicyContext.parse(body),
      raw: body,
      binding: undefined,
      last: Promise.resolve(),
    };
    engine.policies.set(id, policy);
    bind(context, policy, { url: root, instance: instanceIdOf('PCF', instance) });
    return { status: 201, body: decisionOf(body), headers: { location: `${root}${POLICIES}/${id}` } };
  });
  server.route('GET', `${POLICIES}/{id}`, {}, ({ params }) => {
    const policy = engine.policy(params.id);
    return { status: 200, body: { context: policy.raw, policy: decisionOf(policy.raw) } };
  });
  server.route('POST', `${POLICIES}/{id}/update`, { body: smPolicyUpdate }, ({ params, body }) => {
    engine.policy(params.id);
    const turned = engine.take(body);
    const triggers = body.repPolicyCtrlReqTriggers ?? [];
    const won = triggers.includes('SUCC_RES_ALLO') ? ['SUCCESSFUL_RESOURCES_ALLOCATION'] : [];
    for (const [session, components] of turned) engine.notify(session, ['QOS_NOTIF', ...won], components);
    return { status: 200, body: {} };
  });
  server.route('POST', `${POLICIES}/{id}/delete`, {}, ({ params }) => {
    const policy = engine.policy(params.id);
    engine.policies.delete(policy.id);
    for (const session of [...engine.sessions.values()]) {
      if (session.policy === policy) engine.terminate(session);
    }
    unbind(context, policy);
    return { status: 204 };
  });
}

/** What a session starts with: the subscribed AMBR and default QoS as they are, and the triggers. */
function decisionOf({ subsSessAmbr, subsDefQos }: Record<string, unknown>): Record<string, unknown> {
  const rule = {
    sessRuleId: 'default',
    ...(subsSessAmbr !== undefined && { authSessAmbr: subsSessAmbr }),
    ...(subsDefQos !== undefined && { authDefQos: subsDefQos }),
  };
  return {
    sessRules: { default: rule },
    policyCtrlReqTriggers: ['QOS_NOTIF', 'SUCC_RES_ALLO'],
    suppFeat: '0',
  };
}

function addSessions(server: SbiServer, { duties, notifier }: NfContext, engine: PolicyEngine): void {
  const root = server.url;
  server.route('POST', SESSIONS, { body: rawContext }, async ({ body }) => {
    const data = readSession(body.ascReqData);
    const policy = engine.policyOf(data);
    const id = engine.nextSession();
    const session: AppSession = { id, policy, raw: body.ascReqData, data, rules: new Map(), root };
    return engine.inTurn(policy, async (): Promise<SbiAnswer> => {
      engine.sessions.set(id, session);
      try {
        await engine.enforce(session, data);
      } catch (error) {
        engine.sessions.delete(id);
        // The answer may have been lost after the rules were set.
        duties.owe('undo', () =>
          engine.inTurn(policy, () => engine.decide(policy, root, withdrawal(session, data))),
        );
        throw error;
      }
      notifier.welcome(data.evSubsc?.notifUri ?? data.notifUri);
      return {
        status: 201,
        body: engine.contextOf(session),
        headers: { location: `${root}${SESSIONS}/${id}` },
      };
    });
  });
  server.route('GET', `${SESSIONS}/{id}`, {}, ({ params }) => ({
    status: 200,
    body: engine.contextOf(engine.session(params.id)),
  }));
  const consumes = ['application/merge-patch+json'];
  server.route('PATCH', `${SESSIONS}/{id}`, { body: rawContext, consumes }, ({ params, body }) => {
    const session = engine.session(params.id);
    return engine.inTurn(session.policy, async () => {
      engine.session(session.id);
      const raw = mergePatch(session.raw, body.ascReqData) as Record<string, unknown>;
      const data = readSession(raw);
      if (data.supi !== session.data.supi || data.ueIpv4 !== session.data.ueIpv4) {
        throw problem(403, 'REQUESTED_SERVICE_NOT_AUTHORIZED', 'A session stays with its subscriber');
      }
      await engine.enforce(session, data).catch((error: unknown) => {
        // The answer may have been lost after the rules were changed.
        duties.owe('undo', () => engine.inTurn(session.policy, () => engine.restore(session, data)));
        throw error;
      });
      session.raw = raw;
      return { status: 200, body: engine.contextOf(session) };
    });
  });
  server.route('POST', `${SESSIONS}/{id}/delete`, {}, ({ params }) => {
    const session = engine.session(params.id);
    return engine.inTurn(session.policy, async () => {
      engine.session(session.id);
      await engine.enforce(session, { ...session.data, medComponents: {}, afRoutReq: undefined });
      engine.sessions.delete(session.id);
      return { status: 204 };
    });
  });
}

function addEvents(server: SbiServer, { notifier }: NfContext, engine: PolicyEngine): void {
  const PATH = `${SESSIONS}/{id}/events-subscription`;
  server.route('PUT', PATH, { body: eventsSubscription }, ({ params, body }) => {
    const session = engine.session(params.id);
    const fresh = session.data.evSubsc === undefined;
    session.data = { ...session.data, evSubsc: body };
    session.raw = { ...session.raw, evSubsc: body };
    notifier.welcome(body.notifUri ?? session.data.notifUri);
    const location = `${server.url}${SESSIONS}/${session.id}/events-subscription`;
    return fresh ? { status: 201, body, headers: { location } } : { status: 200, body };
  });
  server.route('DELETE', PATH, {}, ({ params }) => {
    const session = engine.session(params.id);
    session.data = { ...session.data, evSubsc: undefined };
    const { evSubsc: _, ...raw } = session.raw;
    session.raw = raw;
    return { status: 204 };
  });
}
