import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { type AnyStateMachine, createMachine, StateMachine } from 'xstate';
import { CATALOG } from '../../machines/catalog.ts';
import { checkMachine, walk } from '../../src/testing/index.ts';

const ROOT = resolve(import.meta.dirname, '../../machines');
const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.machine.ts'),
);

async function machinesOf(file: string): Promise<AnyStateMachine[]> {
  const exports = (await import(pathToFileURL(join(ROOT, file)).href)) as Record<string, unknown>;
  return Object.values(exports).filter((value): value is AnyStateMachine => value instanceof StateMachine);
}

describe.each(files)('%s', (file) => {
  test('keeps the house rules for charts', async () => {
    const machines = await machinesOf(file);
    expect(machines).not.toEqual([]);
    for (const machine of machines) expect(checkMachine(machine)).toEqual([]);
  });

  test('is in the catalogue', async () => {
    for (const machine of await machinesOf(file)) {
      expect(Object.values(CATALOG).map((entry) => entry.machine)).toContain(machine);
    }
  });
});

test('each id of the catalogue is used once', () => {
  const ids = Object.values(CATALOG).map(({ machine }) => machine.id);
  expect(new Set(ids).size).toBe(ids.length);
});

test('the rules find what they are for', () => {
  const bad = createMachine({
    id: 'bad',
    initial: 'a',
    states: {
      a: { entry: () => undefined, after: { 500: 'b' }, on: { GO: { target: 'b', guard: 'missing' } } },
      b: { invoke: { src: 'gone', id: 'gone', onDone: 'a' } },
      c: {},
    },
  });
  expect(checkMachine(bad)).toEqual([
    'bad.a: an inline one among its actions',
    'bad.a|xstate.after.500.bad.a|0: an inline one among its delays',
    'bad: guards "missing" is not provided',
    'bad: actors "gone" is not provided',
    'bad: no description',
    'bad.a: no description',
    'bad.b: no description',
    'bad.b: may wait for ever; it needs a timer or a cancel',
    'bad.c: no description',
    'bad.c: cannot be left',
    'bad.b: the invoke "gone" has no onError',
    'bad.c: cannot be reached',
    'bad: no maxIterations',
    "bad: the root does not count events that nothing takes ('*')",
  ]);
});

test('a walk sees every kind of edge', () => {
  const kinds = new Set(
    Object.values(CATALOG).flatMap(({ machine }) => walk(machine).edges.map(({ kind }) => kind)),
  );
  expect([...kinds].sort()).toEqual(['always', 'any', 'done', 'error', 'event', 'timer']);
});
