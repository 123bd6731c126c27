import { z } from 'zod';
import { fail } from '../errors.ts';

const callSchema = z.strictObject({
  tool: z.string().min(1),
  arguments: z.record(z.string(), z.unknown()).default({}),
});

const guardSchema = z
  .strictObject({
    /** Reads the figure. */
    read: callSchema,
    /** JSON Pointer (RFC 6901) of the figure in what `read` gives. */
    kpi: z.string().regex(/^(\/.*)?$/, 'a JSON Pointer'),
    below: z.number().optional(),
    above: z.number().optional(),
    worseBy: z.number().nonnegative().optional(),
    better: z.enum(['higher', 'lower']).default('higher'),
    clear: z.number().nonnegative().default(0),
    looks: z.number().int().min(1).max(1000).default(6),
    bad: z.number().int().min(1).max(100).optional(),
    missed: z.number().int().min(1).max(100).default(3),
    periodS: z.number().positive().max(86_400).default(30),
  })
  .refine(
    ({ below, above, worseBy }) => [below, above, worseBy].filter((one) => one !== undefined).length === 1,
    'a guard has exactly one of below, above and worseBy',
  )
  .refine(({ bad, looks }) => bad === undefined || bad <= looks, 'more bad looks than looks')
  .transform(({ bad, ...rest }) => ({ ...rest, bad: bad ?? Math.min(2, rest.looks) }));

const claimSchema = z.strictObject({
  resource: z.string().regex(/^[a-z]+:./, 'KIND:ID'),
  parameter: z.string().min(1),
  value: z.unknown(),
});

/** What a workflow gives to `change:1.0.0@default`. */
export const changeSchema = z.strictObject({
  do: callSchema,
  /** Strings `${result}/POINTER` and `${before}/POINTER` stand for what `do`, and `guard.read` before it, gave. */
  undo: callSchema,
  guard: guardSchema,
  /** 1 to 100, higher wins. */
  priority: z.number().int().min(1).max(100).default(50),
  /** Network time, ms; the window of `do.arguments` if not given. */
  window: z.strictObject({ start: z.number().optional(), end: z.number().optional() }).optional(),
  /** Beside those that follow from `do.arguments`. */
  claims: z.array(claimSchema).default([]),
  /** How long it may wait for its claims. */
  waitS: z.number().nonnegative().max(86_400).default(300),
  /** How long a human may take. */
  approvalS: z.number().positive().max(86_400).default(300),
  /** A human looks at it even where its reach does not ask for one. */
  approval: z.enum(['as-needed', 'always']).default('as-needed'),
  dryRun: z.boolean().default(false),
});
export type Change = z.output<typeof changeSchema>;
export type ChangeRequest = z.input<typeof changeSchema>;

/** @throws CHANGE_INVALID with the first mistake */
export function parseChange(input: unknown): Change {
  const read = changeSchema.safeParse(input);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw fail('CHANGE_INVALID', { problem: `${issue?.path.join('.') || 'input'}: ${issue?.message}` });
}

/** What a JSON Pointer names; undefined where there is nothing. */
export function pointed(value: unknown, pointer: string): unknown {
  let at = value;
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~');
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** A string that is a whole expression would be evaluated by the workflow: the pointer behind it keeps it literal. */
const FIELD = /^\$\{(result|before)\}(\/.*)$/;

/** Whether arguments have fields to fill; of one source, or of any. */
export function usesFields(args: unknown, source?: 'result' | 'before'): boolean {
  if (typeof args === 'string') {
    const found = FIELD.exec(args)?.[1];
    return found !== undefined && (source === undefined || found === source);
  }
  return (
    args !== null && typeof args === 'object' && Object.values(args).some((one) => usesFields(one, source))
  );
}

/** Arguments with their fields filled. @throws CHANGE_INVALID where a field names nothing */
export function filled(args: unknown, from: { result: unknown; before: unknown }): unknown {
  if (typeof args === 'string') {
    const [, source, pointer = ''] = FIELD.exec(args) ?? [];
    if (source === undefined) return args;
    const value = pointed(source === 'result' ? from.result : from.before, pointer);
    if (value === undefined) throw fail('CHANGE_INVALID', { problem: `${args} names nothing` });
    return value;
  }
  if (Array.isArray(args)) return args.map((one) => filled(one, from));
  if (args === null || typeof args !== 'object') return args;
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, filled(value, from)]));
}
