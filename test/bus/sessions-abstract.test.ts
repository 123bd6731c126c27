import assert from 'node:assert';
import { createRequire } from 'node:module';
import { test } from 'vitest';
import { persistenceOf } from '../../broker/embedded/persistence.ts';
import { Sessions } from '../../broker/embedded/sessions.ts';
import { env } from './support.ts';

/** The tests that `aedes-persistence` brings for every persistence, on ours. */

type Case = (context: { assert: typeof assert; plan(n: number): void; diagnostic(): void }) => Promise<void>;

const abstract = createRequire(createRequire(import.meta.url).resolve('aedes'))('aedes-persistence/abstract');

abstract({
  testAsync: true,
  test: (name: string, run: Case) =>
    test(name, () => run({ assert, plan: () => undefined, diagnostic: () => undefined })),
  persistence: async () => {
    const limits = { maxQueuedMessages: 100_000, maxQueuedBytes: 1e9 };
    return persistenceOf({ sessions: new Sessions({ clock: env.clock, limits }) });
  },
});
