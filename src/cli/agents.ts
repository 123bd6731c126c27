import { parseAgentId } from '../../broker/index.ts';
import { fail } from '../errors.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { agentsOf, decide } from './running.ts';
import { table } from './table.ts';

/** `netagent agents`: who is on the bus; `approve ID` and `revoke ID` say who may be asked. */
export async function runAgents({ values, positionals }: Parsed, output: Output): Promise<number> {
  const url = values.to as string;
  const [verdict, id = '', ...more] = positionals;
  if (verdict !== undefined) {
    if ((verdict !== 'approve' && verdict !== 'revoke') || parseAgentId(id) === null || more.length > 0) {
      throw fail('CLI_USAGE', { problem: 'approve ID or revoke ID is needed.', verb: 'agents' });
    }
    const standing = await decide(url, id, verdict);
    output.value(standing);
    output.text(`${standing.id} is ${standing.approval}; its card is ${standing.trust}.`);
    return 0;
  }
  const agents = await agentsOf(url);
  output.value(agents);
  output.text(
    table(
      ['agent', 'status', 'card', 'approval', 'skills'],
      agents.map(({ id, status, trust = '', approval = '', skills }) => [
        id,
        status,
        trust,
        approval,
        skills.join(', '),
      ]),
    ),
  );
  return 0;
}
