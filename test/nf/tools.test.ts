import { expect, test } from 'vitest';
import { ALL, operator } from './curated.ts';
import { operationScenarios } from './scenarios-operation.ts';
import { serviceScenarios } from './scenarios-service.ts';

const scenarios = [...serviceScenarios, ...operationScenarios];

test.each(scenarios.map((one) => [one.title, one] as const))('%s', async (_, { tools, run }) => {
  const world = await operator();
  await run(world);
  expect([...world.used]).toEqual(expect.arrayContaining(tools));
  expect(world.env.errors).toEqual([]);
});

test('every tool that ships is called above', () => {
  const called = scenarios.flatMap(({ tools }) => tools);
  expect([...new Set(called)].sort()).toEqual(ALL.map(({ name }) => name).sort());
});
