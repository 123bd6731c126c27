import { parse, stringify } from 'yaml';
import { fail } from '../../errors.ts';
import type { Output } from '../output.ts';
import type { Workflows } from './client.ts';
import { readText } from './source.ts';

/**
 * `netagent workflows translate FILE`: a policy (YAML or JSON) as a workflow. Standard output is the document in YAML, with the
 * reasons for it as comments, to be looked at and run. Exit code 1 where the policy is refused.
 */
export async function translatePolicy(workflows: Workflows, file: string, output: Output): Promise<number> {
  let policy: unknown;
  try {
    policy = parse(readText(file));
  } catch (error) {
    if (!(error instanceof Error) || !error.name.startsWith('YAML')) throw error;
    const problem = `${file} is no YAML: ${error.message.split('\n')[0]}`;
    throw fail('CLI_USAGE', { problem, verb: 'workflows' });
  }
  const { kind, reasons, document, input } = await workflows.translate(policy);
  output.value({ type: 'result', kind, reasons, ...(kind === 'workflow' ? { document, input } : {}) });
  if (kind === 'refused') {
    output.text('No workflow can be made of this policy:');
    for (const reason of reasons) output.text(`  ${reason}`);
    return 1;
  }
  for (const reason of reasons) output.text(`# ${reason.replace(/\s+/g, ' ')}`);
  if (input !== undefined) output.text(`# --input '${JSON.stringify(input)}'`);
  output.text(stringify(document, { lineWidth: 110 }).trimEnd());
  return 0;
}
