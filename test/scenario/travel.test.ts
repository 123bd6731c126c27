import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Outcome } from '../../src/runtime/outcome.ts';
import { freshDataDir, lines, NOW, ROOT, runCli, SENTENCE, withoutTimes } from './run-cli.ts';

const run = (data: string, ...more: string[]) =>
  runCli([
    'start',
    '--once',
    '--json',
    '--seed',
    '1',
    '--now',
    NOW,
    '--timezone',
    'Asia/Shanghai',
    '--data',
    data,
    // What survives a loss of power is tested elsewhere; here it only costs time.
    '--durability',
    'write',
    '--ask',
    SENTENCE,
    ...more,
  ]);

const resultOf = (stdout: Array<Record<string, unknown>>) =>
  stdout.at(-1) as unknown as Outcome & { type: string };

describe('the journey to Shanghai', () => {
  test('one sentence is understood, planned, prepared, watched and reviewed; it repeats; it learns', {
    timeout: 240_000,
  }, async () => {
    const data = freshDataDir();
    const [first, again] = await Promise.all([run(data), run(freshDataDir())]);
    expect(first.stderr).toBe('');
    expect(first.code).toBe(0);
    const outcome = resultOf(lines(first));
    expect(outcome.type).toBe('result');

    // Every layer did its part, over its protocol.
    expect(outcome.plan.template).toBe('travel-assurance');
    expect(outcome.plan.steps.length).toBeGreaterThan(3);
    expect(outcome.plan.steps.every(({ state }) => state === 'done')).toBe(true);
    const agents = new Set(outcome.actions.map(({ agent }) => agent));
    for (const agent of ['ran', 'core', 'transport']) expect(agents).toContain(agent);
    for (const { tool, server, chain } of outcome.actions) {
      expect(tool).toMatch(/^(ran|core|transport|compute)_/);
      expect(server).not.toBe('');
      expect(chain.length).toBeGreaterThan(0);
      for (const link of chain) {
        expect(link).toMatchObject({ nf: expect.any(String), operation: expect.any(String) });
        expect(link.status).toBeLessThan(500);
      }
    }

    // Each of the three emergency measures of the paper really triggers in this run.
    const measures = new Set(outcome.measures.map(({ measure }) => measure));
    expect([...measures]).toEqual(
      expect.arrayContaining(['standby-network', 'qos-priority', 'proactive-notice']),
    );

    // Better than the same seed without assurance, at a bounded price for the others.
    const quality = outcome.quality as NonNullable<Outcome['quality']>;
    expect(quality.assured.secondsMet).toBeGreaterThan(quality.unassured.secondsMet);
    expect(outcome.harm?.othersMedianRateChange).toBeGreaterThan(-0.03);
    expect(outcome.plan.lessons).toEqual([]);
    expect(outcome.knowledge.learned.length).toBeGreaterThan(0);

    // Same seed, same result, byte for byte, times aside.
    expect(withoutTimes(again)).toBe(withoutTimes(first));

    // The second trip of the same traveller plans differently, and says why.
    const second = resultOf(lines(await run(data)));
    expect(second.plan.lessons.length).toBeGreaterThan(0);
    expect(second.knowledge.applied.length).toBeGreaterThan(0);
    expect(second.plan.steps).not.toEqual(outcome.plan.steps);
  });

  const traces = ['driving-download-8cells.csv', 'driving-download-weak-coverage.csv'].map((name) => ({
    name,
    file: resolve(ROOT, '../shared/data/radio/ucc-5g-ireland', name),
  }));
  test.for(traces)(
    'a measured drive, $name, is assured better than not',
    { timeout: 240_000 },
    async ({ file }, context) => {
      if (!existsSync(file)) return context.skip('the measured drive is not beside this checkout');
      const replay = await run(freshDataDir(), '--trace', file);
      expect(replay.code).toBe(0);
      const { quality } = resultOf(lines(replay));
      expect(quality?.assured.secondsMet).toBeGreaterThan(quality?.unassured.secondsMet as number);
    },
  );
});
