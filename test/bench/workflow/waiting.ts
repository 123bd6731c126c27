import { EventEmitter } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import { Engine } from 'bpmn-engine';
import { openStore } from '../../../src/durable/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import { createEngine } from '../../../src/workflow/index.ts';
import { waiting } from './ours.ts';
import { process as bpmn, step } from './yardsticks.ts';

/**
 * One process with instances that wait: `waiting.ts WHO start|restore DIR N`; one JSON line with what it took, and
 * the process ends as if it were killed.
 */
const [who, what, dir = '', count = ''] = process.argv.slice(2);
const n = Number(count);
const store = openStore({ dir });
const gc = (globalThis as unknown as { gc(): void }).gc;

async function ours() {
  const engine = createEngine({
    env: createEnv({ level: 'error' }),
    functions: { step: (input) => step(input as { n: number }) },
    ledger: store.workflows(),
  });
  const workflow = waiting();
  const paused = () =>
    engine.instances().filter(({ active }) => active.some((path) => path.includes('pause'))).length;
  return async () => {
    if (what === 'restore') await engine.recover();
    else await Promise.all(Array.from({ length: n }, (_, at) => engine.start(workflow, { n: at })));
    while (paused() < n) await after(20);
    await engine.idle();
    return engine;
  };
}

async function byHand() {
  const saved = store.collection<{ data: { n: number }; due: number }>('by-hand');
  const instance = async ({ data, due }: { data: { n: number }; due: number }) => {
    await after(due - Date.now(), undefined, { ref: false });
    await step(data);
  };
  return async () => {
    if (what === 'restore') return saved.list().map(({ value }) => instance(value));
    const done = await Promise.all(Array.from({ length: n }, (_, at) => step({ n: at })));
    const all = done.map((data) => ({ data, due: Date.now() + 3_600_000 }));
    store.transaction(() => {
      for (const [at, one] of all.entries()) saved.put(`i${at}`, one);
    });
    return all.map(instance);
  };
}

async function byBpmn() {
  const saved = store.collection<Awaited<ReturnType<Engine['getState']>>>('bpmn');
  const [definition] = await new Engine({ name: 'read', source: bpmn(1, 'PT1H') }).getDefinitions();
  const sourceContext = (definition as unknown as { context: { definitionContext: never } }).context
    .definitionContext;
  const services = {
    step: (_scope: unknown, next: (error: Error | null, result: unknown) => void) =>
      void step({ n: 0 }).then((data) => next(null, data)),
  };
  return async () => {
    const engines: Engine[] = [];
    if (what === 'restore') {
      for (const { id, value } of saved.list()) {
        const engine = new Engine({ name: id }).recover(value, { services } as never);
        await engine.resume();
        engines.push(engine);
      }
      return engines;
    }
    for (let at = 0; at < n; at += 1) {
      const engine = new Engine({ name: `i${at}`, sourceContext });
      const listener = new EventEmitter();
      const waits = new Promise((resolve) => listener.once('activity.timer', resolve));
      await engine.execute({ services, listener });
      await waits;
      saved.put(`i${at}`, await engine.getState());
      engines.push(engine);
    }
    return engines;
  };
}

const work = await { ours, byHand, byBpmn }[who as 'ours']();
gc();
const before = process.memoryUsage();
const began = performance.now();
const held = await work();
const ms = performance.now() - began;
gc();
const { heapUsed, rss } = process.memoryUsage();
process.stdout.write(
  `${JSON.stringify({ ms, heapEach: (heapUsed - before.heapUsed) / n, rssEach: (rss - before.rss) / n })}\n`,
  // What waits is held until here, or it would not be counted.
  () => process.kill(process.pid, held === undefined ? 'SIGTERM' : 'SIGKILL'),
);
