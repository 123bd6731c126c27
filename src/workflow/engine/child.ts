import { CAUSE } from '../events/cause.ts';
import { standardError } from '../fault.ts';
import type { PerformTools } from './perform.ts';
import type { EngineOptions, WorkflowEngine } from './types.ts';

/** Runs a workflow as a step of another: an instance of its own, cancelled with the step that waits for it. */
export function childOf(
  options: EngineOptions,
  engine: () => Pick<WorkflowEngine, 'start' | 'result' | 'cancel'>,
): PerformTools['child'] {
  return async (ref, input, { id, await: waits, cause, context: { signal, instanceId: parent } }) => {
    const workflow = options.workflows?.(ref.namespace, ref.name, ref.version);
    if (workflow === undefined) {
      throw standardError(
        'configuration',
        `No workflow ${ref.namespace}/${ref.name} ${ref.version} is here.`,
      );
    }
    const { start, result, cancel } = engine();
    await start(workflow, input, { id, labels: { parent, ...(cause && { [CAUSE]: cause }) } });
    if (!waits) return null;
    const stop = () => void cancel(id).catch(() => {});
    signal.addEventListener('abort', stop, { once: true });
    try {
      if (signal.aborted) stop();
      return (await result(id)).output;
    } finally {
      signal.removeEventListener('abort', stop);
    }
  };
}
