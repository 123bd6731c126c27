import type { Check, DownOptions } from './down.ts';
import { type Bindings, filledFor, jqOf } from './fields.ts';
import type { Figure } from './figures.ts';
import type { Do, Measure, Policy, PolicyTarget, ToolDo } from './policy.ts';

/** What the tasks of measures are made with. */
export interface MeasureWay {
  policy: Policy;
  targets: Map<string, { target: PolicyTarget; met: string; figure: Figure }>;
  options: DownOptions;
  refusals: string[];
  reasons: string[];
  checks: Check[];
}

type Entry = Record<string, unknown>;
const COMMUNICATION = 'https://open-workflow-specification.org/spec/1.0.0/errors/communication';
const SOURCES = { scope: '$context.scope', window: '$context.window' };

/** One measure as a task: whether it is wanted, the call, what is kept of it. */
export function measureTask(measure: Measure, index: number, way: MeasureWay): Entry {
  const { policy, reasons, checks } = way;
  const { id, title, because, each } = measure;
  const at = `measures.${index} (${id})`;
  const refuse = (problem: string) => void way.refusals.push(`${at}: ${problem}`);
  const sources = { ...SOURCES, ...(each !== undefined && { each: '$each' }) };
  const bindings: Bindings = { sources, refuse };

  const changes = changesOf(measure.do, way, refuse);
  if (changes && measure.undo === undefined && policy.onFailure === 'undo') {
    refuse('it changes the network and has no undo, while a failure is to be undone');
  }
  if (measure.undo !== undefined) changesOf(measure.undo, way, refuse);
  checks.push({
    check: `${id}: undo`,
    ok: !changes || measure.undo !== undefined,
    detail: changes ? 'changes the network' : 'reads',
  });
  if (changes && policy.constraints.dryRun && !(guarded(measure) && measure.guard !== undefined)) {
    refuse('a dry run wants a tool with undo and guard: only a guarded change can be rehearsed');
  }
  if (changes && policy.constraints.approval === 'always' && measure.guard === undefined) {
    refuse('a change that a human always approves is a tool with undo and guard');
  }
  if (each !== undefined && policy.scope[each].length === 0)
    refuse(`the scope names no ${each} to do it for`);

  const call =
    measure.guard === undefined
      ? plainCall(measure, bindings, way, refuse)
      : guardedCall(measure, bindings, way, refuse);
  const wanted = wantedIf(measure, way, refuse);
  reasons.push(
    `${title || id} is done ${wanted.words}${each === undefined ? '' : `, once for each of the ${each}`}${because === '' ? '' : `: ${because}`}.`,
  );
  const condition = [ON_TRACK, ...(wanted.when === undefined ? [] : [`(${wanted.when})`])].join(' and ');
  const task = {
    if: `\${ ${condition} }`,
    metadata: { ...(title !== '' && { title }), ...(because !== '' && { because }) },
  };
  // What a body exported is not seen after it faulted: each call is a body of its own.
  const attempt = {
    try: [{ call }],
    catch: {
      as: 'problem',
      do: [noteProblem('problem', '$problem.instance', policy.onFailure !== 'continue')],
    },
  };
  if (each === undefined) return { [id]: { ...task, ...attempt } };
  const one = { one: { if: `\${ ${ON_TRACK} }`, ...attempt } };
  return { [id]: { ...task, for: { each: 'each', in: `\${ $context.scope.${each} }` }, do: [one] } };
}

/** No measure has failed that ends the others. */
const ON_TRACK = '$context.failed != true';

/** Keeps what went wrong; `task` is jq. */
export function noteProblem(as: string, task: string, fails = false): Entry {
  const more = fails ? ', failed: true' : '';
  const add = `problems: ($context.problems + [{task: ${task}, what: $${as}.title}])${more}`;
  return {
    [`keep${as[0]?.toUpperCase()}${as.slice(1)}`]: {
      set: '${ . }',
      export: { as: `\${ $context + {${add}} }` },
    },
  };
}

