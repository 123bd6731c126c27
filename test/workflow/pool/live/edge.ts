import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { faulted, type Live, notRun, SUPI } from './network.ts';

/** Templates of transport and computing, on a network that others use too. */
export function edgeTemplates(given: () => Live): void {
  let net: Live;
  beforeAll(async () => {
    net = given();
  });
  beforeEach(() => net.tool('transport_switch_path', { supi: SUPI, dnai: 'central-shanghai' }));
  afterEach(async () => {
    for (const { id } of net.net.faults.list()) await net.net.faults.clear(id);
  });

  const path = async () => {
    const { paths } = (await net.tool('transport_read_paths', { supi: SUPI })) as {
      paths: Array<{ dnai: string; active: boolean }>;
    };
    return paths.find(({ active }) => active)?.dnai;
  };
  const allocations = async () =>
    (await net.tool('compute_list_allocations', {})).allocations as Array<{ siteId: string; name: string }>;
  const cut = () => net.net.faults.inject({ kind: 'link-cut', link: 'link-central-shanghai' });

  describe('path', () => {
    test('paths are ranked for a need', async () => {
      expect(await net.run('transport', 'evaluate-paths', { supi: SUPI })).toMatchObject({
        best: 'edge-shanghai',
        active: { dnai: 'central-shanghai', enough: true },
      });
      expect(await net.run('transport', 'evaluate-paths', { supi: SUPI, maxDelayMs: 1 })).toMatchObject({
        best: null,
      });
    });

    test('stays on a fine path, leaves a cut or a slow one', async () => {
      expect(await net.run('transport', 'leave-ill-path', { supi: SUPI })).toMatchObject({ switched: false });
      expect(await net.run('transport', 'leave-ill-path', { supi: SUPI, maxDelayMs: 10 })).toMatchObject({
        switched: true,
        dnai: 'edge-shanghai',
      });
      expect(await net.run('transport', 'leave-ill-path', { supi: SUPI, maxDelayMs: 1 })).toMatchObject({
        switched: false,
        reason: 'no other path is better',
      });
      await net.tool('transport_switch_path', { supi: SUPI, dnai: 'central-shanghai' });
      await cut();
      await net.net.faults.inject({ kind: 'link-cut', link: 'link-edge-shanghai' });
      expect(await net.run('transport', 'leave-ill-path', { supi: SUPI })).toMatchObject({
        switched: true,
        before: 'central-shanghai',
        dnai: 'backup-shanghai',
      });
      expect(await path()).toBe('backup-shanghai');
    });

    test('takes the path before again where it cannot see that the new one is better', async () => {
      await cut();
      net.failAt('transport_read_paths', 2);
      await expect(net.run('transport', 'leave-ill-path', { supi: SUPI })).rejects.toMatchObject(
        faulted(/^The path before was taken again/),
      );
      expect(await path()).toBe('central-shanghai');
    });

    test('traffic is steered to the edge', async () => {
      const made = await net.run('transport', 'steer-to-edge', { supi: SUPI, application: 'game' });
      expect(made).toMatchObject({
        dnai: 'edge-shanghai',
        siteId: 'edge-shanghai',
        before: 'central-shanghai',
      });
      expect(await path()).toBe('edge-shanghai');
      const { subscriptionId } = made;
      expect(await net.tool('core_end_traffic_influence', { subscriptionId })).toEqual({ ended: true });
    });

    test('no edge that is up is refused; a failure leaves no influence and the path before', async () => {
      const { id } = await net.net.faults.inject({ kind: 'site-down', site: 'edge-shanghai' });
      await expect(net.run('transport', 'steer-to-edge', { supi: SUPI })).rejects.toMatchObject(
        faulted(/^No edge site is up within the delay$/),
      );
      await net.net.faults.clear(id);
      net.failAt('transport_read_paths', 2);
      await expect(net.run('transport', 'steer-to-edge', { supi: SUPI })).rejects.toMatchObject(
        faulted(/^The traffic goes as before/),
      );
      expect(await path()).toBe('central-shanghai');
      await expect(
        net.tool('core_end_traffic_influence', net.last('core_end_traffic_influence')),
      ).rejects.toThrow(/404/);
    });
  });

  describe('computing', () => {
    const job = { supi: SUPI, name: 'inference', cpuSeconds: 40, vcpu: 4 };

    test('a job runs at the edge in network time, and gives resources and path back', async () => {
      const before = net.time.now();
      expect(await net.run('computing', 'offload-work', job)).toMatchObject({
        state: 'DONE',
        siteId: 'edge-shanghai',
        seconds: 10,
      });
      expect(net.time.now() - before).toBe(10_000);
      expect(await allocations()).toEqual([]);
      expect(await path()).toBe('central-shanghai');
    });

    test('a job that is too long or cannot run leaves nothing behind', async () => {
      await expect(net.run('computing', 'offload-work', { ...job, atMostSeconds: 5 })).rejects.toMatchObject(
        faulted(/^Resources and path were given back: The job would take too long/),
      );
      net.failAt('compute_run_job');
      await expect(net.run('computing', 'offload-work', job)).rejects.toMatchObject(
        faulted(/broken on purpose/),
      );
      expect(await allocations()).toEqual([]);
      expect(await path()).toBe('central-shanghai');
    });

    test('a site is emptied, or stays as it was', async () => {
      const at = async (siteId: string) =>
        (await allocations())
          .filter((one) => one.siteId === siteId)
          .map(({ name }) => name)
          .sort();
      for (const name of ['a', 'b'])
        await net.tool('compute_allocate', { siteId: 'edge-shanghai', name, vcpu: 2, memoryMiB: 100 });
      const input = { siteId: 'edge-shanghai', to: 'central-shanghai' };
      net.failAt('compute_move_allocation', 2);
      await expect(net.run('computing', 'empty-site', input)).rejects.toMatchObject(
        faulted(/^All were moved back/),
      );
      expect(await at('edge-shanghai')).toEqual(['a', 'b']);
      const { moved, free } = await net.run('computing', 'empty-site', input);
      expect(moved).toHaveLength(2);
      expect(free).toEqual((await net.tool('compute_read_site', { siteId: 'edge-shanghai' })).capacity);
      expect(await at('central-shanghai')).toEqual(['a', 'b']);
      await net.net.faults.inject({ kind: 'site-down', site: 'edge-shanghai' });
      await expect(
        net.run('computing', 'empty-site', { siteId: 'central-shanghai', to: 'edge-shanghai' }),
      ).rejects.toMatchObject(faulted(/^The other site is down$/));
    });

    test('a bucket is copied whole, or the copy goes', async () => {
      await net.tool('storage_set_bucket', { bucket: 'logs', siteId: 'edge-shanghai' });
      await net.tool('storage_put_object', { bucket: 'logs', key: 'one', data: 'first' });
      net.failAt('storage_list_objects', 2);
      await expect(
        net.run('computing', 'protect-data', { bucket: 'logs', to: 'logs-2' }),
      ).rejects.toMatchObject(faulted(/^The copy was deleted/));
      expect((await net.tool('storage_list_buckets', {})).buckets).not.toContain('logs-2');
      expect(await net.run('computing', 'protect-data', { bucket: 'logs', to: 'logs-2' })).toEqual({
        bucket: 'logs-2',
        siteId: 'central-shanghai',
        objects: 1,
      });
      expect(await net.tool('storage_get_object', { bucket: 'logs-2', key: 'one' })).toMatchObject({
        data: 'first',
      });
    });
  });

  test('atomic capabilities do what they say', async () => {
    expect(await net.run('transport', 'perceive-path', { supi: SUPI })).toMatchObject({
      paths: [{}, {}, {}],
    });
    expect(await net.run('computing', 'place-relay', { supi: SUPI, maxDelayMs: 50 })).toMatchObject({
      dnai: 'edge-shanghai',
    });
    await net.run('transport', 'switch-path', { supi: SUPI, dnai: 'backup-shanghai' });
    expect(await path()).toBe('backup-shanghai');
    expect([...notRun(net, 'transport'), ...notRun(net, 'computing')]).toEqual([]);
  });
}
