import { fail } from '../../errors.ts';
import type { CompiledWorkflow } from '../engine/compiled.ts';
import type { RunOptions, WorkflowEngine } from '../engine/types.ts';
import { CAUSE } from './cause.ts';
import type { StartWorkflow } from './launcher.ts';

/**
 * Starts on an engine what schedules and triggers want; the id of the instance is that of the occasion, hence starting
 * twice starts once. Labels say what started it (`by`) and the workflows that led to it (`netagentcause`).
 * @param find the workflow of a reference `namespace/name[:version]`, the newest if it names none
 */
export function startOn(
  engine: Pick<WorkflowEngine, 'start' | 'result'>,
  find: (reference: string) => CompiledWorkflow | undefined,
  options: Omit<RunOptions, 'id' | 'labels'> = {},
): StartWorkflow {
  return async (reference, input, { id, by, cause }) => {
    const workflow = find(reference);
    if (workflow === undefined) throw fail('WORKFLOW_REFERENCE_UNKNOWN', { name: reference, by });
    const labels = { by, ...(cause.length > 0 && { [CAUSE]: cause.join(' ') }) };
    await engine.start(workflow, input, { ...options, id, labels });
    return { ended: engine.result(id) };
  };
}
