import { Environment } from '@marcbachmann/cel-js';
import type { Step } from '../schema/index.ts';

/** What an expression or reference can see of a step. */
export interface StepView {
  state: string;
  output: unknown;
  isError: boolean;
  text: string;
}

export type Views = ReadonlyMap<string, StepView>;

/** A reference that leads nowhere, or an expression that does not hold together. */
export class BadReference extends Error {}

const cel = new Environment({ limits: { maxAstNodes: 200, maxDepth: 20 } }).registerVariable('steps', 'map');
const MAX_DEPTH = 16;

type Reference =
  | { kind: 'from'; step: string; at: string; otherwise: unknown; hasDefault: boolean }
  | { kind: 'cel'; expression: string }
  | { kind: 'context'; key: string };

function referenceIn(value: object): Reference | null {
  const field = (name: string): unknown =>
    Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  const from = field('$from');
  if (typeof from === 'string') {
    const at = field('at');
    return {
      kind: 'from',
      step: from,
      at: typeof at === 'string' ? at : '',
      otherwise: field('default'),
      hasDefault: Object.hasOwn(value, 'default'),
    };
  }
  const expression = field('$cel');
  if (typeof expression === 'string') return { kind: 'cel', expression };
  const key = field('$context');
  return typeof key === 'string' ? { kind: 'context', key } : null;
}

/** Every reference in the arguments of a step. @throws BadReference if they are nested too deep */
function* referencesIn(value: unknown, depth = 0): Generator<Reference> {
  if (typeof value !== 'object' || value === null) return;
  if (depth > MAX_DEPTH) throw new BadReference('the arguments are nested too deep');
  const reference = Array.isArray(value) ? null : referenceIn(value);
  if (reference !== null) yield reference;
  else for (const inner of Object.values(value)) yield* referencesIn(inner, depth + 1);
}

/** Steps that an expression names, as `steps.a` or `steps["a"]`. */
const namedIn = (expression: string) =>
  [...expression.matchAll(/\bsteps\s*(?:\.\s*(\w+)|\[\s*["'](\w+)["']\s*\])/g)].map(
    (match) => (match[1] ?? match[2]) as string,
  );

/** Ids of the steps that this one refers to; it waits for them. @throws BadReference */
export function dependenciesOf(step: Step): string[] {
  const found = new Set(step.after);
  for (const reference of [...referencesIn(step.arguments)]) {
    if (reference.kind === 'from') found.add(reference.step);
    if (reference.kind === 'cel') for (const id of named(reference.expression)) found.add(id);
  }
  if (step.when !== undefined) for (const id of named(step.when)) found.add(id);
  return [...found];
}

function named(expression: string): string[] {
  parse(expression);
  return namedIn(expression);
}

function parse(expression: string) {
  try {
    return cel.parse(expression);
  } catch (error) {
    throw new BadReference(`${expression.slice(0, 100)}: ${firstLine(error)}`);
  }
}

/** Whether a step is to run. @throws BadReference */
export function holds(expression: string, views: Views): boolean {
  return evaluate(expression, views) === true;
}

function evaluate(expression: string, views: Views): unknown {
  const program = parse(expression);
  try {
    return plain(program({ steps: new Map(views) }));
  } catch (error) {
    if (error instanceof BadReference) throw error;
    throw new BadReference(`${expression.slice(0, 100)}: ${firstLine(error)}`);
  }
}

const firstLine = (error: unknown) =>
  ((error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '').slice(0, 200);

/** CEL gives integers as BigInt and maps as Map. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') {
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER)
      throw new BadReference('an integer is too large for JSON');
    return Number(value);
  }
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, inner]) => [String(key), plain(inner)]));
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  return value;
}

/** RFC 6901. */
function pointed(value: unknown, pointer: string): { found: boolean; value: unknown } {
  if (pointer === '') return { found: value !== null && value !== undefined, value };
  if (!pointer.startsWith('/')) return { found: false, value: undefined };
  let at = value;
  for (const raw of pointer.slice(1).split('/')) {
    const token = raw.replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, token))
      return { found: false, value: undefined };
    at = (at as Record<string, unknown>)[token];
  }
  return { found: true, value: at };
}

/** The arguments with every reference replaced by what it names. @throws BadReference */
export function resolve(
  args: Record<string, unknown>,
  views: Views,
  inContext: (key: string) => unknown,
): Record<string, unknown> {
  const walk = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(walk);
    const reference = referenceIn(value);
    if (reference === null)
      return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, walk(inner)]));
    if (reference.kind === 'cel') return evaluate(reference.expression, views);
    if (reference.kind === 'context') {
      const kept = inContext(reference.key);
      if (kept === undefined) throw new BadReference(`the context has no key ${reference.key}`);
      return kept;
    }
    const view = views.get(reference.step);
    const hit = pointed(view?.output, reference.at);
    if (hit.found) return hit.value;
    if (reference.hasDefault) return reference.otherwise;
    throw new BadReference(
      `the output of ${reference.step} (${view?.state ?? 'not there'}) has nothing at "${reference.at}"`,
    );
  };
  return walk(args) as Record<string, unknown>;
}
