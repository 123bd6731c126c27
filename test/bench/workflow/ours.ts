import type { Store } from '../../../src/durable/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import { compileWorkflow, createEngine } from '../../../src/workflow/index.ts';
import { step } from './yardsticks.ts';

const identity = (name: string) => ({ dsl: '1.0.3', namespace: 'bench', name, version: '1.0.0' });

/** The steps as calls of one function, one after the other; with a store, every step is kept before the next begins. */
export function byOurs(steps: number, store?: Store) {
  const engine = createEngine({
    env: createEnv({ level: 'error' }),
    functions: { step: (input) => step(input as { n: number }) },
    ...(store && { ledger: store.workflows() }),
  });
  const workflow = compileWorkflow({
    document: identity('steps'),
    do: Array.from({ length: steps }, (_, n) => ({
      [`step${n}`]: { call: 'step:1.0.0@default', with: { n: `\${ .n }` } },
    })),
  });
  return {
    async ask() {
      const { output } = await engine.run(workflow, { n: 0 });
      if ((output as { n: number }).n !== steps) throw new Error(`ours: ${JSON.stringify(output)}`);
    },
    close: () => engine.close(),
  };
}

/** A workflow that has done something and waits. */
export const waiting = () =>
  compileWorkflow({
    document: identity('waiting'),
    do: [
      { ask: { call: 'step:1.0.0@default', with: { n: `\${ .n }` } } },
      { pause: { wait: { hours: 1 } } },
      { after: { call: 'step:1.0.0@default', with: { n: `\${ .n }` } } },
    ],
  });
