import { parentPort } from 'node:worker_threads';
import jqReady from 'jq-web';

interface Program {
  text: string;
  variables: readonly string[];
}

interface Request {
  id: number;
  expression: string;
  data: unknown;
  variables: Record<string, unknown>;
  /** In place of the others: programs to compile and not to run. */
  programs?: Program[];
}

interface Jq {
  raw(input: string, program: string, flags?: string[]): string;
}

const jq = (await jqReady) as unknown as Jq;

parentPort?.on('message', ({ id, expression, data, variables, programs }: Request) => {
  // From here on its time counts; the load of this thread and the turn of others before do not.
  parentPort?.postMessage({ id, begun: true });
  try {
    const value = programs === undefined ? run(expression, data, variables) : compile(programs);
    parentPort?.postMessage({ id, value });
  } catch (error) {
    parentPort?.postMessage({ id, problem: problemOf(error) });
  }
});

function problemOf(error: unknown): string {
  const lines = (error instanceof Error ? error.message : String(error)).split('\n');
  return (
    lines.find((line) => line.startsWith('jq: error'))?.replace(/^jq: error(?: \([^)]*\))?: /, '') ??
    lines[0] ??
    ''
  );
}

/** What keeps each program from being one; null: nothing. All at once, and one by one only where one is wrong. */
function compile(programs: Program[]): Array<string | null> {
  try {
    check(programs);
    return programs.map(() => null);
  } catch (error) {
    if (programs.length > 1) return programs.flatMap((one) => compile([one]));
    const problem = problemOf(error)
      .replace(/ at <top-level>.*$/, '')
      .replace(' (Unix shell quoting issues?)', '');
    return [problem];
  }
}

function check(programs: Program[]): void {
  const all = programs.map(({ text, variables }) => {
    const bind = variables.map((name) => `null as $${name} | `).join('');
    return `(${bind}(${text}\n))`;
  });
  jq.raw('null', `if false then [${all.join(',')}] else 0 end`, ['-c']);
}

/**
 * Variables are bound by a prefix of the program; their values come with the input, never as program text. The line ends
 * behind the expression: it may end in a comment.
 */
function run(expression: string, data: unknown, variables: Record<string, unknown>): unknown {
  const names = Object.keys(variables).filter((name) => /^[A-Za-z_]\w*$/.test(name));
  const bind = names.map((name) => `$__v["${name}"] as $${name} | `).join('');
  const program = `.v as $__v | ${bind}.i | [(${expression}\n)] | if length == 1 then .[0] else error("\\(length) outputs, one is required") end`;
  const output = jq.raw(JSON.stringify({ i: data, v: variables }), program, ['-c']);
  if (output === undefined || output.trim() === '') throw new Error('no output');
  return JSON.parse(output);
}
