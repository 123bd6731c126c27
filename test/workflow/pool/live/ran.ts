import { beforeAll, describe, expect, test } from 'vitest';
import { faulted, type Live, notRun, SUPI } from './network.ts';

/** Templates of the radio, on a network that others use too. */
export function ranTemplates(given: () => Live): void {
  interface Radio {
    cellId: string;
    rat: 'NR' | 'EUTRA';
    position: { lat: number; lon: number };
    rsrpDbm: number;
    standby: { cellId: string; rsrpDbm: number };
  }
  let net: Live;
  let radio: Radio;
  let cellIds: string[];
  const look = async (supi = SUPI) => (await net.tool('ran_read_ue_radio', { supi })).radio as Radio;
  beforeAll(async () => {
    net = given();
    radio = await look();
    cellIds = [radio.cellId, radio.standby.cellId];
  });

  const NEIGHBOUR = 'imsi-001010010000004';
  /** Far from every site of the city. */
  const SEA = { lat: 31.9, lon: 122.9 };
  const route = (...points: Array<{ lat: number; lon: number }>) =>
    points.map(({ lat, lon }, n) => ({ lat, lon, t: net.time.now() + n * 60_000 }));

  test('a route through the city is good, one out to sea has gaps', async () => {
    const good = await net.run('ran', 'evaluate-route-coverage', { route: route(radio.position) });
    expect(good).toMatchObject({ verdict: 'good', points: 1, weakShare: 0, stretches: [] });
    expect(
      await net.run('ran', 'evaluate-route-coverage', {
        route: route(radio.position, SEA, SEA, radio.position),
      }),
    ).toMatchObject({
      verdict: 'gaps',
      weakShare: 0.5,
      cellIds: [radio.cellId],
      stretches: [
        { start: net.time.now() + 60_000, end: net.time.now() + 120_000, points: 2, standbyUsable: false },
      ],
    });
    // Below what 5G is expected to have here, and not below what 4G has.
    expect(
      await net.run('ran', 'evaluate-route-coverage', { route: route(radio.position), rsrpDbm: -90 }),
    ).toMatchObject({ verdict: 'standby-needed', stretches: [{ standbyUsable: true }] });
  });

  describe('reservation', () => {
    test('dedicates what it says, where the forecast leaves room', async () => {
      const { policyId, ratio } = await net.run('ran', 'reserve-resources', {
        supi: SUPI,
        cellIds,
        ratio: 12,
      });
      expect(ratio).toBe(12);
      expect(await net.tool('ran_read_dedicated_ratio', { policyId })).toEqual({ ratio: 12 });
      expect(await net.run('ran', 'release-radio', { policyId })).toEqual({ released: true });
    });

    test('reserves nothing where there is no room', async () => {
      const before = net.calls.length;
      await expect(
        net.run('ran', 'reserve-resources', { supi: SUPI, cellIds, ratio: 90 }),
      ).rejects.toMatchObject(faulted(/^No room to reserve$/));
      expect(net.calls.slice(before).map(({ tool }) => tool)).toEqual(['core_predict_congestion']);
    });

    test('gives back what it cannot read back', async () => {
      net.failAt('ran_read_dedicated_ratio');
      await expect(net.run('ran', 'reserve-resources', { supi: SUPI, cellIds })).rejects.toMatchObject(
        faulted(/^The reservation was given back: .*broken on purpose/),
      );
      const { policyId } = net.last('ran_release_prbs');
      await expect(net.tool('ran_read_dedicated_ratio', { policyId })).rejects.toThrow(/404/);
    });
  });

  describe('handover preset', () => {
    const policies = async () => (await net.tool('ran_list_policies', { type: 'steering' })).policyIds;

    test('nothing where the way is good, or 4G is no better; a policy in force where it is asked for', async () => {
      const preset = (input: object) => net.run('ran', 'preset-weak-coverage', { supi: SUPI, ...input });
      expect(await preset({ route: route(radio.position) })).toMatchObject({ policyId: null });
      expect(await preset({ route: route(radio.position, SEA) })).toMatchObject({
        policyId: null,
        reason: 'the standby network is no better in the weak stretch',
      });
      const made = await preset({ route: route(radio.position), leaveBelowRsrpDbm: -95 });
      expect(made).toMatchObject({ start: net.time.now(), enforced: true });
      expect(await policies()).toEqual([made.policyId]);
      await net.tool('ran_release_policy', { policyId: made.policyId });
    });

    test('a preset whose status cannot be had is taken back', async () => {
      net.failAt('ran_read_policy_status');
      await expect(
        net.run('ran', 'preset-weak-coverage', { supi: SUPI, route: route(radio.position), always: true }),
      ).rejects.toMatchObject(faulted(/^The preset was taken back/));
      expect(await policies()).toEqual([]);
    });
  });

  describe('load balancing', () => {
    const crowded = { supis: [SUPI, NEIGHBOUR], above: 1, gap: -100 };

    test('nobody is moved out of a cell that is not full', async () => {
      const { moved, left } = await net.run('ran', 'balance-load', { supis: [SUPI] });
      expect({ moved, left }).toMatchObject({ moved: [], left: [{ supi: SUPI }] });
    });

    test('moves to the other cell, and no more than asked for', async () => {
      const { moved, left } = await net.run('ran', 'balance-load', { ...crowded, most: 1 });
      expect(moved).toMatchObject([{ supi: SUPI, from: radio.cellId, to: radio.standby.cellId }]);
      expect(left).toEqual([{ supi: NEIGHBOUR, reason: 'enough were moved' }]);
      expect(await look()).toMatchObject({ rat: 'EUTRA', cellId: radio.standby.cellId });
      expect(await net.run('ran', 'switch-network', { supi: SUPI, rat: 'NR' })).toMatchObject({
        switched: true,
      });
    });

    test('moves the first back where the second cannot be moved', async () => {
      net.failAt('ran_switch_network', 2);
      await expect(net.run('ran', 'balance-load', crowded)).rejects.toMatchObject(
        faulted(/^All were moved back: .*broken on purpose/),
      );
      expect(await look()).toMatchObject({ rat: 'NR' });
      expect(await look(NEIGHBOUR)).toMatchObject({ rat: 'NR' });
    });
  });

  describe('weak coverage', () => {
    /** Between the levels of both networks here. */
    const weak = () => ({ supi: SUPI, rsrpDbm: (radio.rsrpDbm + radio.standby.rsrpDbm) / 2 });

    test('stays where it is good, or where nothing is better', async () => {
      expect(await net.run('ran', 'leave-weak-coverage', { supi: SUPI })).toMatchObject({ switched: false });
      expect(await net.run('ran', 'leave-weak-coverage', { supi: SUPI, rsrpDbm: -31 })).toMatchObject({
        switched: false,
        reason: 'the standby network is no better',
      });
      expect(await look()).toMatchObject({ rat: 'NR' });
    });

    test('switches where the standby network is better, and the level is', async () => {
      expect(await net.run('ran', 'leave-weak-coverage', weak())).toMatchObject({
        switched: true,
        rat: 'EUTRA',
      });
      const now = await look();
      expect(now).toMatchObject({ rat: 'EUTRA', cellId: radio.standby.cellId });
      expect(now.rsrpDbm).toBeGreaterThan(radio.rsrpDbm);
      await net.tool('ran_switch_network', { supi: SUPI, rat: 'NR' });
    });

    test('goes back where it cannot see that it is better', async () => {
      net.failAt('ran_read_ue_radio', 2);
      await expect(net.run('ran', 'leave-weak-coverage', weak())).rejects.toMatchObject(
        faulted(/^The switch was undone/),
      );
      expect(await look()).toMatchObject({ rat: 'NR' });
    });
  });

  test('interference is told from weak coverage', async () => {
    const judge = async (limits: object) =>
      (await net.run('ran', 'evaluate-interference', { supi: SUPI, ...limits })).verdict;
    expect(await judge({})).toBe('clean');
    expect(await judge({ cleanDb: 30 })).toBe('interference');
    expect(await judge({ cleanDb: 30, strongDbm: -50 })).toBe('weak-coverage');
  });

  test('idle cells are found only where the others can carry their load', async () => {
    const { sleep, awake } = await net.run('ran', 'find-idle-cells', { cellIds });
    expect({ sleep, awake: (awake as string[]).toSorted() }).toEqual({
      sleep: [],
      awake: cellIds.toSorted(),
    });
    const found = await net.run('ran', 'find-idle-cells', { cellIds, idleBelow: 50, carryBelow: 95 });
    expect(found).toMatchObject({ sleep: [{ cellId: radio.standby.cellId }], awake: [radio.cellId] });
  });

  describe('denser collection', () => {
    /** Nobody takes reports there, and nobody minds. */
    const notifyTo = () => `${new URL(net.net.nrf).origin}/reports`;
    const input = () => ({ cellIds, bucket: 'history', seconds: 5, times: 3 });
    beforeAll(() => net.tool('storage_set_bucket', { bucket: 'history', siteId: 'edge-shanghai' }));

    test('stores a snapshot each so many seconds of network time', async () => {
      const before = net.time.now();
      const { keys, jobId } = await net.run('ran', 'collect-denser', input());
      expect(jobId).toBeNull();
      expect(net.time.now() - before).toBe(10_000);
      expect(await net.tool('storage_list_objects', { bucket: 'history' })).toEqual({
        keys: expect.arrayContaining(keys as string[]),
      });
    });

    test('ends the reports of the base stations, also where a snapshot fails', async () => {
      const { jobId } = await net.run('ran', 'collect-denser', {
        ...input(),
        times: 1,
        notifyTo: notifyTo(),
      });
      await expect(net.tool('ran_read_measurement', { jobId })).rejects.toThrow(/404/);
      net.failAt('ran_archive_counters', 1);
      await expect(
        net.run('ran', 'collect-denser', { ...input(), notifyTo: notifyTo() }),
      ).rejects.toMatchObject(faulted(/^The collection ended early/));
      await expect(net.tool('ran_read_measurement', net.last('ran_stop_measurement'))).rejects.toThrow(/404/);
    });
  });

  test('handovers of cells are counted and judged', async () => {
    const { cells, bad } = await net.run('ran', 'check-handovers', { cellIds });
    expect(bad).toEqual([]);
    expect(cells).toMatchObject(cellIds.map((cellId) => ({ cellId, reestablished: 0 })));
  });

  test('atomic capabilities do what they say', async () => {
    expect(await net.run('ran', 'evaluate-coverage', { route: route(radio.position) })).toMatchObject({
      points: [{ cellId: radio.cellId }],
    });
    expect(await net.run('ran', 'perceive-radio', { supi: SUPI })).toMatchObject({
      radio: { supi: SUPI },
      cell: { cellId: radio.cellId },
    });
    const reserved = await net.run('ran', 'reserve-radio', { supi: SUPI, cellIds, ratio: 5 });
    expect(await net.tool('ran_read_dedicated_ratio', reserved)).toEqual({ ratio: 5 });
    const preset = await net.run('ran', 'preset-handover', {
      supi: SUPI,
      toStandbyBelow: { rsrpDbm: -115, sinrDb: -3 },
      returnAbove: { rsrpDbm: -105, sinrDb: 2 },
    });
    const first = await net.run('ran', 'prioritize-ue', { supi: SUPI, priorityLevel: 5 });
    for (const { policyId } of [preset, first]) {
      expect(await net.tool('ran_read_policy_status', { policyId })).toMatchObject({ enforced: true });
    }
    for (const { policyId } of [reserved, preset, first]) await net.run('ran', 'release-radio', { policyId });
    expect(notRun(net, 'ran')).toEqual([]);
  });
}
