import { parseAgentId } from '../../broker/index.ts';
import { conformanceA2aMqtt, type Finding } from '../conformance/index.ts';
import { fail } from '../errors.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';

const MARK = { pass: 'ok  ', fail: 'FAIL', skip: 'skip' } as const;

/** `netagent conformance a2a-mqtt`: exit code 1 if a core check fails. */
export async function runConformance({ values, positionals }: Parsed, output: Output): Promise<number> {
  const [kit, ...more] = positionals;
  if (kit !== 'a2a-mqtt' || more.length > 0) {
    throw fail('CLI_USAGE', { problem: 'Say which kit: a2a-mqtt.', verb: 'conformance' });
  }
  for (const name of ['agent', 'as']) {
    const id = values[name];
    if (id !== undefined && parseAgentId(id) === null) {
      throw fail('CLI_USAGE', {
        problem: `--${name} "${id}": org/unit/agent is needed.`,
        verb: 'conformance',
      });
    }
  }
  const findings = await conformanceA2aMqtt({
    broker: values.broker as string,
    agent: values.agent,
    as: values.as as string,
    text: values.text as string,
    patienceMs: Number(values.patience),
    onFinding: (finding) => {
      output.text(lineOf(finding));
      output.value({ type: 'finding', ...finding });
    },
  });
  const count = (outcome: Finding['outcome']) => findings.filter((one) => one.outcome === outcome).length;
  const failedCore = findings.filter(({ outcome, level }) => outcome === 'fail' && level === 'core').length;
  output.text(`\n${count('pass')} pass, ${count('fail')} fail, ${count('skip')} do not apply.`);
  output.value({
    type: 'result',
    kit,
    conformant: failedCore === 0,
    pass: count('pass'),
    fail: count('fail'),
    skip: count('skip'),
  });
  return failedCore === 0 ? 0 : 1;
}

function lineOf({ outcome, id, level, says, detail }: Finding): string {
  const extra = level === 'core' ? '' : ` (${level})`;
  const reason = detail === '' ? '' : `\n       ${detail}`;
  return `${MARK[outcome]}  ${id.padEnd(26)}${extra} ${says}${reason}`;
}
