import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { agentsOf } from './running.ts';
import { table } from './table.ts';

/** `netagent agents`: who is on the bus. */
export async function runAgents(parsed: Parsed, output: Output): Promise<number> {
  const agents = await agentsOf(parsed.values.to as string);
  output.value(agents);
  output.text(
    table(
      ['agent', 'status', 'skills'],
      agents.map(({ id, status, skills }) => [id, status, skills.join(', ')]),
    ),
  );
  return 0;
}
