import { fail } from '../../errors.ts';
import { activeTasks, type Instance } from './instance.ts';
import type { InstanceRow } from './ledger.ts';
import type { InstanceView } from './types.ts';

/** An instance as it is shown; `instance` where it runs. */
export function viewOf(row: InstanceRow, instance: Instance | undefined): InstanceView {
  const waits = row.status === 'running' && instance !== undefined && instance.working === 0;
  return {
    id: row.id,
    workflow: row.workflow,
    version: row.version,
    status: waits ? 'waiting' : row.status,
    startedAt: row.startedAt,
    updatedAt: row.updatedAt,
    endedAt: row.endedAt,
    run: row.run,
    labels: row.labels,
    active: instance === undefined || row.endedAt !== null ? [] : activeTasks(instance.actor),
    ...(row.output === undefined ? {} : { output: row.output }),
    ...(row.fault === undefined ? {} : { fault: row.fault }),
  };
}

/** Who waits for the end of an instance. */
export interface Waiter {
  resolve(result: { output: unknown }): void;
  reject(error: unknown): void;
}

export const cancelled = (name: string) => fail('WORKFLOW_CANCELLED', { name });

export function answer({ status, workflow, output, fault }: InstanceRow, { resolve, reject }: Waiter): void {
  if (status === 'cancelled') reject(cancelled(workflow));
  else if (fault === undefined) resolve({ output });
  else {
    reject(
      fail('WORKFLOW_FAULTED', {
        name: workflow,
        task: fault.instance || 'its beginning',
        problem: fault.title || fault.type,
        fault,
      }),
    );
  }
}
