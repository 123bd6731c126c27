import { afterAll, beforeAll, expect, test } from 'vitest';
import { createEvaluator, type Evaluator } from '../../../src/workflow/index.ts';
import { testEnv } from '../kit.ts';
import { nested } from './kit.ts';

let evaluator: Evaluator;
beforeAll(() => {
  evaluator = createEvaluator({ clock: testEnv().clock });
});
afterAll(() => evaluator.close());

const of = (id: string) => ({ workflow: { id } });

test('one instance that asks for much has the others wait for one expression, not for all', async () => {
  const ended: string[] = [];
  const many = Array.from({ length: 200 }, (_, index) =>
    evaluator.evaluate(`${index} + 0`, null, of('greedy')).then(() => ended.push('greedy')),
  );
  await evaluator.evaluate('1 + 1', null, of('modest'));
  expect(ended.length).toBeLessThan(10);
  await Promise.all(many);
});

test('data that no worker takes fail alone', async () => {
  const problem = { code: 'WORKFLOW_EXPRESSION' };
  const beside = evaluator.evaluate('1 + 1', null, {});
  await expect(evaluator.evaluate('. | length', { fn() {} }, {})).rejects.toMatchObject(problem);
  await expect(evaluator.evaluate('. | length', nested(20_000), {})).rejects.toMatchObject(problem);
  expect(await beside).toBe(2);
});

test('an endless one does not fail those that wait', { timeout: 20_000 }, async () => {
  const endless = evaluator.evaluate('[limit(1; repeat(1) | select(. == 2))]', null, of('a'));
  const others = Promise.all([1, 2, 3].map((n) => evaluator.evaluate(`${n} + 0`, null, of('b'))));
  await expect(endless).rejects.toMatchObject({ code: 'WORKFLOW_EXPRESSION' });
  expect(await others).toEqual([1, 2, 3]);
});

test('what aborts jq leaves the next one whole', async () => {
  await expect(evaluator.evaluate('.[1e9] = 1 | length', null, {})).rejects.toThrow();
  expect(await evaluator.evaluate('halt // 1', null, {}).catch(() => 'halted')).toBe('halted');
  expect(await evaluator.evaluate('1 + 1 # a comment', null, {})).toBe(2);
});

test('a close answers everybody who waits', async () => {
  const own = createEvaluator({ clock: testEnv().clock });
  const all = Promise.allSettled([1, 2, 3, 4, 5].map((n) => own.evaluate(`${n} + 0`, null, {})));
  await own.close();
  expect((await all).every(({ status }) => status === 'rejected')).toBe(true);
});
