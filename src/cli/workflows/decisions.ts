import { fail } from '../../errors.ts';
import type { Output } from '../output.ts';
import type { Approval, Workflows } from './client.ts';
import { dateTime, pretty, span } from './text.ts';

/** Characters of a hash that are shown and at least taken. */
const SHORT = 12;

/** `netagent workflows approvals`: what waits, as it would be done. */
export async function listApprovals(workflows: Workflows, output: Output): Promise<number> {
  const approvals = await workflows.approvals();
  output.value(approvals);
  if (approvals.length === 0) output.text('Nothing waits for approval.');
  approvals.forEach((one, index) => {
    if (index > 0) output.text('');
    showApproval(one, output);
    output.text(`  netagent workflows approve ${one.id} ${one.hash.slice(0, SHORT)}`);
  });
  return 0;
}

function showApproval(one: Approval, output: Output): void {
  const left = one.expiresAt - one.requestedAt;
  output.text(`${one.id}: ${one.title}`);
  output.text(`  of ${one.instance}, asked ${dateTime(one.requestedAt)}, stands ${span(left)}`);
  output.text(pretty(one.plan, '    '));
}

/**
 * `netagent workflows approve|reject ID [HASH]`: the decision is bound to the plan that waits now, and with a hash (or
 * its beginning) to the plan that was looked at.
 * @throws WORKFLOW_APPROVAL_UNKNOWN
 */
export async function decide(
  workflows: Workflows,
  verdict: 'approve' | 'reject',
  { id, hash }: { id: string; hash: string | undefined },
  output: Output,
): Promise<number> {
  if (hash !== undefined && hash.length < SHORT) {
    const problem = `${hash} is too short: ${SHORT} characters of the hash are needed.`;
    throw fail('CLI_USAGE', { problem, verb: 'workflows' });
  }
  const waiting = (await workflows.approvals()).find((one) => one.id === id);
  if (waiting === undefined || (hash !== undefined && !waiting.hash.startsWith(hash))) {
    throw fail('WORKFLOW_APPROVAL_UNKNOWN', { id });
  }
  await workflows.decide(id, verdict, waiting.hash);
  output.value({ id, verdict, hash: waiting.hash });
  output.text(`${waiting.title}: ${verdict === 'approve' ? 'approved' : 'rejected'}.`);
  output.text(pretty(waiting.plan, '  '));
  return 0;
}
