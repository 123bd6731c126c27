import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

/** Stretches the time of each call, for machines where others work too. */
export const SCALE = Number(process.env.SCALE ?? 1);

/** Places and time a call, so capacity in calls a second, of the eight servers. */
export const SERVERS = [
  { id: 's1', parallel: 1, serviceMs: 300 },
  { id: 's2', parallel: 1, serviceMs: 300 },
  { id: 's3', parallel: 2, serviceMs: 400 },
  { id: 's4', parallel: 2, serviceMs: 300 },
  { id: 's5', parallel: 3, serviceMs: 400 },
  { id: 's6', parallel: 4, serviceMs: 400 },
  { id: 's7', parallel: 4, serviceMs: 300 },
  { id: 's8', parallel: 6, serviceMs: 300 },
] as const;
const QUEUE = 16;

/** Who is slow by which factor in which part of a run. */
export const CHANGES = [
  { at: 0.2, id: 's8', slow: 4 },
  { at: 0.45, id: 's8', slow: 1 },
  { at: 0.45, id: 's6', slow: 5 },
  { at: 0.7, id: 's6', slow: 1 },
  { at: 0.7, id: 's4', slow: 8 },
  { at: 0.9, id: 's4', slow: 1 },
] as const;

export interface Fleet {
  tell(id: string, message: object): void;
  kill(id: string): void;
  start(id: string): Promise<void>;
  close(): void;
}

export async function startFleet(management: string[]): Promise<Fleet> {
  const running = new Map<string, ChildProcess>();
  const start = (id: string) =>
    new Promise<void>((resolve, reject) => {
      const one = SERVERS.find((server) => server.id === id);
      const child = fork(
        join(import.meta.dirname, 'server.ts'),
        [
          JSON.stringify({
            ...one,
            serviceMs: (one?.serviceMs ?? 0) * SCALE,
            queue: QUEUE,
            management,
          }),
        ],
        { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
      );
      running.set(id, child);
      child.once('message', () => resolve());
      child.once('exit', (code) => reject(new Error(`${id} ended with ${code}`)));
    });
  // Two at a time: they start on few cores.
  for (let i = 0; i < SERVERS.length; i += 2)
    await Promise.all(SERVERS.slice(i, i + 2).map(({ id }) => start(id)));
  return {
    tell(id, message) {
      const child = running.get(id);
      if (child?.connected) child.send(message);
    },
    kill: (id) => void running.get(id)?.kill('SIGKILL'),
    start,
    close() {
      for (const child of running.values()) child.kill('SIGKILL');
    },
  };
}
