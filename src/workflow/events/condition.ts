import { z } from 'zod';
import { fail } from '../../errors.ts';
import { durationMs } from '../engine/duration.ts';
import { type Duration, durationSchema } from './duration.ts';

/** Where a figure is to enter or leave: strictly above or strictly below. */
const boundSchema = z.union([z.strictObject({ above: z.number() }), z.strictObject({ below: z.number() })]);
export type Bound = { above: number } | { below: number };

const common = {
  id: z.string().regex(/^[A-Za-z0-9][\w.-]{0,99}$/, 'is not a plain name'),
  /** What is read, and how; it means something to the port that reads. */
  read: z.unknown().optional(),
  /** Subjects that are there even if nothing was read of them yet. */
  subjects: z.array(z.string().min(1)).max(10_000).optional(),
  /** How often it is read; that of the watch, if not given. */
  every: durationSchema.optional(),
  /** How long it must be so before it is said, in either direction. */
  hold: durationSchema.optional(),
  /** How long after leaving it is not entered again. */
  cooldown: durationSchema.optional(),
};

const bounds = { enter: boundSchema, leave: boundSchema.optional() };
const apart = ({ enter, leave }: { enter: Bound; leave?: Bound | undefined }) =>
  leave === undefined ||
  ('above' in enter
    ? 'below' in leave && leave.below <= enter.above
    : 'above' in leave && leave.above >= enter.below);
const NOT_APART = 'leave must lie on the other side of enter, so that the two cannot both hold';

/** A condition of the network as data. */
export const conditionSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('threshold'), ...common, ...bounds }).refine(apart, NOT_APART),
  z
    .strictObject({
      kind: z.literal('rate'),
      ...common,
      ...bounds,
      /** The change is that between the ends of this span, and is told as change in `per`. */
      window: durationSchema,
      per: durationSchema.optional(),
    })
    .refine(apart, NOT_APART),
  z.strictObject({ kind: z.literal('absence'), ...common, after: durationSchema }),
]);

interface Common {
  id: string;
  read?: unknown;
  subjects?: string[] | undefined;
  every?: Duration | undefined;
  hold?: Duration | undefined;
  cooldown?: Duration | undefined;
}
export type Condition = Common &
  (
    | { kind: 'threshold'; enter: Bound; leave?: Bound | undefined }
    | { kind: 'rate'; enter: Bound; leave?: Bound | undefined; window: Duration; per?: Duration | undefined }
    | { kind: 'absence'; after: Duration }
  );

