import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunPolicy, type RunProcess, standardError } from '../../workflow/index.ts';

/** Bytes of output that are kept of a process, each way. */
const MAX_OUTPUT = 1_000_000;
/**
 * What a script runs with. Of the files of the host, JavaScript may read its own and write none, and it starts nothing;
 * its network is open, as is everything to a Python script, which only ignores the settings of its host.
 */
const SCRIPTS: Record<string, (file: string) => [string, ...string[]]> = {
  js: (file) => [process.execPath, '--permission', `--allow-fs-read=${file}`, '--no-warnings', file],
  python: (file) => ['python3', '-I', file],
};
/** Settings of the interpreter and the loader: with them a document would lift the limits of its script. */
const LOADER = /^(NODE_|LD_|DYLD_|OPENSSL_)/i;
const EXTENSIONS: Record<string, string> = { js: 'mjs', python: 'py' };

/**
 * Runs scripts and shell commands, as far as the operator allows them. A process gets the environment of the document
 * and a path, nothing of the runtime's; it is killed when its task is left.
 */
export function createProcesses(policy: RunPolicy): RunProcess {
  return async ({ script, shell }, { signal }) => {
    if (shell !== undefined) {
      if (policy.shell !== true) throw refused('Shell commands');
      return run(['/bin/sh', '-c', shell.command, 'sh', ...(shell.arguments ?? [])], shell, signal);
    }
    const language = (script?.language ?? '').toLowerCase().replace(/^(javascript|ecmascript)$/, 'js');
    const command = SCRIPTS[language];
    if (script === undefined || command === undefined || !(policy.scripts ?? []).includes(language)) {
      throw refused(`Scripts in ${language}`);
    }
    const lifted = Object.keys(script.environment ?? {}).find((name) => LOADER.test(name));
    if (lifted !== undefined) throw refused(`Scripts with ${lifted}`);
    const folder = await mkdtemp(join(tmpdir(), 'netagent-script-'));
    try {
      const file = join(folder, `script.${EXTENSIONS[language]}`);
      await writeFile(file, script.code ?? '', { mode: 0o600 });
      return await run([...command(file), ...(script.arguments ?? [])], script, signal);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
}

/** What an expression gave for an argument, as a process can take it. */
const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value ?? null);

const refused = (what: string) => standardError('authorization', `${what} are off here.`);

function run(
  [program, ...args]: [string, ...string[]],
  {
    stdin,
    environment = {},
  }: { stdin?: string | undefined; environment?: Record<string, unknown> | undefined },
  signal: AbortSignal,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve, reject) => {
    // It may have been left while its arguments or its file were made.
    signal.throwIfAborted();
    const env = Object.fromEntries(Object.entries(environment).map(([name, value]) => [name, String(value)]));
    // A group of its own: what the process starts ends with it.
    const child = spawn(program, args.map(textOf), {
      env: { PATH: process.env.PATH, ...env },
      detached: true,
    });
    child.on('error', (error) =>
      reject(standardError('runtime', `${program} does not start.`, { detail: error.message })),
    );
    const kept = { stdout: '', stderr: '' };
    const end = () => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const left = () => {
      end();
      // What left the group may hold the pipes open: it is not waited for.
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', left, { once: true });
    child.on('exit', end);
    for (const way of ['stdout', 'stderr'] as const) {
      child[way].setEncoding('utf8').on('data', (text: string) => {
        if (kept[way].length + text.length <= MAX_OUTPUT) kept[way] += text;
        else end();
      });
    }
    child.on('close', (code) => {
      signal.removeEventListener('abort', left);
      resolve({ code: code ?? 137, ...kept });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(stdin ?? '');
  });
}
