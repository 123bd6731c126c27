import { fail } from '../../errors.ts';
import type { Checkpoint, InstanceRow, WorkflowLedger } from './ledger.ts';

/**
 * The state that an instance is set back to, as if it had just come there: waits and timeouts begin anew.
 * @throws WORKFLOW_INSTANCE_STATE naming the steps that there are
 */
export function setBack(
  ledger: WorkflowLedger,
  row: InstanceRow,
  from: string | undefined,
  now: number,
): Checkpoint {
  const known = ledger.checkpoints(row.id);
  const wanted = from ?? row.fault?.instance;
  let found = wanted === undefined ? known[0] : undefined;
  // A fault of a scope names a task inside it: the nearest task around it that was begun counts.
  for (let pointer = wanted ?? ''; found === undefined && pointer !== ''; ) {
    found = known.findLast(({ entered }) => entered.includes(pointer));
    pointer = from === undefined ? pointer.slice(0, pointer.lastIndexOf('/')) : '';
  }
  const checkpoint = found === undefined ? undefined : ledger.checkpoint(row.id, found.rev);
  if (checkpoint !== undefined) {
    const state = JSON.parse(checkpoint.snapshot) as State;
    shift(state, now - checkpoint.at);
    return { ...checkpoint, snapshot: JSON.stringify(state) };
  }
  const steps = [...new Set(known.flatMap(({ entered }) => entered))].slice(-8).join(', ') || 'none';
  throw fail('WORKFLOW_INSTANCE_STATE', {
    id: row.id,
    problem: `no step ${wanted ?? ''} to go back to (${steps})`,
  });
}

/** What of a chart's snapshot has to do with time. */
interface State {
  context?: { since: number; from: number };
  input?: { since?: number; job?: { since: number } };
  children?: Record<string, { snapshot: State } | undefined>;
}

function shift({ context, input, children }: State, by: number): void {
  if (context !== undefined) {
    context.since += by;
    context.from += by;
  }
  if (input?.since !== undefined) input.since += by;
  if (input?.job !== undefined) input.job.since += by;
  for (const child of Object.values(children ?? {})) if (child) shift(child.snapshot, by);
}
