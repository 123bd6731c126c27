import { isMap } from './media.ts';
import { UNEVALUATED } from './types.ts';

/** Keys below which everything is the document's own data, whatever its keys are called. */
const DATA: ReadonlySet<string> = new Set([
  'arguments',
  'body',
  'environment',
  'headers',
  'message',
  'parameters',
  'query',
  'variables',
]);

/**
 * `with` of a call as a handler takes it: every expression evaluated, except below `authentication` and
 * `subscription` where these belong to the call.
 * @param fill evaluates the expressions of a value in the task's scope
 */
export async function fillArguments(
  args: Readonly<Record<string, unknown>>,
  fill: (value: unknown) => Promise<unknown>,
): Promise<Record<string, unknown>> {
  const filled = Object.entries(args).map(async ([key, value]): Promise<[string, unknown]> => {
    if (UNEVALUATED.has(key)) return [key, value];
    return [key, isMap(value) && !DATA.has(key) ? await fillArguments(value, fill) : await fill(value)];
  });
  return Object.fromEntries(await Promise.all(filled));
}
