import type { z } from 'zod';
import { NetAgentError } from '../../errors.ts';
import { problem, type SbiAnswer } from '../../sbi/index.ts';
import { type AscReqData, ascReqData, eventsSubscription, mergePatch, rawContext } from './app-session.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { qosOf } from './qos-choice.ts';
import { ruleStates, type SmPolicyDecision, smPolicyContext, smPolicyUpdate } from './sm-policy.ts';

const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';
const POLICIES = '/npcf-smpolicycontrol/v1/sm-policies';

type States = z.output<typeof ruleStates>;

interface Policy {
  id: string;
  context: z.output<typeof smPolicyContext>;
  /** Decisions for one PDU session go out one after the other. */
  last: Promise<unknown>;
}

interface AppSession {
  id: string;
  policy: Policy;
  raw: Record<string, unknown>;
  data: AscReqData;
  /** PCC rules by media component number. */
  rules: Map<number, { active: boolean; guaranteed: boolean }>;
}

/** Takes away whatever the components of `data` may have brought. */
function withdrawal(session: AppSession, data: AscReqData): SmPolicyDecision {
  const gone = Object.values(data.medComponents ?? {}).map(
    ({ medCompN }) => [ruleIdOf(session, medCompN), null] as const,
  );
  return { pccRules: Object.fromEntries(gone), qosDecs: Object.fromEntries(gone) };
}

const ruleIdOf = (session: AppSession, component: number) => `${session.id}-${component}`;