/** Takes back what was done, the last first; what cannot be taken back is kept as a problem, and the rest goes on. */
export function undoTasks(undoable: string[]): Entry[] {
  if (undoable.length === 0) return [];
  const call = (name: string, of: string, given: Entry) => ({
    [name]: { call: of, with: given, then: 'exit' },
  });
  return [
    {
      takeBack: {
        if: '${ $context.failed == true }',
        for: { each: 'step', in: '${ [$context.taken[] | select(.undo != null)] | reverse }' },
        do: [
          {
            undo: {
              try: [
                {
                  kind: {
                    switch: [
                      { byTool: { when: '${ $step.undo.tool != null }', then: 'undoByTool' } },
                      { byAgent: { then: 'undoByAgent' } },
                    ],
                  },
                },
                call('undoByTool', 'netmcp:1.0.0@default', {
                  tool: '${ $step.undo.tool }',
                  arguments: '${ $step.undo.arguments }',
                }),
                call('undoByAgent', 'agent:1.0.0@default', {
                  agent: '${ $step.undo.agent }',
                  skill: '${ $step.undo.skill }',
                  input: '${ $step.undo.input }',
                }),
              ],
              catch: {
                as: 'undoProblem',
                do: [noteProblem('undoProblem', '("undo of " + $step.measure)')],
              },
            },
          },
        ],
      },
    },
    {
      noteUndone: {
        if: '${ $context.failed == true }',
        set: '${ . }',
        export: { as: '${ $context + {undone: true} }' },
      },
    },
  ];
}

const guarded = ({ do: call, undo }: Measure) => 'tool' in call && undo !== undefined && 'tool' in undo;

