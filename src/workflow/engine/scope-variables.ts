import type { Job } from '../chart/types.ts';
import type { Variables } from '../expressions.ts';
import type { CompiledWorkflow } from './compiled.ts';

/** What an instance's expressions know of it. */
export interface InstanceFacts {
  id: string;
  workflow: CompiledWorkflow;
  /** As it was given. */
  input: unknown;
  startedAt: number;
}

export interface RuntimeFacts {
  name: string;
  version: string;
  metadata: Record<string, unknown>;
}

/** A date as the DSL has it. */
const dateOf = (ms: number) => ({
  iso8601: new Date(ms).toISOString(),
  epoch: { seconds: Math.floor(ms / 1000), milliseconds: ms },
});

/** The variables of a task's expressions (DSL 1.0.3, "Runtime Expression Arguments"). */
export function scopeVariables(job: Job, facts: InstanceFacts, runtime: RuntimeFacts): Variables {
  const { workflow } = facts;
  const found = workflow.tasks.get(job.pointer);
  return {
    ...job.vars,
    context: job.ctx,
    input: job.input,
    task: {
      name: found?.name ?? '',
      reference: job.pointer,
      definition: found?.task ?? null,
      input: job.data,
      output: job.raw,
      startedAt: dateOf(job.since),
    },
    workflow: {
      id: facts.id,
      definition: workflow.document,
      input: facts.input,
      startedAt: dateOf(facts.startedAt),
    },
    runtime,
  };
}
