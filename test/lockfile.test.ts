import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

interface Entry {
  version?: string;
  resolved?: string;
  optionalDependencies?: Record<string, string>;
}

const lock = JSON.parse(readFileSync(resolve(import.meta.dirname, '../package-lock.json'), 'utf8')) as {
  packages: Record<string, Entry>;
};

// npm leaves out an optional package that the registry it asked does not serve, and `npm ci` then refuses
// the whole file. The binary of every platform must be named, whether or not it was to be had.
test('the lock file names the package of every platform, so that npm ci takes it anywhere', () => {
  const missing = Object.entries(lock.packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) =>
        !(`node_modules/${name}` in lock.packages) && !(`${path}/node_modules/${name}` in lock.packages),
    ),
  );
  expect(missing).toEqual([]);
});

test('the lock file names no host', () => {
  expect(Object.values(lock.packages).filter(({ resolved }) => resolved?.startsWith('http'))).toEqual([]);
});

test('aedes and xstate are pinned: the guard and the actor host lean on their insides', () => {
  expect(lock.packages['node_modules/aedes']?.version).toBe('2.0.0-beta.1');
  expect(lock.packages['node_modules/xstate']?.version).toMatch(/^5\.33\./);
});
