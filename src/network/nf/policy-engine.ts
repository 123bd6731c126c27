import type { z } from 'zod';
import { NetAgentError } from '../../errors.ts';
import { problem, readBody } from '../../sbi/index.ts';
import { type AscReqData, ascReqData } from './app-session.ts';
import type { NfContext } from './context.ts';
import { qosOf } from './qos-choice.ts';
import { ruleStates, type SmPolicyDecision, type smPolicyContext } from './sm-policy.ts';

export const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';
export const POLICIES = '/npcf-smpolicycontrol/v1/sm-policies';

type States = z.output<typeof ruleStates>;

export interface Policy {
  id: string;
  context: z.output<typeof smPolicyContext>;
  /** As it came, for who asks for it. */
  raw: Record<string, unknown>;
  /** Resource of its binding at the BSF, where that is known. */
  binding: string | undefined;
  /** Decisions for one PDU session go out one after the other. */
  last: Promise<unknown>;
}

interface Rule {
  active: boolean;
  guaranteed: boolean;
}

export interface AppSession {
  id: string;
  policy: Policy;
  raw: Record<string, unknown>;
  data: AscReqData;
  /** PCC rules by media component number. */
  rules: Map<number, Rule>;
  /** API root of the PCF that it was made at. */
  root: string;
}

const ruleIdOf = (session: AppSession, component: number) => `${session.id}-${component}`;

/** A decision without maps that have nothing in them: those are not allowed (TS 29.512 5.6.2.4). */
const filled = (decision: SmPolicyDecision): SmPolicyDecision =>
  Object.fromEntries(Object.entries(decision).filter(([, map]) => Object.keys(map ?? {}).length > 0));

/** Takes away whatever the components of `data` may have brought. */
export function withdrawal(session: AppSession, data: AscReqData): SmPolicyDecision {
  const gone = Object.values(data.medComponents ?? {}).map(
    ({ medCompN }) => [ruleIdOf(session, medCompN), null] as const,
  );
  return { pccRules: Object.fromEntries(gone), qosDecs: Object.fromEntries(gone) };
}

/**
 * What the PCFs of a set share: policy associations, application sessions, and the decisions that make
 * PCC rules of the SMF (TS 29.512) out of what applications ask for (TS 29.514).
 */
export class PolicyEngine {
  readonly policies = new Map<string, Policy>();
  readonly sessions = new Map<string, AppSession>();
  readonly #context: NfContext;
  #policySerial = 0;
  #sessionSerial = 0;

  constructor(context: NfContext) {
    this.#context = context;
  }

  nextPolicy(): string {
    return `smp-${++this.#policySerial}`;
  }

  nextSession(): string {
    return `app-${++this.#sessionSerial}`;
  }

  session(id: string | undefined): AppSession {
    const found = this.sessions.get(id ?? '');
    if (found === undefined) {
      throw problem(404, 'APPLICATION_SESSION_CONTEXT_NOT_FOUND', `No application session ${id}`);
    }
    return found;
  }

  policy(id: string | undefined): Policy {
    const found = this.policies.get(id ?? '');
    if (found === undefined) throw problem(404, 'POLICY_ASSOCIATION_NOT_FOUND', `No association ${id}`);
    return found;
  }

  /** The PDU session that an application session is about: by address, or by subscriber. */
  policyOf({ supi, ueIpv4, dnn, sliceInfo }: AscReqData): Policy {
    const found = [...this.policies.values()].find(
      ({ context }) =>
        (ueIpv4 === undefined || context.ipv4Address === ueIpv4) &&
        (supi === undefined || context.supi === supi) &&
        (dnn === undefined || context.dnn === dnn) &&
        (sliceInfo === undefined || context.sliceInfo.sst === sliceInfo.sst),
    );
    if (found === undefined) {
      throw problem(500, 'PDU_SESSION_NOT_AVAILABLE', `${ueIpv4 ?? supi} has no PDU session`);
    }
    return found;
  }

  /** One after the other for each PDU session: `work` sees what the one before it left. */
  inTurn<T>(policy: Policy, work: () => Promise<T>): Promise<T> {
    const turn = policy.last.then(work, work);
    policy.last = turn.catch(() => undefined);
    return turn;
  }

