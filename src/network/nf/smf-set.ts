import type { z } from 'zod';
import { invalid, problem } from '../../sbi/index.ts';
import { sliceName } from '../core/index.ts';
import type { NfContext } from './context.ts';
import { PduSession } from './pdu-session.ts';
import { PLMN, subscriberUnknown } from './schemas.ts';
import type { smContext } from './sm-context.ts';
import { planOf, type smPolicyDecision } from './sm-policy.ts';
import type { SmfEvents } from './smf-events.ts';

/** A PDU session with what the functions around it hold for it. */
export interface Held {
  session: PduSession;
  context: z.output<typeof smContext>;
  ipv4: string;
  /** Resource of the policy association at the PCF. */
  policy: { base: string; path: string };
  upCnxState: 'ACTIVATED' | 'DEACTIVATED';
  /** The phone changed cell since rules without room were tried. */
  moved: boolean;
}

const unknownWay = (dnai: string) =>
  invalid('/smPolicyDecision/traffContDecs', `no way leads over ${dnai}`, 'INVALID_DNAI');

/**
 * What the SMFs of a set share: the sessions, their QoS flows in the gNB and their anchors. What it tells
 * the gNB is a call of the simulation in the place of N2.
 */
export class SmfSet {
  readonly events: SmfEvents;
  readonly #context: NfContext;
  readonly #sessions = new Map<string, Held>();
  readonly #stopHearing: () => void;
  #serial = 0;

