import { NetAgentError } from '../../../machines/failure.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import { compileWorkflow } from '../engine/compiled.ts';
import type { InputCheck } from '../pool/inputs.ts';
import type { Template } from '../pool/template.ts';
import { FIGURES, type Figure } from './figures.ts';
import { type MeasureWay, measureTask, noteProblem, undoTasks } from './measures.ts';
import { conditionOf, type Policy, type PolicyTarget, policySchema } from './policy.ts';

/** What is known of a tool: whether it changes anything, and whether twice is like once. */
export interface ToolFacts {
  effects: 'read' | 'reversible' | 'irreversible';
  idempotent: boolean;
}

export interface DownOptions {
  /** Network time now, ms. */
  now: number;
  /** Tools that there are; a policy that uses another is refused. */
  tool(name: string): ToolFacts | undefined;
  /** Templates that a measure may run. */
  pool?: {
    get(name: string, version?: string): Template | undefined;
    missing(template: Template, known: Record<string, unknown>): InputCheck;
  };
  /** Figures beside those that are built in. */
  figures?: Readonly<Record<string, Figure>>;
}

export interface Check {
  check: string;
  ok: boolean;
  detail: string;
}

export type Translation =
  | {
      kind: 'workflow';
      document: WorkflowDocument;
      input: Record<string, unknown>;
      /** Why the document is as it is, a sentence each. */
      reasons: string[];
      checks: Check[];
    }
  /** What cannot be expressed, a sentence each, with its place in the policy. */
  | { kind: 'refused'; reasons: string[]; checks: Check[] };

/** Time beside all waits and limits that a run may take, s. */
const SLACK_S = 600;

/**
 * Translates a policy down: a workflow that reads the figures of its targets, takes the measures that they ask for,
 * undoes them in reverse order where one fails, reads the figures again, and says how it went. The same policy gives
 * the same document.
 */
export function translateDown(given: unknown, options: DownOptions): Translation {
  const read = policySchema.safeParse(given);
  if (!read.success) {
    const reasons = read.error.issues.map(({ path, message }) => `${path.join('.') || 'policy'}: ${message}`);
    return { kind: 'refused', reasons, checks: [] };
  }
  const policy = read.data;
  const refusals: string[] = [];
  const reasons: string[] = [];
  const checks: Check[] = [];
  const figures = { ...FIGURES, ...options.figures };
  const targets = targetsOf(policy, figures, refusals);
  checks.push(...boundsOf(policy, options.now, refusals));

  const way: MeasureWay = { policy, targets, options, refusals, reasons, checks };
  const measures = policy.measures.map((measure, index) => measureTask(measure, index, way));
  if (refusals.length > 0) return { kind: 'refused', reasons: refusals, checks };

  const document = documentOf(way, measures);
  try {
    const { document: compiled } = compileWorkflow(document);
    checks.push({ check: 'document', ok: true, detail: `DSL ${compiled.document.dsl}, checked as a whole` });
    return { kind: 'workflow', document: compiled, input: inputOf(policy), reasons, checks };
  } catch (error) {
    if (!(error instanceof NetAgentError)) throw error;
    return { kind: 'refused', reasons: [error.message], checks };
  }
}

/** The targets that can be read and judged, each once. */
function targetsOf(
  policy: Policy,
  figures: Readonly<Record<string, Figure>>,
  refusals: string[],
): Map<string, { target: PolicyTarget; met: string; figure: Figure }> {
  const targets = new Map<string, { target: PolicyTarget; met: string; figure: Figure }>();
  for (const { expectationId, expectationTargets } of policy.expectations) {
    for (const target of expectationTargets) {
      const { targetName } = target;
      const at = `expectation ${expectationId}, target ${targetName}`;
      const figure = Object.hasOwn(figures, targetName) ? figures[targetName] : undefined;
      const met = conditionOf(target, `.${targetName}`);
      if (figure === undefined) {
        refusals.push(`${at}: nothing reads this figure here (${Object.keys(figures).join(', ')})`);
      } else if (met === null) {
        refusals.push(`${at}: ${target.targetCondition} does not fit its value range`);
      } else if (targets.has(targetName)) {
        refusals.push(`${at}: it is given twice`);
      } else if (figure.of === 'cells' && policy.scope.cells.length === 0) {
        refusals.push(`${at}: the scope names no cells to read it for`);
      } else if (figure.of === 'subscriber' && policy.scope.subscribers.length === 0) {
        refusals.push(`${at}: the scope names no subscriber to read it for`);
      } else targets.set(targetName, { target, met, figure });
    }
  }
  return targets;
}

