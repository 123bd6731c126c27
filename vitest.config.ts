import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    pool: 'forks',
    maxWorkers: 2,
    // Unhandled errors in a runtime of actors are defects, never noise.
    dangerouslyIgnoreUnhandledErrors: false,
  },
});
