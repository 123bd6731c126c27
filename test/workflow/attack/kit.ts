import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '../../../src/durable/index.ts';
import {
  compileWorkflow,
  createEngine,
  createEventBus,
  type EngineOptions,
  type WorkflowEngine,
  type WorkflowLedger,
} from '../../../src/workflow/index.ts';
import { settle, simulatedClock, testEnv } from '../kit.ts';

/** A document of these tasks, with parts beside them. */
export const workflow = (body: string, parts = '') =>
  compileWorkflow(
    `document: { dsl: 1.0.3, namespace: test, name: attacked, version: 1.0.0 }\n${parts}\ndo:\n${body}`,
  );

export const act = (name: string) => `{ call: 'act:1.0.0@default', with: { name: ${name} } }`;

/** An engine over a store of its own, with a disk that can fail and a function `act` that keeps its keys. */
export function bench(more: Partial<EngineOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'netagent-attack-'));
  const clock = simulatedClock();
  const env = more.env ?? { ...testEnv(), clock };
  const kept: { store: Store; engine: WorkflowEngine } = {} as never;
  const calls: Array<{ name: unknown; key: string }> = [];
  const disk = { fails: false };
  const open = () => {
    kept.store = openStore({ dir, durability: 'write' });
    const ledger = kept.store.workflows();
    const failing: WorkflowLedger = {
      ...ledger,
      commit(changes) {
        if (disk.fails) throw new Error('no space left');
        ledger.commit(changes);
      },
    };
    kept.engine = createEngine({
      env,
      clock,
      events: createEventBus({ log: env.log }),
      ledger: failing,
      ...more,
      functions: {
        act: async (input, { idempotencyKey }) => {
          const { name } = input as { name: unknown };
          calls.push({ name, key: idempotencyKey });
          return { done: name };
        },
        ...more.functions,
      },
    });
  };
  open();
  return {
    kept,
    calls,
    clock,
    disk,
    /** The engine of the next process over the same store. */
    async again() {
      await kept.engine.close();
      kept.store.close();
      open();
    },
    async turns(count = 12) {
      for (let turn = 0; turn < count; turn += 1) await settle();
    },
    async end() {
      await kept.engine.close();
      kept.store.close();
      rmSync(dir, { recursive: true });
    },
  };
}

/** `depth` arrays inside each other. */
export const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