function boundsOf({ scope, window, constraints }: Policy, now: number, refusals: string[]): Check[] {
  const { maxCells = Number.POSITIVE_INFINITY, maxSubscribers = Number.POSITIVE_INFINITY } = constraints;
  const within = (kind: 'cells' | 'subscribers', most: number): Check => {
    const count = scope[kind].length;
    if (count > most) refusals.push(`scope.${kind}: ${count}, and the policy allows ${most}`);
    return {
      check: kind,
      ok: count <= most,
      detail: `${count} in the scope, ${most === Infinity ? 'any' : most} allowed`,
    };
  };
  const over = window !== undefined && window.end <= now;
  if (over) refusals.push('window: it is over');
  return [
    within('cells', maxCells),
    within('subscribers', maxSubscribers),
    {
      check: 'window',
      ok: !over,
      detail: window === undefined ? 'at once' : `${iso(window.start)} to ${iso(window.end)}`,
    },
  ];
}

const iso = (ms: number) => new Date(ms).toISOString();

/** The parameters of the policy: they travel as input, so that the document stays the same for another scope. */
function inputOf({ scope, window, priority, intent }: Policy): Record<string, unknown> {
  return {
    scope: {
      cells: scope.cells,
      subscribers: scope.subscribers,
      ...(scope.area !== undefined && { area: scope.area }),
    },
    window: window ?? null,
    priority,
    intent,
  };
}

type TaskEntry = Record<string, unknown>;

function documentOf(way: MeasureWay, measures: TaskEntry[]): Record<string, unknown> {
  const { policy, targets, reasons } = way;
  const { id, version, title, window, onFailure, settleS, constraints } = policy;
  const goal = [...targets.values()].map(({ target, met }) =>
    met.replace(`.${target.targetName}`, target.targetName),
  );
  reasons.unshift(
    `It reads ${[...targets.keys()].join(', ')} first: where ${goal.join(' and ')}, nothing is changed.`,
    onFailure === 'undo'
      ? 'Where a measure fails, all that was done is taken back, the last first.'
      : onFailure === 'stop'
        ? 'Where a measure fails, no other is taken, and what was done stays.'
        : 'Where a measure fails, the next one is tried.',
  );
  const undoable = policy.measures.filter(({ undo }) => undo !== undefined).map(({ id: one }) => one);
  const longest = policy.measures.reduce((sum, { guard, timeoutS = 90, retry, each }) => {
    const times = each === undefined ? 1 : Math.max(1, policy.scope[each].length);
    const watched = guard === undefined ? 0 : (guard.looks + (guard.bad ?? 2)) * guard.periodS + 900;
    return sum + times * (watched + timeoutS * ((retry?.times ?? 0) + 1));
  }, 0);
  const waits = window === undefined ? 0 : Math.max(0, (window.start - way.options.now) / 1000);
  const seconds = Math.ceil(waits + longest + settleS + SLACK_S);
  reasons.push(`It ends after ${seconds} s at the latest: its waits, its limits, and ${SLACK_S} s.`);

  const wait =
    window === undefined
      ? []
      : [
          { readTime: { call: 'time:1.0.0@default', with: { until: '${ $context.window.start }' } } },
          { waitForWindow: { wait: '${ .duration }' } },
        ];
  return {
    document: {
      dsl: '1.0.3',
      namespace: 'policies',
      name: id,
      version,
      title,
      summary: `${goal.join(' and ')}: ${policy.measures.map((one) => one.title || one.id).join(', then ')}.`,
      metadata: {
        netagent: {
          category: 'composite-logic-chain',
          domain: 'central',
          effects: 'changes',
          tasks: [title],
          blast: {
            cells: `at most ${policy.scope.cells.length}`,
            subscribers: `at most ${policy.scope.subscribers.length} by name`,
          },
          undo:
            undoable.length === 0
              ? 'nothing of it can be undone'
              : `by itself: ${undoable.toReversed().join(', ')}`,
        },
        policy: { intent: policy.intent, priority: policy.priority, approval: constraints.approval },
      },
    },
    input: { schema: { format: 'json', document: INPUT_SCHEMA } },
    use: {
      retries: {
        reading: { delay: 'PT2S', backoff: { exponential: {} }, limit: { attempt: { count: 3 } } },
      },
      timeouts: { reading: { after: 'PT60S' } },
    },
    timeout: { after: `PT${seconds}S` },
    do: [
      {
        begin: {
          set: '${ . }',
          export: {
            as: '${ {scope: .scope, window: .window, priority: .priority, intent: .intent, taken: [], done: [], problems: []} }',
          },
        },
      },
      ...wait,
      observation('observe', 'before', targets),
      {
        decide: {
          switch: [
            { met: { when: '${ $context.before.missed == [] }', then: 'answer' } },
            { missed: { then: 'carryOut' } },
          ],
        },
      },
      { carryOut: { do: [...measures, ...(onFailure === 'undo' ? undoTasks(undoable) : [])] } },
      ...(settleS === 0 ? [] : [{ settle: { wait: `PT${settleS}S` } }]),
      observation('lookAgain', 'after', targets),
      { answer: { set: { report: ANSWER }, output: { as: '${ .report }' } } },
    ],
  };
}

