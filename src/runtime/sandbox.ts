import { Worker } from 'node:worker_threads';
import { fail } from '../errors.ts';
import type { Kpis, OpenSandbox, Parameters, Sandboxes, Scope } from '../explore/index.ts';
import type { WorldCopy } from '../network/index.ts';

type EvaluateOptions = Arguments<OpenSandbox['evaluate']>[1];
type Arguments<F> = F extends (...of: infer A) => unknown ? A : never;

export interface Evaluation {
  kind: 'evaluate';
  id: number;
  sandbox: number;
  parameters: Parameters;
  scope: Scope;
  seconds: number;
  seed: number;
  /** 1 in shared memory: it is not wanted any more. */
  stop: Int32Array;
}
export type SandboxRequest =
  | { kind: 'open'; sandbox: number; copy: WorldCopy }
  | { kind: 'close'; sandbox: number }
  | Evaluation;
export interface SandboxAnswer {
  id: number;
  kpis?: Kpis;
  problem?: string;
}

/** Longest future that one evaluation may run, s of network time. */
const MOST_SECONDS = 3_600;

interface Job {
  request: Evaluation;
  settle(answer: SandboxAnswer): void;
}

/**
 * Sandboxes on copies of a world: what is set there, nobody in the live network sees. All of them share one
 * worker thread, since a second of a world takes some ms to minutes of the runtime's event loop; it is
 * started by the first evaluation, and anew should it die.
 */
export function createSandboxes(copy: () => WorldCopy | undefined): Sandboxes & { close(): Promise<void> } {
  const copies = new Map<number, WorldCopy>();
  const jobs = new Map<number, Job>();
  let worker: Worker | undefined;
  let closed = false;
  let sandboxes = 0;
  let evaluations = 0;

  const failAll = (problem: string) => {
    for (const { request, settle } of [...jobs.values()]) settle({ id: request.id, problem });
  };
  function start(): Worker {
    const started = new Worker(new URL('./sandbox-worker.ts', import.meta.url));
    started.unref();
    started.on('message', (answer: SandboxAnswer) => jobs.get(answer.id)?.settle(answer));
    const lost = (problem: string) => {
      if (worker !== started) return;
      worker = undefined;
      failAll(problem);
    };
    started.on('error', (error) => lost(error.message));
    started.on('exit', (code) => lost(`its thread ended with ${code}`));
    for (const [sandbox, one] of copies) started.postMessage({ kind: 'open', sandbox, copy: one });
    return started;
  }
  const post = (request: SandboxRequest) => worker?.postMessage(request);

  function evaluate(sandbox: number, parameters: Parameters, options: EvaluateOptions): Promise<Kpis> {
    const { scope, seconds, seed, signal } = options;
    signal?.throwIfAborted();
    const refuse = (problem: string) => fail('EXPLORE_SANDBOX_FAILED', { problem });
    if (closed || !copies.has(sandbox)) throw refuse('it is closed');
    if (!(seconds > 0 && seconds <= MOST_SECONDS)) throw refuse(`${seconds} s are not 1 to ${MOST_SECONDS}`);
    evaluations++;
    const id = evaluations;
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const request: Evaluation = { kind: 'evaluate', id, sandbox, parameters, scope, seconds, seed, stop };
    return new Promise<Kpis>((resolve, reject) => {
      const end = () => {
        jobs.delete(id);
        signal?.removeEventListener('abort', abort);
      };
      const abort = () => {
        Atomics.store(stop, 0, 1);
        end();
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      jobs.set(id, {
        request,
        settle({ kpis, problem = 'it gave nothing' }) {
          Atomics.store(stop, 0, 1);
          end();
          if (kpis === undefined) reject(refuse(problem));
          else resolve(kpis);
        },
      });
      worker ??= start();
      post(request);
    });
  }

  return {
    open(): OpenSandbox {
      const present = copy();
      if (present === undefined) throw fail('EXPLORE_SANDBOX_NONE', {});
      sandboxes++;
      const sandbox = sandboxes;
      copies.set(sandbox, present);
      post({ kind: 'open', sandbox, copy: present });
      return {
        evaluate: async (parameters, options) => evaluate(sandbox, parameters, options),
        close() {
          copies.delete(sandbox);
          post({ kind: 'close', sandbox });
          for (const { request, settle } of [...jobs.values()]) {
            if (request.sandbox === sandbox) settle({ id: request.id, problem: 'it was closed' });
          }
        },
      };
    },
    async close() {
      closed = true;
      const last = worker;
      worker = undefined;
      failAll('it was closed');
      await last?.terminate();
    },
  };
}