/** Reads a condition. @throws WORKFLOW_CONDITION_INVALID */
export function parseCondition(value: unknown): Condition {
  const read = conditionSchema.safeParse(value);
  if (read.success) return read.data as Condition;
  const issue = read.error.issues[0];
  throw fail('WORKFLOW_CONDITION_INVALID', {
    id: (value as { id?: unknown } | null)?.id ?? '',
    problem: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`,
  });
}

/** One reading: when, and the figure; null if nothing was read. */
export interface Sample {
  at: number;
  value: number | null;
}

/** What is known of one condition for one subject; JSON. */
export interface ConditionState {
  phase: 'out' | 'in';
  /** Since when what it takes to change the phase has been so. */
  since: number | null;
  enteredAt: number | null;
  leftAt: number | null;
  /** When it was last looked at, and when a figure was last read. */
  lookedAt: number | null;
  readAt: number | null;
  /** The latest figures: evidence, and what a rate is made of. */
  samples: Array<{ at: number; value: number }>;
}

export interface Evidence {
  /** The figure that decided: the value, the change per `per`, or the ms without data. */
  figure: number;
  bound: Bound;
  /** Since when it has been so. */
  since: number;
  samples: Array<{ at: number; value: number }>;
}

export interface Observation {
  state: ConditionState;
  change: { to: 'entered' | 'left'; evidence: Evidence } | null;
}

/** Samples of a window, about: more make a rate no better. */
const IN_WINDOW = 50;
const SHOWN = 10;

export const unknownState = (): ConditionState => ({
  phase: 'out',
  since: null,
  enteredAt: null,
  leftAt: null,
  lookedAt: null,
  readAt: null,
  samples: [],
});

/**
 * Takes one reading into account; pure. Between `enter` and `leave` the phase stays (hysteresis); a change is said when
 * it has been due for `hold`, and entering only when `cooldown` has passed since leaving. A reading without a figure
 * says nothing, except about absence. Time that runs backwards begins the waits anew.
 */
export function observe(state: ConditionState, condition: Condition, { at, value }: Sample): Observation {
  const before = state.lookedAt !== null && at < state.lookedAt ? rewound(state, at) : state;
  const read = value !== null && Number.isFinite(value);
  const samples = read ? withSample(condition, before.samples, { at, value }) : before.samples;
  const seen: ConditionState = {
    ...before,
    lookedAt: at,
    // A subject of which nothing was ever read is missed from the first look on.
    readAt: read || before.readAt === null ? at : before.readAt,
    samples,
  };
  const figure = figureOf(condition, seen, read);
  if (figure === null) return { state: seen, change: null };

  if (!changes(condition, seen.phase, figure)) return { state: { ...seen, since: null }, change: null };
  const since = seen.since ?? at;
  const waiting = at - since < ms(condition.hold) || (seen.phase === 'out' && cooling(condition, seen, at));
  if (waiting) return { state: { ...seen, since }, change: null };
  const bound = boundOf(condition, seen.phase);
  const evidence = { figure, bound, since, samples: samples.slice(-SHOWN) };
  return seen.phase === 'out'
    ? { state: { ...seen, phase: 'in', since: null, enteredAt: at }, change: { to: 'entered', evidence } }
    : { state: { ...seen, phase: 'out', since: null, leftAt: at }, change: { to: 'left', evidence } };
}

const ms = (duration: Duration | undefined) => (duration === undefined ? 0 : durationMs(duration));
const beyond = (figure: number, bound: Bound) =>
  'above' in bound ? figure > bound.above : figure < bound.below;
const cooling = (condition: Condition, { leftAt }: ConditionState, at: number) =>
  leftAt !== null && at - leftAt < ms(condition.cooldown);

const enterOf = (condition: Condition): Bound =>
  condition.kind === 'absence' ? { above: ms(condition.after) } : condition.enter;
const leaveOf = (condition: Condition): Bound | undefined =>
  condition.kind === 'absence' ? undefined : condition.leave;
const boundOf = (condition: Condition, phase: ConditionState['phase']): Bound =>
  (phase === 'in' ? leaveOf(condition) : undefined) ?? enterOf(condition);

/** Whether a figure speaks for the other phase; without `leave` it is left where it would not be entered. */
function changes(condition: Condition, phase: ConditionState['phase'], figure: number): boolean {
  const leave = leaveOf(condition);
  if (phase === 'out') return beyond(figure, enterOf(condition));
  return leave === undefined ? !beyond(figure, enterOf(condition)) : beyond(figure, leave);
}

/** What is compared; null: nothing can be said. */
function figureOf(condition: Condition, state: ConditionState, read: boolean): number | null {
  if (condition.kind === 'absence') return (state.lookedAt ?? 0) - (state.readAt ?? 0);
  const last = state.samples.at(-1);
  if (!read || last === undefined) return null;
  if (condition.kind === 'threshold') return last.value;
  const [first] = state.samples;
  // Half the window must have been seen, or two near readings would be taken for a slope.
  if (first === undefined || last.at - first.at < ms(condition.window) / 2) return null;
  return ((last.value - first.value) * ms(condition.per ?? condition.window)) / (last.at - first.at);
}

/** The samples with one more: for a rate those of the window, not nearer than they need be; else the latest. */
function withSample(
  condition: Condition,
  before: ConditionState['samples'],
  sample: ConditionState['samples'][0],
) {
  if (condition.kind !== 'rate') return [...before, sample].slice(-SHOWN);
  const window = durationMs(condition.window);
  const near = before.length > 1 && sample.at - (before.at(-2)?.at ?? 0) < window / IN_WINDOW;
  return [...(near ? before.slice(0, -1) : before), sample].filter((one) => sample.at - one.at <= window);
}

function rewound(state: ConditionState, at: number): ConditionState {
  const not = (time: number | null) => (time === null ? null : Math.min(time, at));
  return {
    ...state,
    since: not(state.since),
    leftAt: not(state.leftAt),
    readAt: not(state.readAt),
    samples: [],
  };
}
