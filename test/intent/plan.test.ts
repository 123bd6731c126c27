import { expect, test } from 'vitest';
import {
  buildQualityMap,
  makePlan,
  reservedRatio,
  reviewTrip,
  type Trip,
  understand,
} from '../../src/intent/index.ts';

const now = Date.parse('2026-11-24T09:00:00+08:00');
const understood = understand('I have a video call in two hours', { now, timeZone: 'Asia/Shanghai' });
if (understood.kind !== 'intent') throw new Error('the sentence of this test is understood');
const { intent, journey } = understood;
const start = journey.service.window.start;
const service = {
  name: 'video-conference',
  dlMbps: 4,
  ulMbps: 3,
  maxDelayMs: 150,
  start,
  end: start + 600_000,
};
const trip: Trip = {
  tripId: 't',
  supi: 'imsi-001010000000001',
  service,
  segments: [
    {
      id: 's',
      kind: 'drive',
      regionId: 'shanghai',
      from: 'a',
      to: 'b',
      start,
      end: start + 600_000,
      waypoints: [],
    },
  ],
};
const coverage = Array.from({ length: 60 }, (_, i) => ({
  point: { lat: 31.2 + i * 0.0005, lon: 121.4 },
  t: start + i * 10_000,
  cellId: i < 30 ? '000000001' : '000000002',
  rsrpDbm: i >= 20 && i < 25 ? -120 : -90,
  sinrDb: i >= 20 && i < 25 ? -4 : 15,
  dlMbps: i >= 20 && i < 25 ? 1 : 50,
  ulMbps: 20,
  standby: { cellId: '0000001', rsrpDbm: -95, sinrDb: 8, dlMbps: 20, ulMbps: 10 },
  confidence: 0.8,
}));
const qualityMap = buildQualityMap({ trip, coverage, load: [], service });

test('a weak stretch with a usable standby is marked and preset', () => {
  expect(qualityMap.risks).toMatchObject([
    { kind: 'weak-coverage', standbyUsable: true, start: start + 200_000, end: start + 250_000 },
  ]);
  const plan = makePlan({ intent, journey, trip, qualityMap, experience: [] });
  expect(plan.steps.map(({ skill }) => skill)).toEqual(['assure-qos', 'preset-handover', 'place-relay']);
  expect(plan.lessons).toEqual([]);
});

test('what was met and not foreseen changes the next plan, and the plan says so', () => {
  const first = makePlan({ intent, journey, trip, qualityMap, experience: [] });
  const met = {
    t: start + 400_000,
    kind: 'congestion' as const,
    measure: 'qos-priority',
    reason: 'r',
    cellId: '000000002',
    place: { lat: 31.22, lon: 121.4 },
    foreseen: false,
  };
  const { experiences, summary } = reviewTrip({
    plan: first,
    exceptions: [met, { ...met, foreseen: true }],
    region: 'shanghai',
  });
  expect(experiences).toHaveLength(1);
  expect(summary).toContain('000000002');
  const second = makePlan({ intent, journey, trip, qualityMap, experience: experiences });
  expect(second.steps.find(({ skill }) => skill === 'reserve-radio')?.input).toMatchObject({
    cellIds: ['000000002'],
  });
  expect(second.lessons).toMatchObject([{ experienceId: experiences[0]?.id }]);
  expect(second.risks.some(({ source }) => source === 'experience')).toBe(true);
});

test('a reservation is modest whatever is asked', () => {
  expect(reservedRatio(4, [{ sinrDb: 20 }], false)).toBeLessThanOrEqual(8);
  expect(reservedRatio(500, [{ sinrDb: -10 }], true)).toBe(8);
  expect(reservedRatio(500, [{ sinrDb: -10 }], false)).toBe(5);
});
