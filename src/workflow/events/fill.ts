import { isExpression } from '../expressions.ts';
import type { EventScope } from './types.ts';

/** A template in which each text that is wholly `${ ... }` is evaluated on `data`. */
export async function fill(
  template: unknown,
  data: unknown,
  scope: Pick<EventScope, 'evaluate' | 'variables'>,
): Promise<unknown> {
  if (typeof template === 'string') {
    return isExpression(template) ? scope.evaluate(template, data, scope.variables) : template;
  }
  if (Array.isArray(template)) return Promise.all(template.map((one) => fill(one, data, scope)));
  if (template === null || typeof template !== 'object') return template;
  const entries = Object.entries(template).map(
    async ([key, one]) => [key, await fill(one, data, scope)] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}
