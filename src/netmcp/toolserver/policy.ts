import type { Verdict } from '../../../machines/protocols/tool-call.machine.ts';
import { accessOf } from '../auth/permission.ts';
import type { Permission } from '../schema/index.ts';
import type { Identity } from '../session/server-session.ts';
import { compileRule, parametersOf, refuse } from './verify.ts';

/** A limit that the operator sets, beyond what a tool itself allows. */
export interface PolicyRule {
  id: string;
  tools: string[];
  /** CEL over `args`; must hold. */
  rule: string;
  allowed: string;
  /** What follows if it does not hold: refusal, or the question to a human. */
  otherwise: 'refuse' | 'ask';
}

/** The operator's limits per cell and subscriber, as shipped. */
export const OPERATOR_LIMITS: PolicyRule[] = [
  {
    id: 'cell-share',
    tools: ['ran_reserve_prbs'],
    rule: 'args.ratio <= 60.0',
    allowed: 'ratio <= 60 percent of the resource blocks of a cell',
    otherwise: 'refuse',
  },
  {
    id: 'reservation-time',
    tools: ['ran_reserve_prbs', 'ran_preset_handover'],
    rule: '!has(args.start) || !has(args.end) || args.end - args.start <= 86400000.0',
    allowed: 'end - start <= 24 h',
    otherwise: 'refuse',
  },
  {
    id: 'subscriber-rate',
    tools: ['core_create_qos_session', 'core_modify_qos_session'],
    rule: '(!has(args.dlMbps) || args.dlMbps <= 200.0) && (!has(args.ulMbps) || args.ulMbps <= 100.0)',
    allowed: 'dlMbps <= 200 and ulMbps <= 100 for one subscriber',
    otherwise: 'refuse',
  },
];

export interface Authoriser {
  decide(tool: string, permission: Permission, identity: Identity, args: Record<string, unknown>): Verdict;
}

/** Permission of the tool first, then the limits. @throws if a rule does not parse */
export function createAuthoriser(rules: PolicyRule[]): Authoriser {
  const compiled = rules.map((rule) => ({ ...rule, holds: compileRule(rule.rule) }));
  return {
    decide(tool, permission, identity, args) {
      const { agent } = identity;
      const access = accessOf(permission, identity);
      if (!access.allowed) {
        return refuse({
          step: 'permission',
          parameter: '',
          rule: permission.mode,
          allowed: access.needs,
          message: `${agent || 'this client'} may not use ${tool}`,
        });
      }
      for (const rule of compiled) {
        if (!rule.tools.includes(tool) || holds(rule.holds, args)) continue;
        if (rule.otherwise === 'ask')
          return { decision: 'ask', question: `${agent} asks for ${tool} beyond ${rule.allowed}` };
        return refuse({
          step: 'policy',
          parameter: parametersOf(rule.rule),
          rule: `${rule.id}: ${rule.rule}`,
          allowed: rule.allowed,
          message: `beyond the operator's limit ${rule.id}`,
        });
      }
      return { decision: 'allow' };
    },
  };
}

function holds(rule: ReturnType<typeof compileRule>, args: Record<string, unknown>): boolean {
  try {
    return rule({ args, state: {} });
  } catch {
    return false;
  }
}
