import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Whole runtimes and long simulations: begun last, one of them would keep the other workers waiting. */
const LONG =
  /\/test\/(scenario|conformance|netmcp\/conformance)\/|\/(hazards|receipts|anchor-death|simulation)\.test\.ts$/;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const long = (file: TestSpecification) => LONG.test(file.moduleId);
    return [...sorted.filter(long), ...sorted.filter((file) => !long(file))];
  }
}

/** Parts that keep nothing in their modules: a worker takes one file after the other, without starting anew. */
const PARTS = [
  'agents',
  'change',
  'explore',
  'intent',
  'knowledge',
  'machines',
  'network-sim',
  'nf',
  'toolization',
  'workflow',
].map((folder) => `test/${folder}/**/*.test.ts`);

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'parts', include: PARTS, isolate: false } },
      { extends: true, test: { name: 'whole', include: ['test/**/*.test.ts'], exclude: PARTS } },
    ],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongFirst },
    // Unhandled errors in a runtime of actors are defects, never noise.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
