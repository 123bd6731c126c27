import type { Clock } from '../../../machines/ports.ts';
import type { ReadScope } from '../calls/types.ts';
import { invalid, type PlacedProblem } from '../dsl/parse.ts';
import type { WorkflowDocument } from '../dsl/types.ts';
import type { Evaluator } from '../expressions.ts';
import { checkSupport } from './check.ts';
import { checkExpressions } from './check-expressions.ts';
import type { CompiledWorkflow } from './compiled.ts';
import { hasOutside, resolveOutside } from './outside.ts';
import type { Schemas } from './schemas.ts';
import { secretsOf } from './secrets.ts';
import type { EngineOptions } from './types.ts';

/** How long functions from elsewhere may take to be read, ms. */
const READING_MS = 30_000;

interface Examined {
  /** What runs: with the functions from elsewhere that it calls. */
  workflow: CompiledWorkflow;
  problems: PlacedProblem[];
}

export interface Admission {
  /** What can be said at once. */
  check(workflow: CompiledWorkflow): PlacedProblem[];
  examine(workflow: CompiledWorkflow): Promise<PlacedProblem[]>;
  /**
   * What of a workflow is run, if that can be said at once: it was admitted before, or needs nothing from elsewhere.
   * @throws WORKFLOW_INVALID for what this engine lacks
   */
  admitted(workflow: CompiledWorkflow): CompiledWorkflow | undefined;
  /** The same for what needs functions from elsewhere, with everything that `examine` finds. */
  admit(workflow: CompiledWorkflow): Promise<CompiledWorkflow>;
}

/** Decides what an engine begins: nothing is found out half-way that can be seen before. */
export function createAdmission(
  options: EngineOptions,
  parts: {
    clock: Clock;
    evaluator: Evaluator;
    schemas: Schemas;
    functions: ReadonlyMap<string, unknown>;
  },
): Admission {
  const { evaluator, schemas, functions, clock } = parts;
  const known = new WeakMap<CompiledWorkflow, CompiledWorkflow>();
  const check = (workflow: CompiledWorkflow) => checkSupport(workflow, options, functions, schemas);

  async function resolved(workflow: CompiledWorkflow): Promise<Examined> {
    const read = options.resources;
    if (read === undefined || !hasOutside(workflow)) return { workflow, problems: [] };
    const stop = new AbortController();
    const timer = clock.setTimeout(
      () => stop.abort(new Error('Functions from elsewhere take too long.')),
      READING_MS,
    );
    try {
      return await resolveOutside(workflow, read, {
        scope: documentScope(workflow.document, options, evaluator),
        policy: options.policy ?? {},
        signal: stop.signal,
      });
    } finally {
      clock.clearTimeout(timer);
    }
  }

  async function examined(workflow: CompiledWorkflow): Promise<Examined> {
    const first = check(workflow);
    if (first.length > 0) return { workflow, problems: first };
    const whole = await resolved(workflow);
    if (whole.problems.length > 0) return whole;
    const expressions = await checkExpressions(whole.workflow.document, evaluator);
    const lacking = whole.workflow === workflow ? [] : check(whole.workflow);
    return { ...whole, problems: [...lacking, ...expressions.map((one) => ({ line: 0, ...one }))] };
  }

  return {
    check,
    examine: async (workflow) => (await examined(workflow)).problems,
    admitted(workflow) {
      const found = known.get(workflow);
      if (found !== undefined) return found;
      refuse(workflow, check(workflow));
      if (hasOutside(workflow)) return undefined;
      known.set(workflow, workflow);
      return workflow;
    },
    async admit(workflow) {
      const { workflow: runs, problems } = await examined(workflow);
      refuse(
        workflow,
        problems.filter(({ severity }) => severity === 'error'),
      );
      known.set(workflow, runs);
      return runs;
    },
  };
}

function refuse({ id, version }: CompiledWorkflow, problems: PlacedProblem[]): void {
  if (problems.length > 0) throw invalid(`${id} ${version}`, problems);
}

/** In whose name what a document refers to is read before there is an instance: the document's own. */
function documentScope(
  document: WorkflowDocument,
  { secret }: EngineOptions,
  evaluator: Pick<Evaluator, 'fill'>,
): ReadScope {
  return {
    authentications: document.use?.authentications ?? {},
    fill: (value) => evaluator.fill(value, null, { secrets: secretsOf(document, secret) }),
    secret: (name) => secretsOf(document, secret, name)[name],
  };
}
