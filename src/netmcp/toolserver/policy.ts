import type { Verdict } from '../../../machines/protocols/tool-call.machine.ts';
import { accessOf } from '../auth/permission.ts';
import type { Permission } from '../schema/index.ts';
import type { Identity } from '../session/server-session.ts';
import { compileRule, holds, parametersOf } from './rules.ts';
import type { CallState } from './state.ts';
import { refuse } from './verify.ts';

/** A limit that the operator sets, beyond what a tool itself allows. */
export interface PolicyRule {
  id: string;
  /** Names of tools; `*` stands for any characters, here and in the four lists below. */
  tools: string[];
  /** Where given, the rule speaks only of calls about one of these: `args.cellIds`, `args.slice`, `args.supi`. */
  cells?: string[];
  slices?: string[];
  subscribers?: string[];
  /** Only calls by these agents. */
  agents?: string[];
  /** CEL over `args` and `state`; must hold. */
  rule: string;
  allowed: string;
  /** What follows if it does not hold: refusal, the question to a human, or to the expert model first. */
  otherwise: 'refuse' | 'ask' | 'expert';
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
    tools: ['core_create_qos_session', 'core_assure_service', 'core_modify_qos_session'],
    rule: '(!has(args.dlMbps) || args.dlMbps <= 200.0) && (!has(args.ulMbps) || args.ulMbps <= 100.0)',
    allowed: 'dlMbps <= 200 and ulMbps <= 100 for one subscriber',
    otherwise: 'refuse',
  },
];

export interface Authoriser {
  decide(
    tool: string,
    permission: Permission,
    identity: Identity,
    args: Record<string, unknown>,
    state: CallState,
  ): Verdict;
}

/** Permission of the tool first, then the limits. @throws if a rule does not parse */
export function createAuthoriser(rules: PolicyRule[]): Authoriser {
  const compiled = rules.map((rule) => ({ rule, check: compileRule(rule.rule), about: scopeOf(rule) }));
  return {
    decide(tool, permission, identity, args, state) {
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
      // A refusal by any rule comes before a question by another.
      let asked: Verdict | null = null;
      for (const { rule, check, about } of compiled) {
        if (!about(tool, agent, args) || holds(check, { args, state })) continue;
        if (rule.otherwise === 'refuse') {
          return refuse({
            step: 'policy',
            parameter: parametersOf(rule.rule),
            rule: `${rule.id}: ${rule.rule}`,
            allowed: rule.allowed,
            message: `beyond the operator's limit ${rule.id}`,
          });
        }
        const question = `${agent} asks for ${tool} beyond ${rule.allowed} (${rule.id})`;
        if (rule.otherwise === 'ask') asked = { decision: 'ask', question };
        else asked ??= { decision: 'ask', question, by: 'expert' };
      }
      if (asked !== null) return asked;
      return { decision: 'allow' };
    },
  };
}

/** Whether a call is one that the rule speaks of. */
function scopeOf(rule: PolicyRule): (tool: string, agent: string, args: Record<string, unknown>) => boolean {
  const tools = matcher(rule.tools);
  const agents = matcher(rule.agents);
  const cells = matcher(rule.cells);
  const slices = matcher(rule.slices);
  const subscribers = matcher(rule.subscribers);
  const any = (fits: ((text: string) => boolean) | null, values: unknown) =>
    fits === null || (Array.isArray(values) ? values : [values]).some((value) => fits(String(value)));
  return (tool, agent, args) =>
    any(tools, tool) &&
    any(agents, agent) &&
    any(cells, args.cellIds ?? args.cellId ?? []) &&
    any(slices, args.slice ?? []) &&
    any(subscribers, args.supi ?? []);
}

function matcher(patterns: string[] | undefined): ((text: string) => boolean) | null {
  if (patterns === undefined) return null;
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')));
  const wild = patterns
    .filter((pattern) => pattern.includes('*'))
    .map((pattern) => new RegExp(`^${pattern.split('*').map(literal).join('.*')}$`));
  return (text) => exact.has(text) || wild.some((pattern) => pattern.test(text));
}

const literal = (text: string) => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
