import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decide, type Look, type Radio, START, type WatchState } from '../../agents/central/decide.ts';
import type { Plan, Risk } from '../../src/index.ts';

const T = 1_000_000_000;
const thresholds = {
  toStandbyBelow: { rsrpDbm: -102, sinrDb: -4 },
  returnAbove: { rsrpDbm: -98, sinrDb: 0 },
  standbyUsableAbove: { rsrpDbm: -118, sinrDb: -3 },
  dlMbps: 4,
  ulMbps: 3,
  maxDelayMs: 150,
};
const plan = (risks: Partial<Risk>[] = []): Plan => ({
  template: 'travel-assurance',
  segments: [],
  risks: risks.map((risk, index) => ({
    id: `risk-${index}`,
    kind: 'outage',
    start: T + 60_000,
    end: T + 90_000,
    cellIds: [],
    where: null,
    standbyUsable: false,
    confidence: 1,
    source: 'forecast',
    detail: '',
    ...risk,
  })),
  steps: [],
  monitoring: { start: T, end: T + 1_000_000, periodS: 5, thresholds },
  lessons: [],
});
const good: Radio = {
  t: T,
  medium: 'cellular',
  position: { lat: 31.2, lon: 121.4 },
  rat: 'NR',
  cellId: '001001001',
  rsrpDbm: -85,
  sinrDb: 15,
  standby: { rat: 'EUTRA', cellId: '0100101', rsrpDbm: -90, sinrDb: 10 },
};
const look = (change: Partial<Look> = {}, radio: Partial<Radio> = {}): Look => ({
  supi: 'imsi-001010000000001',
  sessionId: 'app-1',
  plan: plan(),
  state: null,
  guaranteed: true,
  ...change,
  radio: { ...good, ...radio },
});

describe('the three emergency measures', () => {
  test('nothing to do where all is well', () => {
    expect(decide(look())).toMatchObject({ measure: 'none', state: { looks: 1, exceptions: [] } });
  });

  test('standby network: 5G weak, 4G usable; not twice within ten seconds; back after two good looks', () => {
    const weak = decide(look({}, { rsrpDbm: -110 }));
    expect(weak).toMatchObject({ measure: 'standby-network', arguments: { rat: 'EUTRA' } });
    const again = decide(look({ state: weak.state }, { rsrpDbm: -110, t: T + 5_000 }));
    expect(again.measure).toBe('none');
    const onStandby: Partial<Radio> = {
      rat: 'EUTRA',
      cellId: '0100101',
      standby: { rat: 'NR', cellId: '001001001', rsrpDbm: -80, sinrDb: 12 },
    };
    const failing = { rsrpDbm: -115, sinrDb: -5, t: T + 15_000 };
    const back = decide(look({ state: weak.state }, { ...onStandby, ...failing }));
    expect(back).toMatchObject({ measure: 'return-to-5g', arguments: { rat: 'NR' } });
    const first = decide(look({ state: weak.state }, { ...onStandby, t: T + 15_000 }));
    expect(first.measure).toBe('none');
    const second = decide(look({ state: first.state }, { ...onStandby, t: T + 20_000 }));
    expect(second).toMatchObject({ measure: 'return-to-5g', arguments: { rat: 'NR' } });
    expect(second.state.exceptions.at(-1)?.measure).toBe('return-to-5g');
  });

  test('no switch where the standby network is no better, absent, or the user is in the air', () => {
    const weak = { rsrpDbm: -115, sinrDb: -8 };
    const standby = { rat: 'EUTRA' as const, cellId: '0100101', rsrpDbm: -125, sinrDb: 0 };
    expect(decide(look({}, { ...weak, standby })).measure).toBe('none');
    expect(decide(look({}, { ...weak, standby: null })).measure).toBe('none');
    expect(decide(look({}, { ...weak, medium: 'in-flight' })).measure).toBe('none');
  });

  test('priority: the guarantee fails at a sufficient signal; once, as it stays raised; never without a session', () => {
    const failing = decide(look({ guaranteed: false }));
    expect(failing).toMatchObject({
      measure: 'qos-priority',
      arguments: { sessionId: 'app-1', priorityLevel: 2 },
    });
    expect(failing.state.exceptions).toMatchObject([
      { kind: 'congestion', foreseen: false, cellId: good.cellId },
    ]);
    expect(decide(look({ guaranteed: false, state: failing.state })).measure).toBe('none');
    const elsewhere = { cellId: '001001002' };
    expect(decide(look({ guaranteed: false, state: failing.state }, elsewhere)).measure).toBe('none');
    const weak = { sinrDb: -9, standby: null };
    expect(decide(look({ guaranteed: false }, weak)).measure).toBe('none');
    expect(decide(look({ guaranteed: false, sessionId: null })).measure).toBe('none');
    expect(decide(look({ guaranteed: null })).measure).toBe('none');
  });

  test('notice: before a gap, once, not long before, not after it began, before any other measure', () => {
    const ahead = plan([{}]);
    const told = decide(look({ plan: ahead, guaranteed: false }));
    expect(told).toMatchObject({ measure: 'proactive-notice', arguments: { supi: 'imsi-001010000000001' } });
    expect(decide(look({ plan: ahead, state: told.state })).measure).toBe('none');
    expect(decide(look({ plan: plan([{ start: T + 500_000, end: T + 520_000 }]) })).measure).toBe('none');
    expect(decide(look({ plan: plan([{ start: T - 1 }]) })).measure).toBe('none');
    expect(decide(look({ plan: plan([{ kind: 'weak-coverage', standbyUsable: true }]) })).measure).toBe(
      'none',
    );
    expect(decide(look({ plan: plan([{ kind: 'weak-coverage' }]) })).measure).toBe('proactive-notice');
  });

  test('an event inside a forecast stretch of its kind was foreseen', () => {
    const known = plan([{ kind: 'congestion', start: T - 1_000, end: T + 1_000 }]);
    expect(decide(look({ plan: known, guaranteed: false })).state.exceptions).toMatchObject([
      { foreseen: true },
    ]);
  });
});

