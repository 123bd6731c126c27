import { fail } from '../errors.ts';
import { type NetworkCheck, runNetworkValidation } from '../runtime/network-validation.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';
import { listWorlds, runWorldVerb } from './worlds.ts';

/** `netagent network`: what the first word says. */
export function runNetwork(parsed: Parsed, output: Output): number | Promise<number> {
  const [what, ...more] = parsed.positionals;
  if (what === 'validate' && more.length === 0) return validate(parsed, output);
  if (what === 'worlds' && more.length === 0) return listWorlds(output);
  if (what === 'run' && more.length === 1) return runWorldVerb(more[0] as string, parsed, output);
  const problem = 'Say what to do with the network: validate, worlds, or run WORLD.';
  throw fail('CLI_USAGE', { problem, verb: 'network' });
}

/** `netagent network validate`: exit code 1 if what must hold does not; comparisons only report. */
function validate(parsed: Parsed, output: Output): number {
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
