import { expect, test } from 'vitest';
import { toolLifeMachine } from '../../machines/protocols/tool-life.machine.ts';
import { runModel } from '../../src/testing/index.ts';
import { lifeModel } from '../netmcp/support/life-model.ts';

test('toolLife: every transition of the chart, on a live actor', async () => {
  const report = await runModel(toolLifeMachine, lifeModel);
  expect(report.uncovered).toEqual([]);
  expect(report.paths).toBeGreaterThan(50);
});
