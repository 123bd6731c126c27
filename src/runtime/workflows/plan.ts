import { z } from 'zod';
import {
  type CompiledWorkflow,
  compileWorkflow,
  type FunctionContext,
  type Pool,
  standardError,
  type Translation,
  type WorkflowEngine,
} from '../../workflow/index.ts';

const common = {
  /** Runs what was planned as a workflow of its own, and waits for its end. */
  run: z.boolean().default(false),
};
const input = z.union([
  z.strictObject({
    /** What is to be done, in words. */
    task: z.string().min(1).max(2_000),
    /** Parameters that are known. */
    known: z.record(z.string(), z.unknown()).default({}),
    domain: z.string().optional(),
    effects: z.enum(['reads', 'changes']).optional(),
    ...common,
  }),
  z.strictObject({
    /** A policy as docs/translation.md has it. */
    policy: z.record(z.string(), z.unknown()),
    ...common,
  }),
]);

interface Planned {
  plan: Record<string, unknown>;
  workflow: CompiledWorkflow;
  input: Record<string, unknown>;
  /** Why it cannot be run yet. */
  lacks: string[];
}

/**
 * `plan:1.0.0@default`: for a task in words the best template, with score and reason, and what it still needs; for a
 * policy the workflow that carries it out. With `run` it is run, if nothing is missing. Rejects with `configuration`
 * where there is no way to do it.
 */
export function planFunction(parts: {
  pool: Pool;
  engine(): WorkflowEngine;
  translate(policy: unknown): Translation;
}) {
  const planOf = (given: z.output<typeof input>): Planned => {
    if ('policy' in given) {
      const down = parts.translate(given.policy);
      if (down.kind === 'refused') {
        throw standardError('configuration', 'The policy cannot be carried out.', {
          detail: down.reasons.join(' '),
        });
      }
      const { document, input: filled, reasons, checks } = down;
      return {
        plan: { document, input: filled, reasons, checks },
        workflow: compileWorkflow(document),
        input: filled,
        lacks: [],
      };
    }
    const { task, known, domain, effects } = given;
    const best = parts.pool.best({
      text: task,
      ...(domain === undefined ? {} : { domain }),
      ...(effects === undefined ? {} : { effects }),
    });
    if (best.match === undefined) throw standardError('configuration', best.none);
    const { template, score, reason } = best.match;
    const check = parts.pool.missing(template, known);
    return {
      plan: { workflow: template.id, version: template.version, score, reason, ...check },
      workflow: template.workflow,
      input: known,
      lacks: [
        ...check.missing.map(({ name }) => `${name} is missing`),
        ...check.invalid.map(({ name, problem }) => `${name} ${problem}`),
      ],
    };
  };

  return async (
    given: unknown,
    { idempotencyKey, instanceId, signal, waiting = (work) => work() }: FunctionContext,
  ) => {
    const read = input.safeParse(given);
    if (!read.success) {
      throw standardError('configuration', 'The question to plan is none.', {
        detail: z.prettifyError(read.error),
      });
    }
    const { plan, workflow, input: filled, lacks } = planOf(read.data);
    if (!read.data.run) return plan;
    if (lacks.length > 0) {
      throw standardError('validation', `${workflow.id} needs more to be run.`, { detail: lacks.join('; ') });
    }
    const engine = parts.engine();
    const id = await engine.start(workflow, filled, {
      id: `${idempotencyKey}/plan`,
      labels: { parent: instanceId },
    });
    const stop = () => void engine.cancel(id).catch(() => {});
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) stop();
      return { ...plan, instance: id, output: (await waiting(() => engine.result(id))).output };
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
}
