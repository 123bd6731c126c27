import { parentPort } from 'node:worker_threads';
import jqReady from 'jq-web';

interface Request {
  id: number;
  expression: string;
  data: unknown;
  variables: Record<string, unknown>;
}

interface Jq {
  raw(input: string, program: string, flags?: string[]): string;
}

const jq = (await jqReady) as unknown as Jq;

parentPort?.on('message', ({ id, expression, data, variables }: Request) => {
  // From here on its time counts; the load of this thread and the turn of others before do not.
  parentPort?.postMessage({ id, begun: true });
  try {
    parentPort?.postMessage({ id, value: run(expression, data, variables) });
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).split('\n');
    const problem =
      lines.find((line) => line.startsWith('jq: error'))?.replace(/^jq: error(?: \([^)]*\))?: /, '') ??
      lines[0];
    parentPort?.postMessage({ id, problem });
  }
});

/** The line ends behind the expression: it may end in a comment. Variables are bound by a prefix of the program; their values come with the input, never as program text. */
function run(expression: string, data: unknown, variables: Record<string, unknown>): unknown {
  const names = Object.keys(variables).filter((name) => /^[A-Za-z_]\w*$/.test(name));
  const bind = names.map((name) => `$__v["${name}"] as $${name} | `).join('');
  const program = `.v as $__v | ${bind}.i | [(${expression}\n)] | if length == 1 then .[0] else error("\\(length) outputs, one is required") end`;
  const output = jq.raw(JSON.stringify({ i: data, v: variables }), program, ['-c']);
  if (output === undefined || output.trim() === '') throw new Error('no output');
  return JSON.parse(output);
}
