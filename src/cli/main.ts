#!/usr/bin/env node
import { NetAgentError } from '../errors.ts';
import { runAgents } from './agents.ts';
import { helpText, parseVerb } from './args.ts';
import { runAsk } from './ask.ts';
import { runChart } from './chart.ts';
import { runConformance } from './conformance.ts';
import { runCredential } from './credential.ts';
import { runKey } from './key.ts';
import { runNetwork } from './network.ts';
import { type Output, terminalOutput } from './output.ts';
import { runStart } from './start.ts';
import { runTools } from './tools.ts';
import { AGENTS, ASK, CHART, CONFORMANCE, CREDENTIAL, KEY, NETWORK, START, TOOLS, VERBS } from './verbs.ts';
import { runWorkflows } from './workflows/index.ts';
import { WORKFLOWS } from './workflows/verb.ts';

/**
 * The command line. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
 * No error reaches the user with a stack trace; `--log debug` writes it to the log.
 */
async function main(argv: string[]): Promise<number> {
  const output = terminalOutput({ json: argv.includes('--json') });
  const [name, ...rest] = argv;
  try {
    if (name === undefined || name === 'help' || name === '--help') {
      output.text(overview());
      return 0;
    }
    const verb = VERBS.find((candidate) => candidate.name === name);
    if (verb === undefined) {
      output.error({ code: 'CLI_USAGE', text: `Unknown verb ${JSON.stringify(name)}.`, hint: overview() });
      return 2;
    }
    const parsed = parseVerb(verb, rest);
    if (parsed.switches.has('help')) {
      output.text(helpText(verb));
      return 0;
    }
    if (verb === START) return await runStart(parsed, output);
    if (verb === ASK) return await runAsk(parsed, output);
    if (verb === AGENTS) return await runAgents(parsed, output);
    if (verb === TOOLS) return await runTools(parsed, output);
    if (verb === WORKFLOWS) return await runWorkflows(parsed, output);
    if (verb === CHART) return await runChart(parsed, output);
    if (verb === NETWORK) return await runNetwork(parsed, output);
    if (verb === CREDENTIAL) return await runCredential(parsed, output);
    if (verb === KEY) return await runKey(parsed, output);
    if (verb === CONFORMANCE) return await runConformance(parsed, output);
    return 2;
  } catch (error) {
    return failed(error, output);
  }
}

function failed(error: unknown, output: Output): number {
  if (error instanceof NetAgentError) {
    output.error({ code: error.code, text: error.message, hint: error.hint });
    return error.code === 'CLI_USAGE' ? 2 : 1;
  }
  output.error({
    code: 'INTERNAL',
    text: error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error),
    hint: 'This is a defect of netagent; run again with --log debug for the details.',
  });
  return 1;
}

function overview(): string {
  return [
    'netagent: agents that run a mobile network.',
    '',
    ...VERBS.map((verb) => `  ${verb.name.padEnd(13)}${verb.summary}`),
    '',
    'netagent VERB --help explains a verb.',
  ].join('\n');
}

// A reader that has seen enough (`| head`) closes the pipe: that is no error of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});
process.exitCode = await main(process.argv.slice(2));
