import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AI_FUNCTIONS,
  CAUSES,
  diagnose,
  type Evidence,
  estimateExperience,
} from '../../src/workflow/index.ts';

const GOOD: Evidence = {
  attached: true,
  rsrpDbm: -85,
  sinrDb: 15,
  prbRatio: 30,
  gbrPrbRatio: 2,
  airDelayMs: 6,
  pathDelayMs: 12,
  pathLossRatio: 0,
  pathHealthy: true,
  coreLoad: 10,
  coreAlarms: 0,
  siteAlarms: 0,
};

describe('root causes', () => {
  test.each<[string, Evidence, string, string]>([
    ['nothing wrong', {}, 'outside-the-network', 'none'],
    ['no cell', { attached: false, rsrpDbm: -130, sinrDb: -10 }, 'no-coverage', 'ran'],
    ['weak and disturbed', { rsrpDbm: -118, sinrDb: -4 }, 'weak-coverage', 'ran'],
    ['strong and disturbed', { sinrDb: -4 }, 'interference', 'ran'],
    ['full', { prbRatio: 97, airDelayMs: 80 }, 'cell-congestion', 'ran'],
    ['full of guaranteed traffic', { prbRatio: 92, gbrPrbRatio: 75 }, 'cell-congestion', 'ran'],
    ['ill path', { pathHealthy: false, pathDelayMs: 10_000, pathLossRatio: 1 }, 'transport', 'transport'],
    ['lossy path', { pathDelayMs: 80, pathLossRatio: 0.05 }, 'transport', 'transport'],
    ['dead function', { coreAlarms: 1, coreLoad: 95 }, 'core', 'core'],
    ['site down', { siteAlarms: 1 }, 'computing', 'computing'],
  ])('%s', (_, seen, cause, domain) => {
    const found = diagnose({ ...GOOD, ...seen });
    expect(found).toMatchObject({ cause, domain });
    expect(found.ranking[0]?.because.length).toBe(Object.keys(seen).length);
  });

  test('without evidence the priors rule; probabilities sum to one whatever is seen', () => {
    expect(diagnose({}).cause).toBe('outside-the-network');
    fc.assert(
      fc.property(
        fc.record(
          {
            rsrpDbm: fc.option(fc.integer({ min: -140, max: -40 })),
            sinrDb: fc.option(fc.integer({ min: -20, max: 30 })),
            prbRatio: fc.option(fc.integer({ min: 0, max: 100 })),
            pathHealthy: fc.option(fc.boolean()),
            coreAlarms: fc.option(fc.nat(5)),
          },
          { requiredKeys: [] },
        ),
        (seen) => {
          const { ranking, confidence } = diagnose(seen);
          expect(ranking.map(({ cause }) => cause).sort()).toEqual([...CAUSES].sort());
          expect(ranking.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 1);
          expect(confidence).toBe(Math.max(...ranking.map(({ probability }) => probability)));
        },
      ),
      { numRuns: 100 },
    );
  });

  test('a sign more never makes its cause less likely', () => {
    const of = (seen: Evidence) =>
      diagnose(seen).ranking.find(({ cause }) => cause === 'transport')?.probability ?? 0;
    expect(of({ ...GOOD, pathDelayMs: 60 })).toBeGreaterThan(of(GOOD));
    expect(of({ ...GOOD, pathDelayMs: 60, pathLossRatio: 0.1 })).toBeGreaterThan(
      of({ ...GOOD, pathDelayMs: 60 }),
    );
  });

  test('what cannot be read is a validation error', () => {
    expect(() => diagnose({ sinrDb: 'bad' })).toThrow(
      expect.objectContaining({
        fault: expect.objectContaining({ status: 400, detail: expect.stringMatching(/^sinrDb/) }),
      }),
    );
  });
});

describe('experience', () => {
  const call = { service: 'video-conference', dlMbps: 4, ulMbps: 3, delayMs: 100, lossRatio: 0 };
  test('all needs met is a five; the need that is met worst rules', () => {
    expect(estimateExperience(call)).toMatchObject({ mos: 5, verdict: 'good', limitedBy: null });
    expect(estimateExperience({ ...call, ulMbps: 1.5 })).toMatchObject({
      verdict: 'poor',
      limitedBy: 'uplink',
      met: { uplink: 0.5 },
    });
    expect(estimateExperience({ ...call, delayMs: 200 })).toMatchObject({
      verdict: 'fair',
      limitedBy: 'delay',
    });
    expect(estimateExperience({ ...call, lossRatio: 1 })).toMatchObject({
      limitedBy: 'loss',
      verdict: 'poor',
    });
  });

  test('more of anything never makes it worse, and the score stays in 1..5', () => {
    const figure = fc.double({ min: 0, max: 500, noNaN: true });
    fc.assert(
      fc.property(figure, figure, figure, figure, (dlMbps, ulMbps, delayMs, more) => {
        const { mos } = estimateExperience({ ...call, dlMbps, ulMbps, delayMs });
        expect(mos).toBeGreaterThanOrEqual(1);
        expect(mos).toBeLessThanOrEqual(5);
        expect(
          estimateExperience({ ...call, dlMbps: dlMbps + more, ulMbps, delayMs }).mos,
        ).toBeGreaterThanOrEqual(mos);
        expect(
          estimateExperience({ ...call, dlMbps, ulMbps, delayMs: delayMs + more }).mos,
        ).toBeLessThanOrEqual(mos);
      }),
      { numRuns: 200 },
    );
  });

  test('a service that nobody knows, or a missing rate, is a validation error', async () => {
    const context = {
      signal: new AbortController().signal,
      instanceId: 'i',
      pointer: '/do/0/x',
      idempotencyKey: 'k',
      meta: {},
    };
    for (const wrong of [{ ...call, service: 'teleport' }, { service: 'gaming' }])
      await expect(AI_FUNCTIONS['estimate-experience']?.(wrong, context)).rejects.toMatchObject({
        fault: { status: 400 },
      });
  });
});
