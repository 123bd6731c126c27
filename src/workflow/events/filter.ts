import { isDeepStrictEqual } from 'node:util';
import { isExpression } from '../expressions.ts';
import { fill } from './fill.ts';
import { compilePattern, looksLikePattern, type Pattern } from './pattern.ts';
import type { EventFilter } from './strategy.ts';
import type { CloudEvent, EventScope } from './types.ts';

export interface FilterMatch {
  matched: boolean;
  /** Values of correlations that the first event fixes: those without `expect`. */
  correlations: Record<string, unknown>;
}

const NO: FilterMatch = { matched: false, correlations: {} };

/**
 * Whether an event meets a filter. Each attribute of `with` is compared:
 * - a literal by equality, a text also as a regular expression for the whole attribute, unless its only special
 *   character is the dot;
 * - an expression of `data` is evaluated on the event's data, and its answer counts if it is a boolean, else it must
 *   equal the data; an expression of another attribute is evaluated on the task's input and must equal the attribute.
 *
 * `correlate.from` is evaluated on the whole event. Nothing of the event is ever evaluated. An expression that fails
 * on an event, say since the data has another shape, means that the event is not met; `onProblem` is told.
 */
export async function matchFilter(
  filter: EventFilter,
  event: CloudEvent,
  scope: EventScope,
  onProblem: (problem: unknown) => void = () => {},
): Promise<FilterMatch> {
  const wanted = Object.entries(filter.with);
  // Literals first: most events end here, without an expression evaluated.
  for (const [name, value] of wanted) {
    if (!isComputed(value) && !meetsLiteral(value, attributeOf(event, name))) return NO;
  }
  try {
    for (const [name, value] of wanted) {
      if (isComputed(value) && !(await meetsComputed(name, value, event, scope))) return NO;
    }
    return await correlate(filter, event, scope);
  } catch (error) {
    onProblem(error);
    return NO;
  }
}

const attributeOf = (event: CloudEvent, name: string): unknown =>
  Object.hasOwn(event, name) ? event[name] : undefined;

/** Whether a value has an expression among its leaves. */
function isComputed(value: unknown): boolean {
  if (typeof value === 'string') return isExpression(value);
  return value !== null && typeof value === 'object' && Object.values(value).some(isComputed);
}

function meetsLiteral(wanted: unknown, actual: unknown): boolean {
  if (actual === undefined) return false;
  if (isDeepStrictEqual(plain(wanted), plain(actual))) return true;
  if (typeof wanted !== 'string' || typeof actual !== 'string') return false;
  return patternOf(wanted)?.matches(actual) ?? false;
}

/** Objects that were read elsewhere (frozen, without prototype) are equal to what they say. */
const plain = (value: unknown): unknown =>
  value !== null && typeof value === 'object' ? JSON.parse(JSON.stringify(value)) : value;

const patterns = new Map<string, Pattern | undefined>();
const MAX_PATTERNS = 1_000;

function patternOf(text: string): Pattern | undefined {
  if (!looksLikePattern(text)) return undefined;
  if (!patterns.has(text)) {
    const pattern = compilePattern(text);
    if (patterns.size >= MAX_PATTERNS) patterns.clear();
    patterns.set(text, typeof pattern === 'string' ? undefined : pattern);
  }
  return patterns.get(text);
}

async function meetsComputed(
  name: string,
  wanted: unknown,
  event: CloudEvent,
  scope: EventScope,
): Promise<boolean> {
  const actual = attributeOf(event, name);
  if (name === 'data' && typeof wanted === 'string') {
    const answer = await scope.evaluate(wanted, actual ?? null, scope.variables);
    return typeof answer === 'boolean' ? answer : isDeepStrictEqual(plain(answer), plain(actual ?? null));
  }
  if (actual === undefined) return false;
  return isDeepStrictEqual(plain(await fill(wanted, scope.input, scope)), plain(actual));
}

/** A value that is missing correlates with nothing. */
async function correlate(filter: EventFilter, event: CloudEvent, scope: EventScope): Promise<FilterMatch> {
  const correlations: Record<string, unknown> = {};
  for (const [name, { from, expect }] of Object.entries(filter.correlate ?? {})) {
    const value = await scope.evaluate(from, event, scope.variables);
    if (value === null || value === undefined) return NO;
    if (expect === undefined) correlations[name] = value;
    else if (isExpression(expect)) {
      const expected = await scope.evaluate(expect, scope.input, scope.variables);
      if (!isDeepStrictEqual(plain(value), plain(expected))) return NO;
    } else if (expect !== (typeof value === 'object' ? undefined : String(value))) return NO;
  }
  return { matched: true, correlations };
}
