import { z } from 'zod';
import {
  type Activity,
  type CompiledWorkflow,
  type FunctionContext,
  idling,
  type Pool,
  standardError,
  type WorkflowEngine,
} from '../../workflow/index.ts';

const input = z.strictObject({
  /** What is to be done, in words. */
  task: z.string().min(1).max(2_000),
  /** Parameters that are known. */
  known: z.record(z.string(), z.unknown()).default({}),
  domain: z.string().optional(),
  effects: z.enum(['reads', 'changes']).optional(),
  /** Runs the template as a workflow of its own, and waits for its end. */
  run: z.boolean().default(false),
});

/**
 * `plan:1.0.0@default`: the best template for a task, with score and reason, and what it still needs to be run.
 * With `run` it is run, if nothing is missing. Rejects with `configuration` where no template fits.
 */
export function planFunction(parts: {
  pool: Pool;
  engine(): WorkflowEngine;
  prepare(workflow: CompiledWorkflow): CompiledWorkflow;
}) {
  return async (given: unknown, { idempotencyKey, instanceId, signal, meta }: FunctionContext) => {
    const read = input.safeParse(given);
    if (!read.success) {
      throw standardError('configuration', 'The question to plan is none.', {
        detail: z.prettifyError(read.error),
      });
    }
    const { task, known, domain, effects, run } = read.data;
    const best = parts.pool.best({
      text: task,
      ...(domain === undefined ? {} : { domain }),
      ...(effects === undefined ? {} : { effects }),
    });
    if (best.match === undefined) throw standardError('configuration', best.none);
    const { template, score, reason } = best.match;
    const check = parts.pool.missing(template, known);
    const plan = { workflow: template.id, version: template.version, score, reason, ...check };
    if (!run) return plan;
    if (check.missing.length > 0) {
      throw standardError('validation', `${template.id} needs more to be run.`, {
        detail: check.missing.map(({ name }) => name).join(', '),
      });
    }
    const engine = parts.engine();
    const id = await engine.start(parts.prepare(template.workflow), known, {
      id: `${idempotencyKey}/plan`,
      labels: { parent: instanceId },
    });
    const stop = () => void engine.cancel(id).catch(() => {});
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) stop();
      const ended = await idling(meta.activity as Activity | undefined, () => engine.result(id));
      return { ...plan, instance: id, output: ended.output };
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
}