  async decide(policy: Policy, root: string, decision: SmPolicyDecision): Promise<States> {
    const { client, nrf } = this.#context;
    const { origin, pathname } = new URL(policy.context.notificationUri);
    const smPolicyDecision = filled(decision);
    if (Object.keys(smPolicyDecision).length === 0) return ruleStates.parse({});
    try {
      const reply = await client.request({
        nf: 'SMF',
        base: origin,
        others: nrf,
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

  /** Takes over what the SMF says of rules; gives the components whose guarantee turned. */
  take({ ruleReports, qncReports }: States): Map<AppSession, number[]> {
    const turned = new Map<AppSession, number[]>();
    const each = (ruleIds: string[], change: (rule: Rule) => void) => {
      for (const session of this.sessions.values()) {
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
  async enforce(session: AppSession, data: AscReqData): Promise<void> {
    const components = Object.values(data.medComponents ?? {}).filter(({ fStatus }) => fStatus !== 'REMOVED');
    const decision: Required<SmPolicyDecision> = { pccRules: {}, qosDecs: {}, traffContDecs: {} };
    for (const component of session.rules.keys()) {
      if (components.some(({ medCompN }) => medCompN === component)) continue;
      const ruleId = ruleIdOf(session, component);
      decision.pccRules[ruleId] = null;
      decision.qosDecs[ruleId] = null;
    }
    for (const component of components) {
      const ruleId = ruleIdOf(session, component.medCompN);
      const flowInfos = flowsOf(component.medSubComps, session.policy.context.ipv4Address);
      decision.pccRules[ruleId] = {
        pccRuleId: ruleId,
        precedence: 10,
        refQosData: [ruleId],
        ...(flowInfos.length > 0 && { flowInfos }),
      };
      decision.qosDecs[ruleId] = qosOf(component, ruleId);
    }
    const routeToLocs = data.afRoutReq?.routeToLocs;
    if (routeToLocs !== undefined) {
      // A route is its own profile where nothing else is agreed on (TS 29.571 RouteToLocation).
      const routes = routeToLocs.map((route) =>
        'routeInfo' in route ? route : { routeProfId: route.dnai, ...route },
      );
      decision.traffContDecs[session.id] = { tcId: session.id, routeToLocs: routes };
    }
    const states = await this.decide(session.policy, session.root, decision);
    const wanted = new Set(components.map(({ medCompN }) => medCompN));
    for (const component of [...session.rules.keys()]) {
      if (!wanted.has(component)) session.rules.delete(component);
    }
    for (const component of wanted) {
      if (!session.rules.has(component)) session.rules.set(component, { active: false, guaranteed: false });
    }
    session.data = data;
    this.take(states);
  }

  /** Makes the rules what the session had, after a change to `refused` that may or may not have come. */
  async restore(session: AppSession, refused: AscReqData): Promise<void> {
    if (!this.sessions.has(session.id)) return;
    const known = new Map(session.rules);
    // Components that only the refused change had are to go too.
    for (const { medCompN } of Object.values(refused.medComponents ?? {})) {
      if (!session.rules.has(medCompN)) session.rules.set(medCompN, { active: false, guaranteed: false });
    }
    await this.enforce(session, session.data).catch((error: unknown) => {
      for (const component of [...session.rules.keys()]) {
        if (!known.has(component)) session.rules.delete(component);
      }
      throw error;
    });
  }

  #events(session: AppSession, names: string[], components: number[]) {
    return {
      evSubsUri: `${session.root}${SESSIONS}/${session.id}/events-subscription`,
      evNotifs: names.map((event) => ({ event })),
      ...(components.length > 0 && {
        qncReports: components.map((medCompN) => ({
          notifType: session.rules.get(medCompN)?.guaranteed ? 'GUARANTEED' : 'NOT_GUARANTEED',
          flows: [{ medCompN }],
        })),
      }),
    };
  }

  contextOf(session: AppSession): Record<string, unknown> {
    const failed = [...session.rules.values()].some((rule) => !rule.active);
    const name = failed ? 'FAILED_RESOURCES_ALLOCATION' : 'SUCCESSFUL_RESOURCES_ALLOCATION';
    const { ipv4Address, supi } = session.policy.context;
    return {
      // Who asked by subscriber alone learns the address that the session is bound to.
      ascReqData: { ...(ipv4Address !== undefined && { ueIpv4: ipv4Address }), ...session.raw },
      ascRespData: { suppFeat: '0', ueIds: [{ supi }] },
      ...(session.rules.size > 0 && { evsNotif: this.#events(session, [name], [...session.rules.keys()]) }),
    };
  }

  /** TS 29.514 4.2.5: to `{notifUri}/notify` of who subscribed to one of the events. */
  notify(session: AppSession, names: readonly string[], components: number[]): void {
    const { evSubsc, notifUri } = session.data;
    const wanted = names.filter((name) => evSubsc?.events.some(({ event }) => event === name));
    if (wanted.length === 0) return;
    const body = this.#events(session, wanted, components);
    this.#context.notifier.notify('EventsNotification', evSubsc?.notifUri ?? notifUri, body, '/notify');
  }

  /** The PDU session is gone: applications are asked to end what they had on it (TS 29.514 4.2.5.3). */
  terminate(session: AppSession): void {
    this.sessions.delete(session.id);
    const body = { termCause: 'PDU_SESSION_TERMINATION', resUri: `${session.root}${SESSIONS}/${session.id}` };
    this.#context.notifier.notify('TerminationInfo', session.data.notifUri, body, '/terminate');
  }
}

/** @throws SbiProblem 400 INVALID_SERVICE_INFORMATION with the fields */
export const readSession = (raw: unknown): AscReqData =>
  readBody(ascReqData, raw, { at: '/ascReqData', cause: 'INVALID_SERVICE_INFORMATION' });

/** Packet filters of the sub-components, or of everything to and from the phone. */
function flowsOf(
  subs: Readonly<Record<string, { fDescs?: string[] | undefined }>> | undefined,
  ipv4: string | undefined,
): Array<{ flowDescription: string; flowDirection: string }> {
  const described = Object.values(subs ?? {}).flatMap(({ fDescs = [] }) => fDescs);
  const all = described.length > 0 || ipv4 === undefined ? described : [`permit out ip from any to ${ipv4}`];
  return all.map((flowDescription) => ({
    flowDescription,
    flowDirection: flowDescription.startsWith('permit in') ? 'UPLINK' : 'BIDIRECTIONAL',
  }));
}
