import { parentPort } from 'node:worker_threads';
import { WhatIf } from '../network/worlds/index.ts';
import type { SandboxAnswer, SandboxRequest } from './sandbox.ts';

/** Runs the futures of copied networks off the event loop of the runtime, one after the other. */
const copies = new Map<number, WhatIf>();
const port = parentPort;

port?.on('message', (request: SandboxRequest) => {
  if (request.kind === 'open') return void copies.set(request.sandbox, new WhatIf(request.copy));
  if (request.kind === 'close') return void copies.delete(request.sandbox);
  const { id, sandbox, parameters, scope, seconds, seed, stop } = request;
  const stopped = () => Atomics.load(stop, 0) === 1;
  const answer = (rest: Omit<SandboxAnswer, 'id'>) => port.postMessage({ id, ...rest });
  try {
    const kpis = stopped()
      ? null
      : (copies.get(sandbox)?.evaluate(parameters, scope, { seconds, seed, stopped }) ?? null);
    answer(kpis === null ? { problem: 'it was stopped' } : { kpis });
  } catch (error) {
    answer({ problem: error instanceof Error ? error.message : String(error) });
  }
});
