import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { faulted, type Live, notRun, SUPI } from './network.ts';

/** Templates across domains, on a network that others use too. */
export function centralTemplates(given: () => Live): void {
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
    await net.tool('transport_switch_path', { supi: SUPI, dnai: 'central-shanghai' });
  });

  const cut = () => net.net.faults.inject({ kind: 'link-cut', link: 'link-central-shanghai' });
  const policies = async () => (await net.tool('ran_list_policies', { type: 'priority' })).policyIds;
  const path = async () =>
    (
      (await net.tool('transport_read_paths', { supi: SUPI })).paths as Array<{
        dnai: string;
        active: boolean;
      }>
    ).find(({ active }) => active)?.dnai;

  describe('demarcation', () => {
    test('nothing is found where nothing is wrong', async () => {
      expect(await net.run('central', 'demarcate', { supi: SUPI })).toMatchObject({
        cause: 'outside-the-network',
        domain: 'none',
        missing: [],
      });
    });

    test('a cut link is transport, a dead function the core, and a domain that cannot look is named', async () => {
      const { id } = await cut();
      expect(await net.run('central', 'demarcate', { supi: SUPI })).toMatchObject({
        cause: 'transport',
        domain: 'transport',
        evidence: { pathHealthy: false, pathLossRatio: 1 },
      });
      await net.net.faults.clear(id);
      const { nfInstanceIds } = await net.tool('core_list_network_functions', { nfType: 'PCF' });
      const [instance = ''] = nfInstanceIds as string[];
      await net.net.faults.inject({ kind: 'nf-dead', instance });
      net.failAt('ran_read_ue_radio', 1, 2);
      expect(await net.run('central', 'demarcate', { supi: SUPI })).toMatchObject({
        cause: 'core',
        domain: 'core',
        missing: ['ran'],
      });
    });
  });

  describe('complaint', () => {
    test('by number: what the network sees, in words', async () => {
      const gpsi = 'msisdn-9990000000001';
      expect(await net.run('central', 'analyse-complaint', { gpsi })).toMatchObject({
        supi: SUPI,
        justified: false,
        answer: 'The network sees nothing wrong now: a score of 5 is expected for video-streaming.',
      });
      await cut();
      const { justified, cause, answer } = await net.run('central', 'analyse-complaint', { gpsi });
      expect({ justified, cause }).toEqual({ justified: true, cause: 'transport' });
      expect(answer).toMatch(/limited by loss; likely transport \(the path to the data network is ill/);
    });
  });

  describe('healing', () => {
    test('does nothing where there is nothing to do', async () => {
      expect(await net.run('central', 'heal-service', { supi: SUPI })).toMatchObject({
        measure: null,
        before: 5,
        after: 5,
      });
    });

    test('leaves the cut link, and the experience is better', async () => {
      await cut();
      const healed = await net.run('central', 'heal-service', { supi: SUPI });
      expect(healed).toMatchObject({ cause: 'transport', measure: 'leave-ill-path', before: 1, after: 5 });
      expect(await path()).toBe('edge-shanghai');
    });

    test('restarts the function that is dead', async () => {
      const { nfInstanceIds } = await net.tool('core_list_network_functions', { nfType: 'PCF' });
      await net.net.faults.inject({ kind: 'nf-dead', instance: (nfInstanceIds as string[])[1] });
      expect(await net.run('central', 'heal-service', { supi: SUPI })).toMatchObject({
        cause: 'core',
        measure: 'recover-function',
        result: { alarmsLeft: 0 },
      });
      expect(net.net.faults.list()).toEqual([]);
    });

    test('what a domain could not do has been undone by it', async () => {
      await cut();
      // Two looks before the measure; of the two in it the one after the switch fails, also the second time.
      net.failAt('transport_read_paths', 4, 6);
      await expect(net.run('central', 'heal-service', { supi: SUPI })).rejects.toMatchObject(
        faulted(/The path before was taken again/),
      );
      expect(await path()).toBe('central-shanghai');
    });
  });

  test('an experience profile by phase hears what happens in a phase', async () => {
    const phases = [
      { name: 'browse', service: 'video-streaming' },
      { name: 'pay', service: 'payment' },
    ];
    const before = net.time.now();
    net.failAt('core_read_flow_usage', 2, 3);
    const profile = net.run('central', 'profile-experience', { supi: SUPI, phases, looks: 2, seconds: 5 });
    expect(await profile).toMatchObject({
      phases: [
        { name: 'browse', mean: 5, missed: 1 },
        { name: 'pay', mean: 5, missed: 0, limitedBy: null },
      ],
    });
    expect(net.time.now() - before).toBe(20_000);
  });

  describe('major event', () => {
    const stream = () => ({ supi: SUPI, cellIds, dlMbps: 1, ulMbps: 6, maxDelayMs: 300 });
    const window = () => ({ start: net.time.now() + 60_000, end: net.time.now() + 180_000 });

    test('reserves where there is risk, holds for the window, and gives all back', async () => {
      const times = window();
      const result = await net.run('central', 'assure-event', { ...stream(), ...times, busyFrom: 40 });
      expect(result).toMatchObject({
        risk: 'some',
        reserved: true,
        guaranteed: true,
        looks: 2,
        missed: 0,
        failed: [],
      });
      expect(result.released).toHaveLength(3);
      expect(net.time.now()).toBe(times.end);
      expect(await policies()).toEqual([]);
      for (const policyId of (result.released as string[]).filter((id) => id.startsWith('prb-')))
        await expect(net.tool('ran_read_dedicated_ratio', { policyId })).rejects.toThrow(/404/);
    });

    test('gives the reservation back where the guarantee fails', async () => {
      net.failAt('core_create_qos_session', 1, 2);
      await expect(
        net.run('central', 'assure-event', { ...stream(), ...window(), busyFrom: 40 }),
      ).rejects.toMatchObject(faulted(/^What was reserved was given back/));
      await expect(net.tool('ran_read_dedicated_ratio', net.last('ran_release_policy'))).rejects.toThrow(
        /404/,
      );
    });
  });

  describe('acceleration', () => {
    const gamer = { supi: SUPI, tags: ['gamer'], competitionFrom: 20 };

    test('is offered where competition is likely, and locked once confirmed', async () => {
      expect(
        await net.run('central', 'offer-acceleration', { supi: SUPI, competitionFrom: 99 }),
      ).toMatchObject({
        recommend: false,
      });
      expect(await net.run('central', 'offer-acceleration', gamer)).toMatchObject({
        recommend: true,
        package: 'deterministic',
        policyIds: [],
      });
      const { policyIds } = await net.run('central', 'offer-acceleration', { ...gamer, confirmed: true });
      const [reservation = '', priority = ''] = policyIds as string[];
      expect(await net.tool('ran_read_dedicated_ratio', { policyId: reservation })).toEqual({ ratio: 5 });
      expect(await policies()).toEqual([priority]);
      await net.run('core', 'release-guarantees', { policyIds });
    });

    test('unlocks the blocks where the priority fails', async () => {
      net.failAt('ran_set_ue_priority', 1, 2);
      await expect(
        net.run('central', 'offer-acceleration', { ...gamer, confirmed: true }),
      ).rejects.toMatchObject(faulted(/^The blocks were unlocked/));
      await expect(net.tool('ran_read_dedicated_ratio', net.last('ran_release_policy'))).rejects.toThrow(
        /404/,
      );
    });
  });

  // The one is the scenario of test/scenario, the other wants a world: test/explore.
  test('all of the agent ran here but the travel assurance and the tuning of the uplink', () => {
    expect(notRun(net, 'central').sort()).toEqual(['travel-assurance', 'tune-uplink']);
  });
}
