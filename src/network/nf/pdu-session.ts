import type { z } from 'zod';
import type { Admission, QosFlow, Simulation } from '../model.ts';
import type { QncReport, qosData, RuleReport } from './sm-policy.ts';

type Qos = z.output<typeof qosData>;

interface InstalledRule {
  qos: Qos;
  active: boolean;
  guaranteed: boolean;
  failureCode: string | undefined;
  /** Network time of the last change or try. */
  changedAt: number;
}

/** FailureCode of TS 29.512 5.6.3.9 for what the RAN answers. */
const FAILURE = {
  UE_NOT_FOUND: 'UE_STA_SUSP',
  UE_NOT_REACHABLE: 'UE_STA_SUSP',
  NO_RADIO_RESOURCES: 'RES_ALLO_FAIL',
} as const;
/** After a change the RAN's standing verdict counts only when it had time to turn. */
const SETTLE_MS = 3000;
/** Between tries to find room for a flow, unless something else is the occasion. */
const RETRY_MS = 10_000;

/** The PCC rules of one PDU session and the QoS flows that they became in the gNB. */
export class PduSession {
  readonly ref: string;
  readonly supi: string;
  readonly #simulation: Simulation;
  readonly #rules = new Map<string, InstalledRule>();

  constructor(ref: string, supi: string, simulation: Simulation) {
    this.ref = ref;
    this.supi = supi;
    this.#simulation = simulation;
  }

  /** Id of the QoS flow that carries a rule. */
  flowId(ruleId: string): string {
    return `${this.ref}-${ruleId}`;
  }

  ruleOf(flowId: string): string | undefined {
    return [...this.#rules.keys()].find((ruleId) => this.flowId(ruleId) === flowId);
  }

  /** Removes and installs rules. Where the gNB fails on one, those done are undone and the error thrown. */
  change(install: ReadonlyMap<string, Qos>, remove: readonly string[]): void {
    const before = new Map(this.#rules);
    const done: string[] = [];
    try {
      for (const ruleId of remove) {
        done.push(ruleId);
        this.remove(ruleId);
      }
      for (const [ruleId, qos] of install) {
        done.push(ruleId);
        this.install(ruleId, qos);
      }
    } catch (error) {
      for (const ruleId of done) {
        const was = before.get(ruleId);
        if (was === undefined) this.remove(ruleId);
        else this.install(ruleId, was.qos);
      }
      throw error;
    }
  }

  install(ruleId: string, qos: Qos): void {
    const before = this.#rules.get(ruleId);
    const flow = this.#flowOf(ruleId, qos);
    const { id, supi: _, ...change } = flow;
    const admission = before?.active
      ? this.#simulation.modifyFlow(id, change)
      : this.#simulation.addFlow(flow);
    this.#book(ruleId, qos, admission);
  }

  #flowOf(ruleId: string, qos: Qos): QosFlow {
    return {
      id: this.flowId(ruleId),
      supi: this.supi,
      fiveQi: qos['5qi'],
      arp: qos.arp,
      // All four always: a change takes away what it does not name.
      gbrDlMbps: qos.gbrDl,
      gbrUlMbps: qos.gbrUl,
      mbrDlMbps: qos.maxbrDl,
      mbrUlMbps: qos.maxbrUl,
    };
  }

  #book(ruleId: string, qos: Qos, admission: Admission): void {
    this.#rules.set(ruleId, {
      qos,
      active: admission.admitted,
      guaranteed: admission.admitted && admission.guaranteed,
      failureCode: admission.admitted ? undefined : FAILURE[admission.cause],
      changedAt: this.#simulation.now,
    });
  }

  remove(ruleId: string): boolean {
    this.#simulation.removeFlow(this.flowId(ruleId));
    return this.#rules.delete(ruleId);
  }

  /** What the gNB guarantees to its flows, both directions together, Mbit/s. */
  guaranteedMbps(): number {
    let sum = 0;
    for (const { qos, active } of this.#rules.values()) {
      if (active) sum += (qos.gbrDl ?? 0) + (qos.gbrUl ?? 0);
    }
    return sum;
  }

  release(): void {
    for (const ruleId of [...this.#rules.keys()]) this.remove(ruleId);
  }

  /** Tries rules again that found no room, at once or when it is time; gives those that have it now. */
  retry(atOnce: boolean): string[] {
    const won: string[] = [];
    for (const [ruleId, rule] of this.#rules) {
      if (rule.active || (!atOnce && this.#simulation.now - rule.changedAt < RETRY_MS)) continue;
      const admission = this.#simulation.addFlow(this.#flowOf(ruleId, rule.qos));
      this.#book(ruleId, rule.qos, admission);
      if (admission.admitted) won.push(ruleId);
    }
    return won;
  }

  /** Takes over what the RAN says of a rule; false if that was known. */
  turn(ruleId: string, guaranteed: boolean): boolean {
    const rule = this.#rules.get(ruleId);
    if (rule === undefined || rule.guaranteed === guaranteed) return false;
    rule.guaranteed = guaranteed;
    return true;
  }

  /** Rules of which more was promised, or less, than the RAN's verdict says. */
  stale(): Array<{ ruleId: string; guaranteed: boolean }> {
    const found: Array<{ ruleId: string; guaranteed: boolean }> = [];
    for (const [ruleId, rule] of this.#rules) {
      const flow = this.#simulation.flow(this.flowId(ruleId));
      const settled = this.#simulation.now - rule.changedAt >= SETTLE_MS;
      if (!rule.active || !settled || flow === undefined || flow.guaranteed === rule.guaranteed) continue;
      found.push({ ruleId, guaranteed: flow.guaranteed });
    }
    return found;
  }

  reports(ruleIds: readonly string[]): { ruleReports: RuleReport[]; qncReports: QncReport[] } {
    const ruleReports: RuleReport[] = [];
    const qncReports: QncReport[] = [];
    for (const ruleId of ruleIds) {
      const rule = this.#rules.get(ruleId);
      if (rule === undefined) continue;
      ruleReports.push({
        pccRuleIds: [ruleId],
        ruleStatus: rule.active ? 'ACTIVE' : 'INACTIVE',
        ...(rule.failureCode !== undefined && { failureCode: rule.failureCode }),
      });
      qncReports.push({
        refPccRuleIds: [ruleId],
        notifType: rule.guaranteed ? 'GUARANTEED' : 'NOT_GUARANTEED',
      });
    }
    return { ruleReports, qncReports };
  }
}
