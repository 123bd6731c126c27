import type { Effects } from '../../../machines/protocols/tool-call.machine.ts';
import type { CallState } from './state.ts';

/** What an expert thinks of a call that schema, constraints and policy let through (NetMCP 3). */
export type Judgement =
  | { decision: 'allow' }
  | { decision: 'refuse'; rule: string; parameter: string; reason: string; allowed: string }
  | { decision: 'undecided'; question: string };

export interface ExpertCall {
  tool: string;
  effects: Effects;
  args: Readonly<Record<string, unknown>>;
  state: CallState;
  /** Why the operator's rules leave it to the expert; null: they allow it. */
  doubt: string | null;
}

/**
 * A model that judges calls. One that throws, or takes longer than 5 s, has not decided: a human must.
 * Calls that only read are not shown to it.
 */
export interface ExpertModel {
  judge(call: ExpertCall, signal: AbortSignal): Judgement | Promise<Judgement>;
}

type RuleJudgement =
  | Exclude<Judgement, { decision: 'refuse' }>
  | Omit<Extract<Judgement, { decision: 'refuse' }>, 'rule'>;

/** One piece of a domain's sense. Null: it says nothing about this call. */
export interface ExpertRule {
  id: string;
  tools: string[];
  judge(args: Readonly<Record<string, unknown>>, state: CallState): RuleJudgement | null;
}

/**
 * Rates that delay-critical 5QIs carry: MDBV over PDB (TS 23.501 table 5.7.4-1, 5QI 86, 89 and 90). A looser
 * delay has no such bound.
 */
const BURSTS = [
  { delayMs: 5, mbps: 2.1, fiveQi: 86 },
  { delayMs: 15, mbps: 9, fiveQi: 89 },
  { delayMs: 20, mbps: 25.2, fiveQi: 90 },
];
/** The smallest packet delay budget of TS 23.501 table 5.7.4-1, ms. */
const SMALLEST_DELAY = 5;
/** Whole cells that one reservation may take without, and with, a human. */
const BLAST = { human: 10, never: 40 };
/** Sum of a subscriber's guaranteed rates over all of its sessions, Mbit/s. */
const SUBSCRIBER_MBPS = 400;

const number = (value: unknown) => (typeof value === 'number' ? value : 0);

const rateAndDelay: ExpertRule = {
  id: 'rate-within-delay',
  tools: ['core_create_qos_session', 'core_assure_service'],
  judge(args) {
    const delay = number(args.maxDelayMs);
    const rate = Math.max(number(args.dlMbps), number(args.ulMbps));
    if (delay < SMALLEST_DELAY) {
      return {
        decision: 'refuse',
        parameter: 'maxDelayMs',
        reason: 'no 5QI has so small a packet delay budget',
        allowed: `maxDelayMs >= ${SMALLEST_DELAY}`,
      };
    }
    const bound = BURSTS.findLast(({ delayMs }) => delayMs <= delay);
    if (bound === undefined || delay > 20 || rate <= bound.mbps) return { decision: 'allow' };
    return {
      decision: 'refuse',
      parameter: 'dlMbps, ulMbps, maxDelayMs',
      reason: `${rate} Mbit/s are more than the bursts of 5QI ${bound.fiveQi} carry within ${delay} ms`,
      allowed: `at most ${bound.mbps} Mbit/s at ${delay} ms, or maxDelayMs > 20`,
    };
  },
};

const subscriberTotal: ExpertRule = {
  id: 'subscriber-total',
  tools: ['core_create_qos_session', 'core_assure_service'],
  judge(args, { subscriber }) {
    const total = subscriber.dlMbps + number(args.dlMbps);
    if (total <= SUBSCRIBER_MBPS) return { decision: 'allow' };
    return {
      decision: 'refuse',
      parameter: 'dlMbps',
      reason: `with its ${subscriber.sessions} sessions the subscriber would hold ${total} Mbit/s`,
      allowed: `at most ${SUBSCRIBER_MBPS - subscriber.dlMbps} Mbit/s more, or release a session`,
    };
  },
};

const blastRadius: ExpertRule = {
  id: 'blast-radius',
  tools: ['ran_reserve_prbs'],
  judge(args) {
    const cells = Array.isArray(args.cellIds) ? args.cellIds.length : 0;
    const whole = (cells * number(args.ratio)) / 100;
    if (whole <= BLAST.human) return { decision: 'allow' };
    if (whole <= BLAST.never) {
      return {
        decision: 'undecided',
        question: `One subscriber would take ${args.ratio} % of ${cells} cells, as much as ${whole} whole cells.`,
      };
    }
    return {
      decision: 'refuse',
      parameter: 'ratio, cellIds',
      reason: `${args.ratio} % of ${cells} cells are as much as ${whole} whole cells for one subscriber`,
      allowed: `ratio / 100 * cells <= ${BLAST.human}, with a human's approval <= ${BLAST.never}`,
    };
  },
};

const conflict: ExpertRule = {
  id: 'conflicting-reservations',
  tools: ['ran_reserve_prbs'],
  judge(args, { cell }) {
    const total = cell.reserved + number(args.ratio);
    if (total <= 100) return { decision: 'allow' };
    return {
      decision: 'refuse',
      parameter: 'ratio, cellIds',
      reason: `cell ${cell.id} has ${cell.reservations} reservations of ${cell.reserved} % in that window`,
      allowed: `ratio <= ${Math.max(0, 100 - cell.reserved)}, another window, or a release first`,
    };
  },
};

const preemption: ExpertRule = {
  id: 'highest-preemption',
  tools: ['core_modify_qos_session'],
  judge(args) {
    if (args.preempt !== true || args.priorityLevel !== 1) return { decision: 'allow' };
    return {
      decision: 'undecided',
      question: 'The session could pre-empt every other one, emergency traffic included (ARP 1).',
    };
  },
};

/** The sense of the trade that ships. */
export const TELECOM_RULES: ExpertRule[] = [rateAndDelay, subscriberTotal, blastRadius, conflict, preemption];

/**
 * An expert made of rules. It allows what the rules that know the tool find sane; where the operator doubts
 * and no rule knows the tool, it has not decided.
 */
export function ruleExpert(rules: readonly ExpertRule[] = TELECOM_RULES): ExpertModel {
  return {
    judge({ tool, args, state, doubt }) {
      let known = false;
      let open: Judgement | null = null;
      for (const rule of rules) {
        if (!rule.tools.includes(tool)) continue;
        const said = rule.judge(args, state);
        if (said === null) continue;
        known = true;
        if (said.decision === 'refuse') return { ...said, rule: rule.id };
        if (said.decision === 'undecided') open ??= said;
      }
      if (open !== null) return open;
      return doubt !== null && !known ? { decision: 'undecided', question: doubt } : { decision: 'allow' };
    },
  };
}
