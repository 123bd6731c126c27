import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { faulted, type Live, notRun, SUPI } from './network.ts';

/** Templates of the core, on a network that others use too. */
export function coreTemplates(given: () => Live): void {
  const CALL = { supi: SUPI, dlMbps: 4, ulMbps: 3, maxDelayMs: 150 };
  let net: Live;
  let cellIds: string[];
  beforeAll(async () => {
    net = given();
    const { radio } = (await net.tool('ran_read_ue_radio', { supi: SUPI })) as {
      radio: { cellId: string; standby: { cellId: string } };
    };
    cellIds = [radio.cellId, radio.standby.cellId];
  });
  afterEach(async () => {
    for (const { id } of net.net.faults.list()) await net.net.faults.clear(id);
  });

  const priorities = async () => (await net.tool('ran_list_policies', { type: 'priority' })).policyIds;
  const pcfs = async () =>
    (await net.tool('core_list_network_functions', { nfType: 'PCF' })).nfInstanceIds as [string, string];

  describe('experience', () => {
    test('a score for the service asked about, from what the network has', async () => {
      const { mos, verdict, cellId, figures } = await net.run('core', 'evaluate-experience', { supi: SUPI });
      expect({ mos, verdict, cellId }).toEqual({ mos: 5, verdict: 'good', cellId: cellIds[0] });
      const { delayMs } = await net.tool('core_read_flow_usage', { supi: SUPI });
      expect(figures).toMatchObject({ delayMs, lossRatio: 0 });
      expect((await net.tool('core_read_service_experience', { supi: SUPI })).mos).toBeLessThan(2);
    });

    test('a cut link is heard in the score', async () => {
      await net.net.faults.inject({ kind: 'link-cut', link: 'link-central-shanghai' });
      expect(await net.run('core', 'evaluate-experience', { supi: SUPI, service: 'payment' })).toMatchObject({
        verdict: 'poor',
        met: { loss: 0 },
      });
    });
  });

  test('congestion is predicted as the NWDAF does, and judged', async () => {
    const forecast = await net.tool('core_predict_congestion', {
      cellIds,
      start: net.time.now(),
      end: net.time.now() + 1_800_000,
    });
    const expected = Object.fromEntries(
      (forecast.cells as Array<{ cellId: string; prbRatio: number }>).map(({ cellId, prbRatio }) => [
        cellId,
        prbRatio,
      ]),
    );
    const { risk, cells } = await net.run('core', 'predict-congestion', { cellIds });
    expect(risk).toBe('low');
    for (const { cellId, prbRatio } of cells as Array<{ cellId: string; prbRatio: number }>)
      expect(prbRatio).toBe(expected[cellId]);
    const [first = '', second = ''] = cellIds;
    const between = ((expected[first] ?? 0) + (expected[second] ?? 0)) / 2;
    expect(await net.run('core', 'predict-congestion', { cellIds, busyFrom: between })).toMatchObject({
      risk: 'some',
      congested: [first],
    });
  });

  describe('a way to the tools that is cut', () => {
    const predict = () => net.run('core', 'predict-congestion', { cellIds });
    const asked = () => net.calls.filter(({ tool }) => tool === 'core_predict_congestion').length;

    test('is tried again for a while, what is refused is not', async () => {
      const [before, since] = [asked(), net.time.now()];
      net.cutAt('core_predict_congestion', 1, 2);
      expect(await predict()).toMatchObject({ risk: 'low' });
      expect([asked() - before, net.time.now() - since]).toEqual([3, 3_000]);
      net.failAt('core_predict_congestion');
      await expect(predict()).rejects.toMatchObject(faulted(/broken on purpose/));
      expect(asked() - before).toBe(4);
    });

    test('is a fault when it stays cut', async () => {
      net.cutAt('core_predict_congestion', 1, 2, 3, 4);
      await expect(predict()).rejects.toMatchObject({
        details: { fault: { type: expect.stringMatching(/communication$/) } },
      });
    });
  });

  describe('guarantee', () => {
    test('is there in the core and in the base station until it is released', async () => {
      const made = await net.run('core', 'deliver-guarantee', CALL);
      const { sessionId, policyId } = made;
      expect(made).toMatchObject({ guaranteed: true, raised: false });
      expect(await net.tool('core_read_qos_session', { sessionId })).toEqual({ guaranteed: true });
      expect(await priorities()).toEqual([policyId]);
      const { released, failed } = await net.run('core', 'release-guarantees', {
        sessionIds: [sessionId, 'nobody'],
        policyIds: [policyId],
      });
      expect(released).toEqual([sessionId, policyId]);
      expect(failed).toMatchObject([{ id: 'nobody', problem: expect.stringMatching(/404/) }]);
      await expect(net.tool('core_read_qos_session', { sessionId })).rejects.toThrow(/404/);
      expect(await priorities()).toEqual([]);
    });

    test('the session goes where the base station refuses', async () => {
      net.failAt('ran_set_ue_priority');
      await expect(net.run('core', 'deliver-guarantee', CALL)).rejects.toMatchObject(
        faulted(/^The session was released/),
      );
      await expect(net.tool('core_read_qos_session', net.last('core_release_qos_session'))).rejects.toThrow(
        /404/,
      );
    });

    test('more than the cell has is raised, and taken back', async () => {
      await expect(
        net.run('core', 'deliver-guarantee', { ...CALL, dlMbps: 200, ulMbps: 100 }),
      ).rejects.toMatchObject(
        faulted(/^All was taken back: The guarantee cannot be held even with pre-emption/),
      );
      expect(await priorities()).toEqual([]);
      await expect(net.tool('core_read_qos_session', net.last('core_release_qos_session'))).rejects.toThrow(
        /404/,
      );
    });
  });

  describe('priority under congestion', () => {
    let sessionId: unknown;
    const raise = (more: object = {}) =>
      net.run('core', 'raise-under-congestion', { supi: SUPI, sessionId, ...more });
    beforeAll(async () => {
      ({ sessionId } = await net.tool('core_create_qos_session', CALL));
    });
    afterAll(() => net.tool('core_release_qos_session', { sessionId }));

    test('nothing where the guarantee holds, or the cell has room', async () => {
      expect(await raise()).toMatchObject({ raised: false, reason: 'the guarantee holds' });
      expect(await raise({ evenIfHeld: true, busyFrom: 99 })).toMatchObject({
        raised: false,
        guaranteed: true,
      });
    });

    test('raises in a crowded cell', async () => {
      expect(await raise({ evenIfHeld: true, busyFrom: 1, to: 3 })).toMatchObject({
        raised: true,
        guaranteed: true,
      });
      expect(net.last('core_modify_qos_session')).toEqual({ sessionId, priorityLevel: 3, preempt: true });
    });

    test('lowers again where it cannot see the guarantee', async () => {
      net.failAt('core_read_qos_session', 2);
      await expect(raise({ evenIfHeld: true, busyFrom: 1, from: 9 })).rejects.toMatchObject(
        faulted(/^The priority was lowered again/),
      );
      expect(net.last('core_modify_qos_session')).toEqual({ sessionId, priorityLevel: 9, preempt: false });
    });
  });

  describe('slice', () => {
    const sessions = async () =>
      ((await net.tool('core_read_slice_load', { sst: 2 })).slices as Array<{ sessions: number }>)[0]
        ?.sessions;
    const input = { supi: SUPI, sst: 2, sd: '000001', dnn: 'factory' };

    test('a session in it is there until it is released', async () => {
      const { sessionRef, sessions: now } = await net.run('core', 'reserve-slice', input);
      expect(now).toBe(1);
      expect(await sessions()).toBe(1);
      await net.run('core', 'release-guarantees', { sessionRefs: [sessionRef] });
      expect(await sessions()).toBe(0);
    });

    test('none of that kind is refused; what is not seen is released', async () => {
      await expect(net.run('core', 'reserve-slice', { supi: SUPI, sst: 9 })).rejects.toMatchObject(
        faulted(/^There is no such slice$/),
      );
      net.failAt('core_read_slice_load', 2);
      await expect(net.run('core', 'reserve-slice', input)).rejects.toMatchObject(
        faulted(/^The session was released/),
      );
      expect(await sessions()).toBe(0);
    });
  });

  test('a subscriber is found by number and followed', async () => {
    const there = { supi: SUPI, registered: true, reachable: true, region: 'shanghai', cellId: cellIds[0] };
    expect(await net.run('core', 'follow-subscriber', { supi: SUPI })).toMatchObject({
      ...there,
      moving: false,
    });
    expect(await net.run('core', 'follow-subscriber', { gpsi: 'msisdn-9990000000001' })).toMatchObject(there);
    await expect(net.run('core', 'follow-subscriber', { gpsi: 'msisdn-12345' })).rejects.toMatchObject(
      faulted(/USER_NOT_FOUND/),
    );
  });

  describe('faults of the core', () => {
    test('are found with who can take over, ordered, and mended', async () => {
      expect(await net.run('core', 'diagnose-core', {})).toMatchObject({
        healthy: true,
        advice: 'nothing to do',
      });
      expect(await net.run('core', 'triage-alarms', {})).toEqual({ total: 0, alarms: [] });
      const [dead, standby] = await pcfs();
      await net.net.faults.inject({ kind: 'link-congested', link: 'link-edge-shanghai', load: 90 });
      const { id } = await net.net.faults.inject({ kind: 'nf-dead', instance: dead });
      expect(await net.run('core', 'diagnose-core', {})).toMatchObject({
        healthy: false,
        troubles: [{ nfInstanceId: dead, cause: 'nf-dead', standby: [standby] }],
        otherAlarms: [{ probableCause: 'link-congested' }],
      });
      expect(await net.run('core', 'triage-alarms', {})).toMatchObject({
        total: 2,
        alarms: [
          { object: dead, severity: 1, domain: 'core' },
          { object: 'link-edge-shanghai', severity: 3, domain: 'transport' },
        ],
      });
      expect(await net.run('core', 'recover-function', { nfInstanceId: dead })).toEqual({
        repaired: [id],
        alarmsLeft: 0,
        tookOver: standby,
      });
      expect(net.net.faults.list().map(({ kind }) => kind)).toEqual(['link-congested']);
    });

    test('alarms that cannot be read after the restart are said to be unknown', async () => {
      const [dead] = await pcfs();
      await net.net.faults.inject({ kind: 'nf-dead', instance: dead });
      const since = net.time.now();
      net.failAt('recovery_list_alarms', 1, 2, 3, 4);
      expect(await net.run('core', 'recover-function', { nfInstanceId: dead })).toMatchObject({
        alarmsLeft: -1,
      });
      expect(net.time.now() - since).toBe(15_000);
      expect(net.net.faults.list()).toEqual([]);
    });

    test('a function that is not restarted has its place back', async () => {
      const [first] = await pcfs();
      net.failAt('recovery_restart_function');
      await expect(net.run('core', 'recover-function', { nfInstanceId: first })).rejects.toMatchObject(
        faulted(/^The function has its place back and was not restarted/),
      );
      const before = net.calls.findLast(
        ({ tool, args }) => tool === 'recovery_prefer_function' && args.priority !== 1000,
      );
      expect(
        await net.tool('recovery_prefer_function', {
          instanceId: first,
          priority: Number(before?.args.priority),
        }),
      ).toEqual({ before: before?.args.priority, priority: before?.args.priority });
    });
  });

  test('capacity follows what is asked', async () => {
    const ask = (users: number) => net.run('core', 'assess-capacity', { cellIds, users, dlMbps: 4 });
    const { fits, most } = (await ask(1)) as { fits: boolean; most: number };
    expect(fits).toBe(true);
    expect(most).toBeGreaterThan(1);
    expect(await ask(most + 1)).toMatchObject({ fits: false, most });
  });

  test('a transfer is planned and its time taken', async () => {
    const start = net.time.now() + 3_600_000;
    const input = { start, end: start + 3_600_000, devices: 100, cellIds };
    const { transferId, chosen } = await net.run('core', 'plan-transfer', input);
    expect(chosen).toMatchObject({ start: input.start, end: input.end });
    expect(net.last('core_choose_transfer_window')).toEqual({ transferId, choice: 1 });
  });

  test('atomic capabilities do what they say', async () => {
    expect(await net.run('core', 'locate', { supi: SUPI })).toMatchObject({ cellId: cellIds[0] });
    const window = { start: net.time.now() + 60_000, end: net.time.now() + 600_000 };
    expect(await net.run('core', 'predict-demand', { cellIds, ...window })).toMatchObject({
      congestion: [{}, {}],
      qos: [{}, {}],
    });
    const { supi, ...service } = CALL;
    const { sessionId } = await net.run('core', 'assure-qos', {
      supi,
      service: { ...service, media: 'VIDEO', priorityLevel: 8 },
    });
    expect(await net.run('core', 'raise-priority', { sessionId, priorityLevel: 2 })).toMatchObject({
      guaranteed: true,
    });
    expect(await net.run('core', 'perceive-qos', { supi, sessionId })).toMatchObject({ guaranteed: true });
    expect(await net.run('core', 'perceive-qos', { supi, sessionId: null })).toMatchObject({
      guaranteed: null,
    });
    expect(await net.run('core', 'release-qos', { sessionId })).toEqual({ released: true });
    expect(notRun(net, 'core')).toEqual([]);
  });
}
