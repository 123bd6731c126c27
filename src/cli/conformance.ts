import { parseAgentId } from '../../broker/index.ts';
import { conformanceA2aMqtt, type Finding } from '../conformance/index.ts';
import { fail } from '../errors.ts';
import { conformanceNetMcp } from '../netmcp/index.ts';
import type { Parsed } from './args.ts';
import type { Output } from './output.ts';
import { argumentsOf } from './tools.ts';

const MARK = { pass: 'ok  ', fail: 'FAIL', skip: 'skip' } as const;

/** `netagent conformance a2a-mqtt|netmcp`: exit code 1 if a core check fails. */
export async function runConformance(parsed: Parsed, output: Output): Promise<number> {
  const [kit, ...more] = parsed.positionals;
  const run = KITS.get(kit ?? '');
  if (kit === undefined || run === undefined || more.length > 0) {
    throw fail('CLI_USAGE', { problem: 'Say which kit: a2a-mqtt or netmcp.', verb: 'conformance' });
  }
  const findings = await run(parsed, (finding) => {
    output.text(lineOf(finding));
    output.value({ type: 'finding', ...finding });
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

type Kit = (parsed: Parsed, onFinding: (finding: Finding) => void) => Promise<Finding[]>;

const KITS = new Map<string, Kit>([
  ['a2a-mqtt', a2aMqtt],
  ['netmcp', netMcp],
]);

function a2aMqtt({ values }: Parsed, onFinding: (finding: Finding) => void): Promise<Finding[]> {
  for (const name of ['agent', 'as']) {
    const id = values[name];
    if (id !== undefined && parseAgentId(id) === null) {
      throw fail('CLI_USAGE', {
        problem: `--${name} "${id}": org/unit/agent is needed.`,
        verb: 'conformance',
      });
    }
  }
  return conformanceA2aMqtt({
    broker: values.broker as string,
    agent: values.agent,
    as: values.as as string,
    text: values.text as string,
    patienceMs: Number(values.patience),
    onFinding,
  });
}

function netMcp({ values }: Parsed, onFinding: (finding: Finding) => void): Promise<Finding[]> {
  const { url, tool, only } = values;
  if (url === undefined || !/^https?:\/\//.test(url)) {
    throw fail('CLI_USAGE', {
      problem: '--url: the MCP endpoint of a server is needed.',
      verb: 'conformance',
    });
  }
  return conformanceNetMcp({
    url,
    token: values.token,
    only: only?.split(',').map((name) => name.trim()),
    patienceMs: Number(values.patience),
    onFinding,
    ...(tool === undefined ? {} : { sample: { tool, args: argumentsOf(values.args as string) } }),
  });
}