test('property: at most one measure a look, switches keep their distance, the state stays JSON', () => {
  const radio = fc.record({
    rat: fc.constantFrom<'NR' | 'EUTRA' | null>('NR', 'EUTRA', null),
    rsrpDbm: fc.option(fc.integer({ min: -130, max: -60 })),
    sinrDb: fc.option(fc.integer({ min: -10, max: 30 })),
    standby: fc.option(
      fc.record({
        rat: fc.constantFrom<'NR' | 'EUTRA'>('NR', 'EUTRA'),
        cellId: fc.constant('0100101'),
        rsrpDbm: fc.integer({ min: -130, max: -60 }),
        sinrDb: fc.integer({ min: -10, max: 30 }),
      }),
    ),
    guaranteed: fc.option(fc.boolean()),
  });
  fc.assert(
    fc.property(fc.array(radio, { maxLength: 60 }), (looks) => {
      let state: WatchState | null = null;
      const switches: number[] = [];
      looks.forEach(({ guaranteed, ...change }, index) => {
        const t = T + index * 5_000;
        const decision = decide(look({ state, guaranteed, plan: plan([{}]) }, { ...change, t }));
        if (decision.measure === 'standby-network') switches.push(t);
        expect(decision.state.looks).toBe(index + 1);
        const added = decision.state.exceptions.length - (state?.exceptions.length ?? 0);
        expect(added).toBe(decision.measure === 'none' ? 0 : 1);
        expect(JSON.parse(JSON.stringify(decision.state))).toEqual(decision.state);
        state = decision.state;
      });
      for (let i = 1; i < switches.length; i += 1) {
        expect((switches[i] as number) - (switches[i - 1] as number)).toBeGreaterThanOrEqual(10_000);
      }
      expect(START.exceptions).toEqual([]);
    }),
  );
});
