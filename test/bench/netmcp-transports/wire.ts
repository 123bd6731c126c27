import { type ChildProcess, execFileSync, fork, type SpawnOptions, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Two machines with a wire between them. */
export interface Lab {
  /** Where the server listens. */
  host: string;
  /** Whether delay and loss can be set. */
  wire: boolean;
  /** Round-trip delay in ms, and the share of packets that get lost each way. */
  set(rttMs: number, loss: number): Promise<void>;
  run(at: 'client' | 'server', program: string, args?: string[]): ChildProcess;
  close(): void;
}

const ip = (...args: string[]) => execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** Two network namespaces and packets that a program carries between them; on loopback where that is not allowed. */
export async function openLab(): Promise<Lab & { why: string }> {
  const names = { client: `netmcp-a-${process.pid}`, server: `netmcp-b-${process.pid}` };
  const remove = () => {
    for (const name of Object.values(names)) {
      try {
        ip('netns', 'del', name);
      } catch {
        // It was not made.
      }
    }
  };
  try {
    for (const name of Object.values(names)) ip('netns', 'add', name);
    const wire = spawn('python3', [join(import.meta.dirname, 'wire.py'), names.client, names.server], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const answers = createInterface({ input: wire.stdout })[Symbol.asyncIterator]();
    const failed = new Promise<never>((_, reject) => {
      wire.on('error', reject);
      wire.on('exit', (code) => reject(new Error(`the wire ended with ${code}`)));
    });
    failed.catch(() => {});
    await Promise.race([answers.next(), failed]);
    const addresses = { client: '10.90.0.1', server: '10.90.0.2' };
    for (const at of ['client', 'server'] as const) {
      ip('-n', names[at], 'link', 'set', 'lo', 'up');
      ip('-n', names[at], 'addr', 'add', `${addresses[at]}/24`, 'dev', 'wire');
      ip('-n', names[at], 'link', 'set', 'wire', 'up');
    }
    return {
      host: addresses.server,
      wire: true,
      why: 'two network namespaces, packets delayed and lost between them',
      async set(rttMs, loss) {
        wire.stdin.write(`${rttMs / 2} ${loss}\n`);
        await Promise.race([answers.next(), failed]);
      },
      run(at, program, args = []) {
        const options: SpawnOptions = { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] };
        return spawn('ip', ['netns', 'exec', names[at], process.execPath, program, ...args], options);
      },
      close() {
        wire.stdin.end();
        remove();
      },
    };
  } catch (error) {
    remove();
    return {
      host: '127.0.0.1',
      wire: false,
      why: `on loopback, without delay or loss: no network namespaces here (${String(error).split('\n')[0]})`,
      set: async () => {},
      run: (_, program, args = []) => fork(program, args),
      close() {},
    };
  }
}
