import { fail } from '../errors.ts';
import { type NetworkCheck, runNetworkValidation } from '../runtime/network-validation.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { clearFault, injectFault, networkOf } from './running.ts';
import { table } from './table.ts';
import { listWorlds, runWorldVerb } from './worlds.ts';

/** `netagent network`: what the first word says. */
export function runNetwork(parsed: Parsed, output: Output): number | Promise<number> {
  const [what, ...more] = parsed.positionals;
  if (what === 'validate' && more.length === 0) return validate(parsed, output);
  if (what === 'worlds' && more.length === 0) return listWorlds(output);
  if (what === 'run' && more.length === 1) return runWorldVerb(more[0] as string, parsed, output);
  if (what === 'show' && more.length === 0) return show(parsed, output);
  if (what === 'fault' && more.length > 0) return inject(more, parsed, output);
  if (what === 'clear' && more.length === 1) return clear(more[0] as string, parsed, output);
  const problem =
    'Say what to do with the network: validate, worlds, run WORLD, show, fault KIND NAME=VALUE..., or clear ID.';
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

/** `netagent network show`: where the functions of a running network are, and what is broken. */
async function show({ values }: Parsed, output: Output): Promise<number> {
  const network = await networkOf(values.to as string);
  output.value(network);
  output.text(
    table(['function', 'API root (HTTP/2 with prior knowledge)'], Object.entries(network.functions)),
  );
  output.text(
    network.faults.length === 0
      ? '\nNothing is broken on purpose.'
      : `\n${table(
          ['fault', 'kind', 'of'],
          network.faults.map(({ id, kind, ...of }) => [id, kind, JSON.stringify(of)]),
        )}`,
  );
  return 0;
}

/** `netagent network fault link-cut link=link-central-shanghai`: numbers are read as such, `{...}` as JSON. */
async function inject([kind, ...pairs]: string[], { values }: Parsed, output: Output): Promise<number> {
  const fields = pairs.map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw fail('CLI_USAGE', { problem: `${pair} is not NAME=VALUE.`, verb: 'network' });
    const text = pair.slice(at + 1);
    return [pair.slice(0, at), /^-?\d+(\.\d+)?$|^\{/.test(text) ? parsed(text) : text] as const;
  });
  const made = await injectFault(values.to as string, { kind, ...Object.fromEntries(fields) });
  output.value(made);
  output.text(`${made.kind} is there as ${made.id}; netagent network clear ${made.id} takes it back.`);
  return 0;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fail('CLI_USAGE', { problem: `${text} is no JSON.`, verb: 'network' });
  }
}

async function clear(id: string, { values }: Parsed, output: Output): Promise<number> {
  await clearFault(values.to as string, id);
  output.value({ id, cleared: true });
  output.text(`${id} is cleared.`);
  return 0;
}
