import { Environment } from '@marcbachmann/cel-js';
import type { CallState } from './state.ts';

const cel = new Environment({ limits: { maxAstNodes: 200, maxDepth: 20 } })
  .registerVariable('args', 'map')
  .registerVariable('state', 'map');

export interface Variables {
  args: Record<string, unknown>;
  state: CallState;
}
export type Rule = (variables: Variables) => boolean;

/** A CEL rule that must give a boolean. @throws if it does not parse */
export function compileRule(rule: string): Rule {
  const parsed = cel.parse(rule);
  return (variables) => parsed({ ...variables }) === true;
}

/** Whether a rule holds. One that cannot be evaluated does not: what is not understood is not executed. */
export function holds(rule: Rule, variables: Variables): boolean {
  try {
    return rule(variables);
  } catch {
    return false;
  }
}

/** A CEL expression that gives a value. @throws if it does not parse */
export function compileValue(rule: string): (variables: Variables) => unknown {
  const parsed = cel.parse(rule);
  // CEL's integers are bigints; parameters are JSON.
  return (variables) => {
    const value = parsed({ ...variables });
    return typeof value === 'bigint' ? Number(value) : value;
  };
}

/** `args.a`, `args.b` of a rule, for the refusal. */
export function parametersOf(rule: string): string {
  return [...new Set([...rule.matchAll(/\bargs\.(\w+)/g)].map((match) => match[1]))].join(', ');
}
