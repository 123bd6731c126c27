import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { AnyStateMachine } from 'xstate';
import { checkMachine } from '../../src/testing/index.ts';
import { compileWorkflow, loadTemplates } from '../../src/workflow/index.ts';

const AGENTS = resolve(import.meta.dirname, '../../agents');
const templates = readdirSync(AGENTS, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('workflows'))
  .sort()
  .flatMap((folder) =>
    [...loadTemplates(join(AGENTS, folder)).values()].map(({ id, machine }) => ({ id, machine })),
  );

/** The machine and those of its inner scopes. */
function scopesOf(machine: AnyStateMachine): AnyStateMachine[] {
  const inner = Object.entries(machine.implementations.actors)
    .filter(([name]) => name.startsWith('scope '))
    .flatMap(([, actor]) => scopesOf(actor as AnyStateMachine));
  return [machine, ...inner];
}

const EVERYTHING = `
document: { dsl: 1.0.3, namespace: test, name: everything, version: 1.0.0 }
do:
  - when: { if: '\${ .go }', input: { from: '\${ .x }' }, set: { a: 1 }, output: { as: '\${ .a }' }, export: { as: '\${ . }' } }
  - choose: { switch: [{ one: { when: '\${ . == 1 }', then: pause } }, { other: { then: exit } }] }
  - pause: { wait: PT1S, output: { as: '\${ . }' } }
  - loop:
      for: { each: x, in: '\${ [1] }' }
      while: '\${ true }'
      do:
        - careful: { try: [{ call: { call: 'x:1.0.0@default' } }], catch: { as: e, do: [{ handle: { set: '\${ 1 }' } }] } }
        - blind: { try: [{ raise: { raise: { error: { type: 'urn:t', status: 500, title: t } } } }], catch: {} }
  - both: { fork: { branches: [{ left: { wait: PT1S } }, { right: { do: [{ stop: { set: '\${ 1 }', then: end } }] } }] } }
  - fin: { set: '\${ 1 }', then: end }`;

describe.each([...templates, { id: 'test/everything', machine: compileWorkflow(EVERYTHING).machine }])(
  'the workflow $id',
  ({ machine }) => {
    test('keeps the house rules for charts in each of its scopes', () => {
      for (const scope of scopesOf(machine)) expect(checkMachine(scope)).toEqual([]);
    });
  },
);

test('there are templates, and inner scopes are looked at', () => {
  expect(templates.length).toBeGreaterThan(10);
  expect(scopesOf(compileWorkflow(EVERYTHING).machine).length).toBe(8);
});

test('the pointer of each task is its place in the document', () => {
  const { document, tasks } = compileWorkflow(
    EVERYTHING.replace('careful', 'with/slash~tilde').replace('left', 'l.e.f.t'),
  );
  for (const [pointer, task] of tasks) {
    const found = pointer
      .split('/')
      .slice(1)
      .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((value, token) => (value as Record<string, unknown>)[token], document);
    expect(found, pointer).toBe(task.task);
  }
  expect([...tasks.keys()]).toContain('/do/4/both/fork/branches/1/right/do/0/stop');
});