/** Reads the figures of all targets side by side, and says which are missed. */
function observation(name: string, key: string, targets: MeasureWay['targets']): TaskEntry {
  const readers = new Map<string, Array<[string, Figure]>>();
  for (const [target, { figure }] of targets) {
    const reader = `${figure.tool} ${figure.of}`;
    readers.set(reader, [...(readers.get(reader) ?? []), [target, figure]]);
  }
  const branches = [...readers.values()].map((list, index) => {
    const [, figure] = list[0] as [string, Figure];
    const subject =
      figure.of === 'cells'
        ? { cellIds: '${ $context.scope.cells }' }
        : { supi: '${ $context.scope.subscribers[0] }' };
    const taken = list.map(([target, { read }]) => `${target}: (${read})`).join(', ');
    return {
      [`read${index + 1}`]: {
        call: 'netmcp:1.0.0@default',
        with: { tool: figure.tool, arguments: subject },
        timeout: 'reading',
        output: { as: `\${ {${taken}} }` },
      },
    };
  });
  const missed = [...targets.entries()]
    .map(([target, { met }]) => `(if ${met} then empty else "${target}" end)`)
    .join(', ');
  const seen = { as: `\${ $context + {${key}: {figures: ., missed: [${missed}]}} }` };
  return {
    [name]: {
      try: [{ read: { fork: { branches }, output: { as: '${ add }' }, export: seen } }],
      catch: {
        as: 'problem',
        retry: 'reading',
        ...(key === 'after' && { do: [noteProblem('problem', '$problem.instance')] }),
      },
    },
  };
}

/** What the run says at its end. Without a second look nothing was to be done. */
const ANSWER =
  '${ $context | {outcome: (if .undone == true then "undone" elif .before.missed == [] then "already-met" elif .after == null then "unseen" elif .after.missed == [] then "fulfilled" elif (.after.missed | length) < (.before.missed | length) then "improved" else "missed" end), before: .before.figures, after: (.after // .before).figures, missed: (.after // .before).missed, done: .done, problems: .problems} }';

const list = (description: string) => ({ type: 'array', items: { type: 'string' }, description });
const INPUT_SCHEMA = {
  type: 'object',
  required: ['scope', 'priority'],
  properties: {
    scope: {
      type: 'object',
      required: ['cells', 'subscribers'],
      properties: { area: { type: 'string' }, cells: list('Cell ids'), subscribers: list('SUPIs') },
    },
    window: {
      description: 'Network time, ms',
      anyOf: [
        { type: 'null' },
        {
          type: 'object',
          required: ['start', 'end'],
          properties: { start: { type: 'number' }, end: { type: 'number' } },
        },
      ],
    },
    priority: { type: 'integer', minimum: 1, maximum: 100 },
    intent: { type: 'string' },
  },
};
