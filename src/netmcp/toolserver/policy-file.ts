import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { fail } from '../../errors.ts';
import type { PolicyRule } from './policy.ts';
import { compileRule } from './rules.ts';

const patterns = z.array(z.string().min(1).max(128)).min(1).max(256);
const ruleSchema = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,63}$/),
  tools: patterns,
  cells: patterns.optional(),
  slices: patterns.optional(),
  subscribers: patterns.optional(),
  agents: patterns.optional(),
  rule: z.string().min(1).max(500),
  allowed: z.string().min(1).max(200),
  otherwise: z.enum(['refuse', 'ask', 'expert']).default('refuse'),
});
const fileSchema = z.strictObject({ rules: z.array(ruleSchema).max(500) });

/**
 * The operator's limits out of a YAML file. Nothing of a file that is wrong in one place is taken.
 * @throws NETMCP_POLICY_INVALID with file, field or rule, and problem
 */
export function loadPolicy(file: string): PolicyRule[] {
  const invalid = (problem: string, cause?: unknown) =>
    fail('NETMCP_POLICY_INVALID', { file, problem }, { cause });
  let content: unknown;
  try {
    content = parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw invalid(((error as Error).message.split('\n')[0] ?? '').slice(0, 200), error);
  }
  const read = fileSchema.safeParse(content);
  if (!read.success) {
    const { path = [], message = '' } = read.error.issues[0] ?? {};
    throw invalid(`${path.join('.') || 'it'}: ${message}`);
  }
  const seen = new Set<string>();
  for (const { id, rule } of read.data.rules) {
    if (seen.has(id)) throw invalid(`the rule ${id} is there twice`);
    seen.add(id);
    try {
      compileRule(rule);
    } catch (error) {
      throw invalid(
        `the rule ${id}: ${((error as Error).message.split('\n')[0] ?? '').slice(0, 150)}`,
        error,
      );
    }
  }
  return read.data.rules.map(({ cells, slices, subscribers, agents, ...rule }) => ({
    ...rule,
    ...(cells && { cells }),
    ...(slices && { slices }),
    ...(subscribers && { subscribers }),
    ...(agents && { agents }),
  }));
}