/** Whether a call changes the network; refuses what there is not. */
function changesOf(call: Do, { options }: MeasureWay, refuse: (problem: string) => void): boolean {
  if ('tool' in call) {
    const facts = options.tool(call.tool);
    if (facts === undefined) refuse(`there is no tool ${call.tool}`);
    return facts?.effects !== 'read';
  }
  if ('agent' in call) return true;
  const template = options.pool?.get(call.workflow, call.version);
  if (template === undefined) {
    refuse(`there is no template ${call.workflow}${call.version === undefined ? '' : ` ${call.version}`}`);
    return true;
  }
  // Fields are filled when it runs: any value stands for them.
  const { missing, invalid } = options.pool?.missing(template, call.input) ?? { missing: [], invalid: [] };
  for (const { name } of missing) refuse(`the template ${call.workflow} needs ${name}`);
  for (const { name, problem } of invalid) {
    if (!/^\$\{/.test(String(call.input[name.split('.')[0] as string])))
      refuse(`${call.workflow}, ${name}: ${problem}`);
  }
  return template.effects === 'changes';
}

function wantedIf(
  { when }: Measure,
  { targets }: MeasureWay,
  refuse: (problem: string) => void,
): { when: string | undefined; words: string } {
  if (when === 'always') return { when: undefined, words: 'whenever a target is missed' };
  if (when === undefined) return { when: undefined, words: 'where a target is missed' };
  if (!targets.has(when.missed)) refuse(`when.missed: ${when.missed} is no target of the policy`);
  return {
    when: `$context.before.missed | index("${when.missed}") != null`,
    words: `only where ${when.missed} is missed`,
  };
}

/** What is kept of a measure, to be shown and to be undone. */
function kept({ id, undo }: Measure, bindings: Bindings, onlyIf?: string): { as: string } {
  const way =
    undo === undefined ? 'null' : jqOf(undo, { ...bindings, sources: { ...bindings.sources, result: '.' } });
  const add = `$context + {done: ($context.done + ["${id}"]), taken: ($context.taken + [{measure: "${id}", undo: ${way}}])}`;
  return { as: onlyIf === undefined ? `\${ ${add} }` : `\${ if ${onlyIf} then ${add} else $context end }` };
}

function plainCall(
  measure: Measure,
  bindings: Bindings,
  { options }: MeasureWay,
  refuse: (problem: string) => void,
): Entry {
  const { do: call, retry, timeoutS = 90 } = measure;
  const timeout = { after: `PT${timeoutS}S` };
  const made =
    'tool' in call
      ? {
          call: 'netmcp:1.0.0@default',
          with: { tool: call.tool, arguments: filledFor(call.arguments, bindings) },
        }
      : 'agent' in call
        ? {
            call: 'agent:1.0.0@default',
            with: { agent: call.agent, skill: call.skill, input: filledFor(call.input, bindings) },
          }
        : runOf(call, bindings, options);
  const done = { export: kept(measure, bindings) };
  if (retry === undefined) return { ...made, timeout, ...done };
  // A retry is a new attempt with a new key: only what may be done twice is tried again.
  if (!('tool' in call) || options.tool(call.tool)?.idempotent !== true) {
    refuse('a retry of what is not idempotent may have its effect twice; a guard asks again without that');
  }
  return {
    try: [{ attempt: { ...made, timeout } }],
    catch: {
      errors: { with: { type: COMMUNICATION } },
      retry: {
        delay: `PT${retry.delayS}S`,
        backoff: { exponential: {} },
        limit: { attempt: { count: retry.times } },
      },
    },
    ...done,
  };
}

function runOf(
  { workflow, version, input }: Extract<Do, { workflow: string }>,
  bindings: Bindings,
  { pool }: DownOptions,
): Entry {
  const template = pool?.get(workflow, version);
  const [namespace = '', name = ''] = (template?.id ?? workflow).split('/');
  return {
    run: {
      workflow: {
        namespace,
        name,
        version: template?.version ?? 'latest',
        input: filledFor(input, bindings),
      },
    },
  };
}

/** A change that is rehearsed, arbitrated, watched, and taken back on harm. */
function guardedCall(
  measure: Measure,
  bindings: Bindings,
  { policy, targets }: MeasureWay,
  refuse: (problem: string) => void,
): Entry {
  const { do: call, undo, guard, each, timeoutS } = measure;
  if (guard === undefined || undo === undefined || !guarded(measure)) {
    refuse('a guard needs a tool as the measure and one as its undo');
    return {};
  }
  if (!targets.has(guard.target)) refuse(`guard.target: ${guard.target} is no target of the policy`);
  const figure = targets.get(guard.target)?.figure;
  if (figure === undefined) return {};
  const subjects = figure.of === 'cells' ? policy.scope.cells : policy.scope.subscribers;
  const own = (each === 'cells') === (figure.of === 'cells') && each !== undefined;
  if (!own && subjects.length > 1) {
    refuse(
      `a guard watches one figure; do it once for each of the ${figure.of === 'cells' ? 'cells' : 'subscribers'}`,
    );
  }
  const subject = own
    ? '${ $each }'
    : figure.of === 'cells'
      ? '${ $context.scope.cells[0] }'
      : '${ $context.scope.subscribers[0] }';
  const back = undo as ToolDo;
  return {
    call: 'change:1.0.0@default',
    with: {
      do: { tool: (call as ToolDo).tool, arguments: filledFor((call as ToolDo).arguments, bindings) },
      undo: { tool: back.tool, arguments: resultFields(back.arguments, bindings) },
      guard: {
        read: {
          tool: figure.tool,
          arguments: figure.of === 'cells' ? { cellIds: [subject] } : { supi: subject },
        },
        kpi: figure.pointer,
        worseBy: guard.worseBy * (figure.scale ?? 1),
        better: figure.better,
        clear: guard.clear * (figure.scale ?? 1),
        looks: guard.looks,
        ...(guard.bad !== undefined && { bad: guard.bad }),
        periodS: guard.periodS,
      },
      priority: '${ $context.priority }',
      dryRun: policy.constraints.dryRun,
      ...(policy.constraints.approval === 'always' && { approval: 'always' }),
    },
    ...(timeoutS !== undefined && { timeout: { after: `PT${timeoutS}S` } }),
    export: kept(measure, bindings, '.kept'),
  };
}

/** The function fills fields of the result itself: they stay as they are, and the others become expressions. */
function resultFields(args: unknown, bindings: Bindings): unknown {
  if (typeof args === 'string' && args.startsWith('${result}/')) return args;
  if (Array.isArray(args)) return args.map((one) => resultFields(one, bindings));
  if (args !== null && typeof args === 'object') {
    return Object.fromEntries(Object.entries(args).map(([key, one]) => [key, resultFields(one, bindings)]));
  }
  return filledFor(args, bindings);
}