  constructor(context: NfContext, events: SmfEvents) {
    this.#context = context;
    this.events = events;
    this.#stopHearing = context.simulation.onEvent((event) => {
      for (const entry of this.#sessions.values()) {
        if (event.supi !== entry.session.supi) continue;
        if (event.type === 'handover' || event.type === 'rat-change') entry.moved = true;
        if (event.type === 'rat-change') this.events.tell('RAT_TY_CH', entry, { ratType: event.to });
        if (event.type !== 'qos.guaranteed' && event.type !== 'qos.not-guaranteed') continue;
        const ruleId = entry.session.ruleOf(event.flowId);
        if (ruleId === undefined) continue;
        if (entry.session.turn(ruleId, event.type === 'qos.guaranteed')) {
          this.#report(entry, 'QOS_NOTIF', [ruleId]);
        }
      }
    });
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** SUPI of the session with an address. */
  supiOf(ipv4: string): string | undefined {
    return [...this.#sessions.values()].find((entry) => entry.ipv4 === ipv4)?.session.supi;
  }

  addressOf(supi: string): string | undefined {
    return [...this.#sessions.values()].find((entry) => entry.session.supi === supi)?.ipv4;
  }

  held(ref: string | undefined): Held {
    const found = this.#sessions.get(ref ?? '');
    if (found === undefined) throw problem(404, 'CONTEXT_NOT_FOUND', `No session ${ref}`);
    return found;
  }

  /** Establishes a session; `callback` is where the PCF reaches it. Refused, nothing is taken. */
  async establish(body: z.output<typeof smContext>, callback: (ref: string) => string): Promise<string> {
    const { client, core, nrf, simulation } = this.#context;
    const radio = simulation.ue(body.supi);
    if (radio === undefined) throw subscriberUnknown(body.supi);
    const ref = `pdu-${++this.#serial}`;
    const refused = core.slices.admit(body.sNssai, body.dnn, ref);
    if (refused !== undefined) {
      throw problem(403, refused, `Slice ${sliceName(body.sNssai)}, data network ${body.dnn}`);
    }
    const ipv4 = core.addresses.take();
    if (ipv4 === undefined) {
      core.slices.release(ref);
      throw problem(500, 'INSUFFICIENT_RESOURCES_SLICE_DNN', 'No address is free');
    }
    try {
      const base = await client.discover(nrf, 'PCF');
      const created = await client.request({
        nf: 'PCF',
        base,
        others: nrf,
        method: 'POST',
        path: '/npcf-smpolicycontrol/v1/sm-policies',
        body: {
          supi: body.supi,
          pduSessionId: body.pduSessionId,
          pduSessionType: 'IPV4',
          dnn: body.dnn,
          sliceInfo: body.sNssai,
          notificationUri: callback(ref),
          ipv4Address: ipv4,
          accessType: '3GPP_ACCESS',
          ratType: radio.rat ?? 'NR',
          servingNetwork: PLMN,
          subsSessAmbr: { uplink: '200 Mbps', downlink: '1 Gbps' },
          subsDefQos: {
            '5qi': 9,
            arp: { priorityLevel: 8, preemptCap: 'NOT_PREEMPT', preemptVuln: 'PREEMPTABLE' },
          },
          suppFeat: '0',
        },
      });
      // A path alone, or a whole URL of whoever made it.
      const { origin, pathname } = new URL(created.headers.location ?? '', base);
      const entry: Held = {
        session: new PduSession(ref, body.supi, simulation),
        context: body,
        ipv4,
        policy: { base: origin, path: pathname },
        upCnxState: 'ACTIVATED',
        moved: false,
      };
      this.#sessions.set(ref, entry);
      this.#anchor(entry);
      this.events.tell('PDU_SES_EST', entry);
      return ref;
    } catch (error) {
      core.slices.release(ref);
      core.addresses.release(ipv4);
      throw error;
    }
  }

  async release(ref: string | undefined): Promise<void> {
    const { client, core, nrf } = this.#context;
    const entry = this.held(ref);
    const { session, policy, ipv4 } = entry;
    session.release();
    this.#offer(entry);
    this.#sessions.delete(session.ref);
    core.slices.release(session.ref);
    core.upfs.release(session.ref);
    core.addresses.release(ipv4);
    this.events.tell('PDU_SES_REL', entry);
    await client.request({
      nf: 'PCF',
      base: policy.base,
      others: nrf,
      method: 'POST',
      path: `${policy.path}/delete`,
      body: {},
    });
  }

  /** The PCF ended the policy of a session: the session goes with it (TS 29.512 4.2.4.3). */
  terminated(ref: string | undefined): void {
    const { duties, notifier } = this.#context;
    const entry = this.held(ref);
    duties.owe('release of a session', async () => {
      await this.release(entry.session.ref);
      // The AMF learns of a release that the network began (TS 29.502 5.2.2.5).
      const statusInfo = { resourceStatus: 'RELEASED', cause: 'REL_DUE_TO_UNSPECIFIED_REASON' };
      notifier.notify('SmContextStatusNotification', entry.context.smContextStatusUri, { statusInfo });
    });
  }

  /** Carries out a decision of the PCF: all of it or nothing. */
  decide(ref: string | undefined, decision: z.output<typeof smPolicyDecision>) {
    const { simulation } = this.#context;
    const entry = this.held(ref);
    const plan = planOf(decision);
    const { supi } = entry.session;
    // What cannot be done is refused before anything is, and what fails is undone.
    if (plan.dnai !== undefined && !simulation.paths(supi).some(({ dnai }) => dnai === plan.dnai)) {
      throw unknownWay(plan.dnai);
    }
    entry.session.change(plan.install, plan.remove);
    if (plan.dnai !== undefined) this.routeVia(supi, plan.dnai);
    this.#offer(entry);
    const set = [...plan.install.keys()];
    if (set.length > 0) this.events.tell('QFI_ALLOC', entry);
    return entry.session.reports(set);
  }

  /** Takes the user plane over another way. False where there is none of this name. */
  routeVia(supi: string, dnai: string): boolean {
    const { core, simulation } = this.#context;
    const before = simulation.paths(supi).find(({ active }) => active)?.dnai;
    if (!simulation.routeVia(supi, dnai)) return false;
    for (const entry of this.#sessions.values()) {
      if (entry.session.supi !== supi) continue;
      if (before !== undefined) core.transport.offer(before, entry.session.ref, 0);
      core.upfs.anchor(entry.session.ref, dnai);
      this.#offer(entry);
      if (before !== undefined && before !== dnai) {
        this.events.tell('UP_PATH_CH', entry, { dnaiChgType: 'LATE', sourceDnai: before, targetDnai: dnai });
      }
    }
    return true;
  }

  /** To be called when network time has moved: reports to the PCF what changed in the RAN. */
  afterAdvance(): void {
    for (const entry of this.#sessions.values()) {
      const won = entry.session.retry(entry.moved);
      entry.moved = false;
      if (won.length > 0) this.#report(entry, 'SUCC_RES_ALLO', won);
      for (const { ruleId, guaranteed } of entry.session.stale()) {
        if (entry.session.turn(ruleId, guaranteed)) this.#report(entry, 'QOS_NOTIF', [ruleId]);
      }
    }
  }

  close(): void {
    this.#stopHearing();
  }

  /** Anchors a new session; a way that is cut is not chosen. */
  #anchor(entry: Held): void {
    const { core, simulation } = this.#context;
    const { ref, supi } = entry.session;
    const ways = simulation.paths(supi);
    const chosen = core.upfs.select(ways);
    if (chosen === undefined) return;
    core.upfs.anchor(ref, chosen.dnai);
    if (ways.find(({ active }) => active)?.dnai !== chosen.dnai) simulation.routeVia(supi, chosen.dnai);
  }

  #offer(entry: Held): void {
    const { core } = this.#context;
    const dnai = core.upfs.anchorOf(entry.session.ref);
    if (dnai !== undefined) core.transport.offer(dnai, entry.session.ref, entry.session.guaranteedMbps());
  }

  #report({ session, policy }: Held, trigger: string, ruleIds: string[]): void {
    const { client, duties, nrf } = this.#context;
    const body = { repPolicyCtrlReqTriggers: [trigger], ...session.reports(ruleIds) };
    duties.owe(`report ${trigger}`, () =>
      client.request({
        nf: 'PCF',
        base: policy.base,
        others: nrf,
        method: 'POST',
        path: `${policy.path}/update`,
        body,
      }),
    );
  }
}