/** PCF: what applications ask for (TS 29.514) becomes PCC rules of the SMF (TS 29.512). */
export async function startPcf(context: NfContext): Promise<NetworkFunction> {
  const { client, duties, notifier } = context;
  const policies = new Map<string, Policy>();
  const sessions = new Map<string, AppSession>();
  let policySerial = 0;
  let sessionSerial = 0;
  let root = '';

  const known = (id: string | undefined) => {
    const found = sessions.get(id ?? '');
    if (found === undefined) {
      throw problem(404, 'APPLICATION_SESSION_CONTEXT_NOT_FOUND', `No application session ${id}`);
    }
    return found;
  };
  const knownPolicy = (id: string | undefined) => {
    const found = policies.get(id ?? '');
    if (found === undefined) throw problem(404, 'POLICY_ASSOCIATION_NOT_FOUND', `No association ${id}`);
    return found;
  };

  /** One after the other for each PDU session: `work` sees what the one before it left. */
  function inTurn<T>(policy: Policy, work: () => Promise<T>): Promise<T> {
    const turn = policy.last.then(work, work);
    policy.last = turn.catch(() => undefined);
    return turn;
  }

  async function decide(policy: Policy, smPolicyDecision: SmPolicyDecision): Promise<States> {
    const { origin, pathname } = new URL(policy.context.notificationUri);
    try {
      const reply = await client.request({
        nf: 'SMF',
        base: origin,
        method: 'POST',
        path: `${pathname}/update`,
        body: { resourceUri: `${root}${POLICIES}/${policy.id}`, smPolicyDecision },
      });
      return ruleStates.parse(reply.body ?? {});
    } catch (error) {
      if (!(error instanceof NetAgentError)) throw error;
      const { status, cause } = error.details;
      if (status === 400) throw problem(403, String(cause), error.message);
      throw problem(504, 'TARGET_NF_NOT_REACHABLE', error.message);
    }
  }

  function take({ ruleReports, qncReports }: States): Map<AppSession, number[]> {
    const turned = new Map<AppSession, number[]>();
    const each = (ruleIds: string[], change: (rule: { active: boolean; guaranteed: boolean }) => void) => {
      for (const session of sessions.values()) {
        for (const [component, rule] of session.rules) {
          if (!ruleIds.includes(ruleIdOf(session, component))) continue;
          const before = rule.guaranteed;
          change(rule);
          if (before !== rule.guaranteed) {
            turned.set(session, [...(turned.get(session) ?? []), component]);
          }
        }
      }
    };
    for (const { pccRuleIds, ruleStatus } of ruleReports) {
      each(pccRuleIds, (rule) => {
        rule.active = ruleStatus === 'ACTIVE';
      });
    }
    for (const { refPccRuleIds, notifType } of qncReports) {
      each(refPccRuleIds, (rule) => {
        rule.guaranteed = notifType === 'GUARANTEED';
      });
    }
    return turned;
  }

  /** Makes the rules of the session what `data` asks for; the components of `before` that are gone go. */
  async function enforce(session: AppSession, data: AscReqData): Promise<void> {
    const components = Object.values(data.medComponents ?? {});
    const decision: Required<SmPolicyDecision> = { pccRules: {}, qosDecs: {}, traffContDecs: {} };
    for (const component of session.rules.keys()) {
      if (components.some(({ medCompN }) => medCompN === component)) continue;
      const ruleId = ruleIdOf(session, component);
      decision.pccRules[ruleId] = null;
      decision.qosDecs[ruleId] = null;
    }
    for (const component of components) {
      const ruleId = ruleIdOf(session, component.medCompN);
      decision.pccRules[ruleId] = { pccRuleId: ruleId, precedence: 10, refQosData: [ruleId] };
      decision.qosDecs[ruleId] = qosOf(component, ruleId);
    }
    const routeToLocs = data.afRoutReq?.routeToLocs;
    if (routeToLocs !== undefined) decision.traffContDecs[session.id] = { tcId: session.id, routeToLocs };
    const states = await decide(session.policy, decision);
    const wanted = new Set(components.map(({ medCompN }) => medCompN));
    for (const component of [...session.rules.keys()]) {
      if (!wanted.has(component)) session.rules.delete(component);
    }
    for (const component of wanted) {
      if (!session.rules.has(component)) session.rules.set(component, { active: false, guaranteed: false });
    }
    session.data = data;
    take(states);
  }

  /** Makes the rules what the session had, after a change to `refused` that may or may not have come. */
  async function restore(session: AppSession, refused: AscReqData): Promise<void> {
    if (!sessions.has(session.id)) return;
    const known = new Map(session.rules);
    // Components that only the refused change had are to go too.
    for (const { medCompN } of Object.values(refused.medComponents ?? {})) {
      if (!session.rules.has(medCompN)) session.rules.set(medCompN, { active: false, guaranteed: false });
    }
    await enforce(session, session.data).catch((error: unknown) => {
      for (const component of [...session.rules.keys()]) {
        if (!known.has(component)) session.rules.delete(component);
      }
      throw error;
    });
  }

  const events = (session: AppSession, names: string[], components: number[]) => ({
    evSubsUri: `${root}${SESSIONS}/${session.id}/events-subscription`,
    evNotifs: names.map((event) => ({ event })),
    qncReports: components.map((medCompN) => ({
      notifType: session.rules.get(medCompN)?.guaranteed ? 'GUARANTEED' : 'NOT_GUARANTEED',
      flows: [{ medCompN }],
    })),
  });
  function contextOf(session: AppSession): Record<string, unknown> {
    const failed = [...session.rules.values()].some((rule) => !rule.active);
    const name = failed ? 'FAILED_RESOURCES_ALLOCATION' : 'SUCCESSFUL_RESOURCES_ALLOCATION';
    return {
      ascReqData: session.raw,
      ascRespData: { suppFeat: '0' },
      ...(session.rules.size > 0 && { evsNotif: events(session, [name], [...session.rules.keys()]) }),
    };
  }

  /** TS 29.514 4.2.5: to `{notifUri}/notify` of who subscribed. */
  function notify(session: AppSession, components: number[]): void {
    const { evSubsc, notifUri } = session.data;
    if (!evSubsc?.events.some(({ event }) => event === 'QOS_NOTIF')) return;
    const body = events(session, ['QOS_NOTIF'], components);
    notifier.notify('EventsNotification', evSubsc.notifUri ?? notifUri, body, '/notify');
  }

  function checked(raw: Record<string, unknown>): AscReqData {
    const read = ascReqData.safeParse(raw);
    if (read.success) return read.data;
    const detail = read.error.issues.map((issue) => `${issue.path.join('/')}: ${issue.message}`).join('; ');
    throw problem(400, 'INVALID_SERVICE_INFORMATION', detail);
  }

  return startFunction(
    context,
    'PCF',
    [
      { name: 'npcf-smpolicycontrol', version: 'v1' },
      { name: 'npcf-policyauthorization', version: 'v1' },
    ],
    (server) => {
      root = server.url;
      server.route('POST', POLICIES, { body: smPolicyContext }, ({ body }) => {
        const id = `smp-${++policySerial}`;
        policies.set(id, { id, context: body, last: Promise.resolve() });
        return {
          status: 201,
          body: { pccRules: {}, qosDecs: {}, policyCtrlReqTriggers: ['QOS_NOTIF', 'SUCC_RES_ALLO'] },
          headers: { location: `${root}${POLICIES}/${id}` },
        };
      });
      server.route('GET', `${POLICIES}/{id}`, {}, ({ params }) => ({
        status: 200,
        body: { context: knownPolicy(params.id).context, policy: {} },
      }));
      server.route('POST', `${POLICIES}/{id}/update`, { body: smPolicyUpdate }, ({ params, body }) => {
        knownPolicy(params.id);
        for (const [session, components] of take(body)) notify(session, components);
        return { status: 200, body: {} };
      });
      server.route('POST', `${POLICIES}/{id}/delete`, {}, ({ params }) => {
        const policy = knownPolicy(params.id);
        policies.delete(policy.id);
        for (const session of [...sessions.values()]) {
          if (session.policy === policy) sessions.delete(session.id);
        }
        return { status: 204 };
      });

      server.route('POST', SESSIONS, { body: rawContext }, async ({ body }) => {
        const data = checked(body.ascReqData);
        const policy = [...policies.values()].find((one) => one.context.supi === data.supi);
        if (policy === undefined) {
          throw problem(500, 'PDU_SESSION_NOT_AVAILABLE', `${data.supi} has no PDU session`);
        }
        const id = `app-${++sessionSerial}`;
        const session: AppSession = { id, policy, raw: body.ascReqData, data, rules: new Map() };
        return inTurn(policy, async (): Promise<SbiAnswer> => {
          sessions.set(id, session);
          try {
            await enforce(session, data);
          } catch (error) {
            sessions.delete(id);
            // The answer may have been lost after the rules were set.
            duties.owe('undo', () => inTurn(policy, () => decide(policy, withdrawal(session, data))));
            throw error;
          }
          notifier.welcome(data.evSubsc?.notifUri ?? data.notifUri);
          return {
            status: 201,
            body: contextOf(session),
            headers: { location: `${root}${SESSIONS}/${id}` },
          };
        });
      });
      server.route('GET', `${SESSIONS}/{id}`, {}, ({ params }) => ({
        status: 200,
        body: contextOf(known(params.id)),
      }));
      server.route(
        'PATCH',
        `${SESSIONS}/{id}`,
        { body: rawContext, consumes: ['application/merge-patch+json'] },
        ({ params, body }) => {
          const session = known(params.id);
          return inTurn(session.policy, async () => {
            known(session.id);
            const raw = mergePatch(session.raw, body.ascReqData) as Record<string, unknown>;
            const data = checked(raw);
            if (data.supi !== session.data.supi) {
              throw problem(403, 'REQUESTED_SERVICE_NOT_AUTHORIZED', 'A session stays with its subscriber');
            }
            await enforce(session, data).catch((error: unknown) => {
              // The answer may have been lost after the rules were changed.
              duties.owe('undo', () => inTurn(session.policy, () => restore(session, data)));
              throw error;
            });
            session.raw = raw;
            return { status: 200, body: contextOf(session) };
          });
        },
      );
      server.route('POST', `${SESSIONS}/{id}/delete`, {}, ({ params }) => {
        const session = known(params.id);
        return inTurn(session.policy, async () => {
          known(session.id);
          await enforce(session, { ...session.data, medComponents: {}, afRoutReq: undefined });
          sessions.delete(session.id);
          return { status: 204 };
        });
      });
      server.route(
        'PUT',
        `${SESSIONS}/{id}/events-subscription`,
        { body: eventsSubscription },
        ({ params, body }) => {
          const session = known(params.id);
          const fresh = session.data.evSubsc === undefined;
          session.data = { ...session.data, evSubsc: body };
          session.raw = { ...session.raw, evSubsc: body };
          notifier.welcome(body.notifUri ?? session.data.notifUri);
          const location = `${root}${SESSIONS}/${session.id}/events-subscription`;
          return fresh ? { status: 201, body, headers: { location } } : { status: 200, body };
        },
      );
      server.route('DELETE', `${SESSIONS}/{id}/events-subscription`, {}, ({ params }) => {
        const session = known(params.id);
        session.data = { ...session.data, evSubsc: undefined };
        const { evSubsc: _, ...raw } = session.raw;
        session.raw = raw;
        return { status: 204 };
      });
    },
  );
}
