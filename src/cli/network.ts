import { fail } from '../errors.ts';
import { type NetworkCheck, runNetworkValidation } from '../runtime/network-validation.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';

/** `netagent network validate`: exit code 1 if what must hold does not; comparisons only report. */
export function runNetwork(parsed: Parsed, output: Output): number {
  const [what, ...more] = parsed.positionals;
  if (what !== 'validate' || more.length > 0) {
    throw fail('CLI_USAGE', { problem: 'Say what to do with the network: validate.', verb: 'network' });
  }
  const checks: NetworkCheck[] = [];
  for (const check of runNetworkValidation(parsed.values.data as string)) {
    checks.push(check);
    output.value({ type: 'check', ...check });
  }
  output.text(
    table(
      ['group', 'outcome', 'what', 'ours', 'goal', 'why'],
      checks.map((one) => [one.group, one.outcome, one.name, one.value, one.goal, one.detail]),
      140,
    ),
  );
  const count = (outcome: NetworkCheck['outcome']) => checks.filter((one) => one.outcome === outcome).length;
  const failed = checks.filter((one) => one.outcome === 'miss' && one.level === 'must').length;
  output.text(
    `\n${count('pass')} pass, ${count('miss')} outside their tolerance (${failed} of what must hold), ` +
      `${count('skip')} skipped.`,
  );
  output.value({
    type: 'result',
    valid: failed === 0,
    pass: count('pass'),
    miss: count('miss'),
    skip: count('skip'),
  });
  return failed === 0 ? 0 : 1;
}
