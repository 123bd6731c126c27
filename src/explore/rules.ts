import { Environment } from '@marcbachmann/cel-js';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Random } from '../../machines/ports.ts';
import { fail } from '../errors.ts';
import { latinHypercube } from './search/index.ts';
import type { Bounds, Kpis, Parameters, Situation } from './types.ts';

const cel = new Environment({ limits: { maxAstNodes: 200, maxDepth: 20 } }).registerVariable('facts', 'map');

const range = z
  .tuple([z.number(), z.number()])
  .refine(([low, high]) => low <= high, 'the first must not be above the second');

/** An expert rule as it is written. */
export const ruleSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/, 'lower-case letters, digits and hyphens are needed'),
  title: z.string().max(200).default(''),
  priority: z.number().int().min(0).max(1000).default(0).describe('The greater counts'),
  goals: z.array(z.string()).min(1).describe('KPIs that it is for'),
  scope: z.enum(['cells', 'subscribers', 'both']).describe('What must be in the scope for it'),
  when: z.string().max(1000).describe('CEL over `facts`'),
  reach: z.record(z.string(), range).default({}).describe('Facts within which it is known to work'),
  parameters: z.record(z.string(), z.number()).describe('What it sets'),
  reason: z.string().max(500),
});
const rulesSchema = z.strictObject({ rules: z.array(ruleSchema).max(500) });

export interface Rule extends z.infer<typeof ruleSchema> {
  holds(facts: Kpis): boolean;
  /** Facts that the condition reads. */
  reads: string[];
}

/** What a rule says of a situation. Of the facts: why it does not reach. */
export interface Judgement {
  rule: Rule;
  verdict: 'reaches' | 'other-goal' | 'scope' | 'facts-missing' | 'condition' | 'outside' | 'not-settable';
  facts: string[];
  text: string;
}

/**
 * Expert rules out of YAML (or JSON), the greatest priority first; `file` names them in errors.
 * @throws EXPLORE_RULES_INVALID
 */
export function readRules(text: string, file: string): Rule[] {
  const invalid = (problem: string) => fail('EXPLORE_RULES_INVALID', { file, problem });
  let data: unknown;
  try {
    data = parse(text);
  } catch (error) {
    throw invalid((error as Error).message.split('\n')[0] ?? '');
  }
  const read = rulesSchema.safeParse(data);
  if (!read.success) {
    const issue = read.error.issues[0] as z.core.$ZodIssue;
    throw invalid(`${issue.path.join('.')}: ${issue.message}`);
  }
  const rules = read.data.rules.map((rule, i) => {
    if (read.data.rules.findIndex(({ id }) => id === rule.id) !== i)
      throw invalid(`${rule.id} is there twice`);
    try {
      const condition = cel.parse(rule.when);
      return {
        ...rule,
        // A condition that cannot be evaluated does not hold.
        holds: (facts: Kpis) => condition({ facts }) === true,
        reads: [...new Set([...rule.when.matchAll(/\bfacts\.(\w+)/g)].map((match) => match[1] as string))],
      };
    } catch (error) {
      throw invalid(`when of ${rule.id}: ${(error as Error).message.split('\n')[0]}`);
    }
  });
  return rules.sort((a, b) => b.priority - a.priority);
}

/** Whether a rule reaches a situation, and if not, by which facts. */
export function judgeRule(rule: Rule, { goal, kpis, scope }: Situation, bounds: Bounds): Judgement {
  const say = (verdict: Judgement['verdict'], facts: string[], text: string) => ({
    rule,
    verdict,
    facts,
    text,
  });
  if (!rule.goals.includes(goal.kpi)) return say('other-goal', [], `is for ${rule.goals.join(', ')}`);
  const absent = (['cells', 'subscribers'] as const).filter(
    (kind) => (rule.scope === kind || rule.scope === 'both') && scope[kind].length === 0,
  );
  if (absent.length > 0) return say('scope', [], `needs ${absent.join(' and ')} in the scope`);
  const missing = [...new Set([...rule.reads, ...Object.keys(rule.reach)])].filter((name) => !(name in kpis));
  let met: boolean;
  try {
    met = rule.holds(kpis);
  } catch {
    return say('facts-missing', missing, `needs ${missing.join(', ')}`);
  }
  const shown = (names: readonly string[]) =>
    names.map((name) => `${name} ${Number(kpis[name]).toPrecision(4)}`).join(', ');
  if (!met) return say('condition', rule.reads, `its condition is not met: ${shown(rule.reads)}`);
  const unknown = Object.keys(rule.reach).filter((name) => !(name in kpis));
  if (unknown.length > 0) return say('facts-missing', unknown, `needs ${unknown.join(', ')}`);
  const outside = Object.entries(rule.reach).filter(
    ([name, within]) => !inside(kpis[name] as number, within),
  );
  if (outside.length > 0) {
    const text = outside.map(([name, [low, high]]) => `${shown([name])} is not in ${low} .. ${high}`);
    return say(
      'outside',
      outside.map(([name]) => name),
      `does not reach: ${text.join('; ')}`,
    );
  }
  const unsettable = notSettable(rule.parameters, bounds);
  if (unsettable.length > 0)
    return say('not-settable', unsettable, `${unsettable.join(', ')} may not be set so`);
  return say('reaches', rule.reads, rule.reason);
}

const inside = (value: number, [low, high]: readonly [number, number]) => value >= low && value <= high;

/** Names of parameters that the bounds do not have, or not at this value. */
export function notSettable(parameters: Parameters, bounds: Bounds): string[] {
  return Object.entries(parameters)
    .filter(([name, value]) => {
      const bound = Object.hasOwn(bounds, name) ? bounds[name] : undefined;
      return bound === undefined || !(value >= bound.min && value <= bound.max);
    })
    .map(([name]) => name);
}

export interface Coverage {
  /** Share of the space of conditions in which at least one rule reaches. */
  covered: number;
  byRule: Array<{ id: string; share: number }>;
}

/** How much of the situations with facts in `ranges` the rules for a KPI reach, by `samples` drawn ones. */
export function coverageOf(
  rules: readonly Rule[],
  kpi: string,
  ranges: Readonly<Record<string, readonly [number, number]>>,
  { random, samples = 2000 }: { random: Random; samples?: number },
): Coverage {
  const names = Object.keys(ranges);
  const reached = new Map<string, number>(rules.map(({ id }) => [id, 0]));
  let covered = 0;
  for (const point of latinHypercube(names.length, samples, random)) {
    const kpis = Object.fromEntries(
      names.map((name, i) => {
        const [low, high] = ranges[name] as readonly [number, number];
        return [name, low + (high - low) * (point[i] as number)];
      }),
    );
    const situation: Situation = {
      kpis,
      goal: { kpi, direction: 'raise' },
      scope: { cells: ['any'], subscribers: ['any'] },
    };
    const reaching = rules.filter((rule) => {
      const bounds = Object.fromEntries(
        Object.entries(rule.parameters).map(([name, value]) => [name, { min: value, max: value }]),
      );
      return judgeRule(rule, situation, bounds).verdict === 'reaches';
    });
    for (const { id } of reaching) reached.set(id, (reached.get(id) as number) + 1);
    if (reaching.length > 0) covered++;
  }
  return {
    covered: covered / samples,
    byRule: [...reached].map(([id, count]) => ({ id, share: count / samples })),
  };
}
