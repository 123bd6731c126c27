import { expect, test } from 'vitest';
import { compileWorkflow, createEngine } from '../../src/workflow/index.ts';
import { settle, simulatedClock, testEnv } from './kit.ts';

const document = (name: string, body: string) =>
  compileWorkflow(`document: { dsl: 1.0.3, namespace: test, name: ${name}, version: 1.0.0 }\ndo:\n${body}`);

test('who waits for another workflow, or for a human, does not hold time', async () => {
  const clock = simulatedClock();
  const child = document('child', '  - pause: { wait: PT10S }');
  const parent = document(
    'parent',
    `  - sub: { run: { workflow: { namespace: test, name: child, version: latest } } }
  - ask: { call: 'human:1.0.0@default' }`,
  );
  let answer = () => {};
  const active = new Map<string, number>();
  const engine = createEngine({
    env: testEnv(),
    clock,
    workflows: () => child,
    functions: {
      human: (_, { waiting = (work) => work() }) =>
        waiting(
          () =>
            new Promise<string>((resolve) => {
              answer = () => resolve('yes');
            }),
        ),
    },
    options: (id) => ({
      meta: {
        activity: {
          begin: () => void active.set(id, (active.get(id) ?? 0) + 1),
          end: () => void active.set(id, (active.get(id) ?? 0) - 1),
          idle: () => {
            active.set(id, (active.get(id) ?? 0) - 1);
            return () => void active.set(id, (active.get(id) ?? 0) + 1);
          },
        },
      },
    }),
  });
  const turns = async () => {
    for (let turn = 0; turn < 10; turn += 1) await settle();
  };
  const run = engine.run(parent, {}, { id: 'parent' });
  await turns();
  expect([...active.values()]).toEqual([0, 0]);
  expect(engine.show('parent')?.status).toBe('waiting');
  clock.increment(10_000);
  await turns();
  expect([...active.values()]).toEqual([0, 0]);
  expect(engine.show('parent')?.active).toEqual(['/do/1/ask']);
  answer();
  expect(await run).toEqual({ output: 'yes' });
  await turns();
  expect([...active.values()]).toEqual([0, 0]);
  await engine.close();
});
