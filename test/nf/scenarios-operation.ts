import { expect } from 'vitest';
import type { Scenario } from './curated.ts';
import { listener } from './listener.ts';
import { START, SUPI } from './network.ts';

const supi = SUPI;
const window = { start: START + 60_000, end: START + 600_000 };
const done = { done: true };

/** What is done with the tools of transport, computing, exposure, analytics and operations. */
export const operationScenarios: Scenario[] = [
  {
    title: 'transport: paths, links, the switch to another',
    tools: [
      'transport_read_paths',
      'transport_read_link_use',
      'transport_switch_path',
      'compute_place_relay',
      'recovery_reroute_traffic',
      'recovery_list_alarms',
      'recovery_repair_fault',
    ],
    async run({ run, net }) {
      expect(await run('transport_read_paths', { supi })).toMatchObject({ paths: [{}, {}, {}] });
      expect(await run('transport_read_link_use', { supi })).toMatchObject({
        links: [{ lossRatio: 0 }, {}, {}],
      });
      const dnai = 'backup-shanghai';
      expect(await run('transport_switch_path', { supi, dnai })).toEqual({ dnai, switched: true });
      expect(await run('recovery_reroute_traffic', { supi })).toEqual({ from: dnai, dnai, moved: false });
      await net.faults.inject({ kind: 'link-cut', link: `link-${dnai}` });
      const { alarms } = await run<{ alarms: Array<{ alarmId: string }> }>('recovery_list_alarms');
      expect(alarms).toMatchObject([{ probableCause: 'link-cut', objectInstance: `link-${dnai}` }]);
      expect(await run('recovery_reroute_traffic', { supi })).toMatchObject({ from: dnai, moved: true });
      expect(await run('recovery_repair_fault', { alarmId: alarms[0]?.alarmId })).toEqual(done);
      expect(await run('recovery_list_alarms')).toEqual({ alarms: [] });
      expect(await run('compute_place_relay', { supi, maxDelayMs: 50 })).toMatchObject({
        dnai: 'edge-shanghai',
      });
    },
  },
  {
    title: 'computing: reserved, used, moved, released',
    tools: [
      'compute_list_sites',
      'compute_read_site',
      'compute_reserve_resources',
      'compute_read_allocation',
      'compute_list_allocations',
      'compute_run_job',
      'compute_read_job',
      'compute_move_resources',
      'compute_release_resources',
    ],
    async run({ run, net }) {
      const siteId = 'edge-shanghai';
      expect(await run('compute_list_sites', { upOnly: true })).toMatchObject({
        sites: [{ siteId, state: 'up' }, { siteId: 'central-shanghai' }],
      });
      const wanted = { siteId, name: 'inference', vcpu: 8, memoryMiB: 8_192, gpu: 1 };
      const held = await run('compute_reserve_resources', wanted);
      expect(await run('compute_read_site', { siteId })).toMatchObject({ free: { vcpu: 56, gpu: 1 } });
      expect(await run('compute_read_allocation', held)).toMatchObject(wanted);
      const job = await run('compute_run_job', { ...held, name: 'frames', cpuSeconds: 80 });
      expect(job).toMatchObject({ state: 'RUNNING', endsAt: START + 10_000 });
      await net.advanceTo(START + 11_000);
      expect(await run('compute_read_job', { jobId: job.jobId })).toMatchObject({ state: 'DONE' });
      const toSite = 'central-shanghai';
      await expect(run('compute_move_resources', { ...held, toSite: 'edge-nowhere' })).rejects.toMatchObject({
        failure: { code: 'SITE_NOT_FOUND' },
      });
      const moved = await run('compute_move_resources', { ...held, toSite });
      expect(await run('compute_list_allocations', {})).toEqual({
        allocations: [{ ...wanted, siteId: toSite, allocationId: moved.allocationId }],
      });
      const { allocationId } = moved;
      expect(await run('compute_release_resources', { allocationId })).toEqual(done);
      expect(await run('compute_list_allocations', { siteId: toSite })).toEqual({ allocations: [] });
    },
  },
  {
    title: 'storage: bucket, quota, objects',
    tools: [
      'storage_list_buckets',
      'storage_set_bucket',
      'storage_read_bucket',
      'storage_delete_bucket',
      'storage_list_objects',
      'storage_put_object',
      'storage_get_object',
      'storage_delete_object',
      'storage_archive_counters',
    ],
    async run({ run, radio }) {
      const bucket = 'notes';
      const at = { bucket, key: 'a.txt' };
      await run('storage_set_bucket', { bucket, siteId: 'edge-shanghai', quotaBytes: 5_000 });
      expect(await run('storage_list_buckets')).toEqual({ buckets: [bucket] });
      expect(await run('storage_put_object', { ...at, data: 'one' })).toMatchObject({
        bytes: 3,
        replaced: null,
      });
      expect(await run('storage_put_object', { ...at, data: 'two' })).toMatchObject({ replaced: 'one' });
      expect(await run('storage_get_object', at)).toEqual({ data: 'two' });
      expect(await run('storage_read_bucket', { bucket })).toMatchObject({ usedBytes: 3, quotaBytes: 5_000 });
      const archived = await run('storage_archive_counters', { bucket, cellIds: [(await radio()).cellId] });
      expect(archived).toMatchObject({ cells: 1 });
      expect(await run('storage_list_objects', { bucket })).toEqual({ keys: ['a.txt', archived.key] });
      const { data } = await run<{ data: string }>('storage_get_object', { bucket, key: archived.key });
      expect(JSON.parse(data)).toMatchObject([{ 'RRU.PrbTotDl': expect.any(Number) }]);
      await expect(run('storage_put_object', { ...at, data: 'x'.repeat(6_000) })).rejects.toMatchObject({
        failure: { code: 'QUOTA_EXCEEDED' },
      });
      expect(await run('storage_delete_object', at)).toEqual(done);
      expect(await run('storage_delete_bucket', { bucket })).toEqual(done);
      expect(await run('storage_list_buckets')).toEqual({ buckets: [] });
    },
  },
  {
    title: 'exposure: quality and routes for applications',
    tools: [
      'exposure_create_qos_session',
      'exposure_list_qos_sessions',
      'exposure_read_qos_session',
      'exposure_change_qos_session',
      'exposure_delete_qos_session',
      'exposure_influence_traffic',
      'exposure_read_influence',
      'exposure_end_influence',
    ],
    async run({ run }) {
      const heard = await listener();
      const { phone } = await run('core_find_address', { supi });
      const wanted = { phone, qosReference: 'QOS_S', seconds: 600, notifyTo: `${heard.url}/told` };
      const { sessionId } = await run('exposure_create_qos_session', wanted);
      const before = { sessionId, phone, qosReference: 'QOS_S', seconds: 600 };
      expect(await run('exposure_read_qos_session', { sessionId })).toEqual(before);
      const change = { sessionId, qosReference: 'QOS_M' };
      expect(await run('exposure_change_qos_session', change)).toEqual({ ...before, ...change });
      expect(await run('exposure_list_qos_sessions', {})).toEqual({ sessions: [{ ...before, ...change }] });
      expect(await run('exposure_delete_qos_session', { sessionId })).toEqual(done);
      expect(await run('exposure_list_qos_sessions', {})).toEqual({ sessions: [] });
      const dnai = 'edge-shanghai';
      const wish = await run('exposure_influence_traffic', { phone, dnai });
      expect(await run('exposure_read_influence', wish)).toEqual({ phone, dnai });
      const { paths } = await run<{ paths: Array<{ dnai: string; active: boolean }> }>(
        'transport_read_paths',
        {
          supi,
        },
      );
      expect(paths.find(({ active }) => active)?.dnai).toBe(dnai);
      expect(await run('exposure_end_influence', wish)).toEqual(done);
    },
  },
  {
    title: 'analytics of everything that the network computes',
    tools: [
      'analytics_read_function_load',
      'analytics_read_network_performance',
      'analytics_read_experience',
      'analytics_read_path_performance',
      'analytics_predict_mobility',
      'analytics_read_slice_load',
      'analytics_watch_congestion',
      'analytics_unwatch_congestion',
    ],
    async run({ run, radio, net }) {
      const { cellId } = await radio();
      await net.beat();
      const { functions } = await run<{ functions: object[] }>('analytics_read_function_load', {
        nfType: 'PCF',
      });
      expect(functions).toMatchObject([
        { type: 'PCF', available: true },
        { type: 'PCF', available: true },
      ]);
      expect(await run('analytics_read_network_performance', { cellIds: [cellId], ...window })).toMatchObject(
        { activeGnbPercent: 100, prbPercent: expect.any(Number), users: expect.any(Number) },
      );
      const { mos } = await run<{ mos: number }>('analytics_read_experience', { supi });
      expect(mos).toBeGreaterThanOrEqual(1);
      expect(mos).toBeLessThanOrEqual(5);
      expect(await run('analytics_read_path_performance', { supi })).toMatchObject({
        paths: [{ delayMs: expect.any(Number), lossPercent: 0 }, {}, {}],
      });
      expect(await run('analytics_predict_mobility', { supi, ...window })).toMatchObject({
        places: [{ cellId, seconds: 540, confidence: 1 }],
      });
      expect(await run('analytics_read_slice_load', {})).toMatchObject({ slices: [{}, {}, {}] });
      const heard = await listener();
      const watch = await run('analytics_watch_congestion', {
        cellIds: [cellId],
        notifyTo: `${heard.url}/told`,
      });
      expect(await run('analytics_unwatch_congestion', watch)).toEqual(done);
    },
  },
  {
    title: 'functions: found, watched, failed over, restarted',
    tools: [
      'registry_list_functions',
      'registry_read_function',
      'registry_read_load',
      'registry_discover_service',
      'registry_watch_functions',
      'registry_unwatch_functions',
      'recovery_check_redundancy',
      'recovery_prefer_function',
      'recovery_restart_function',
    ],
    async run({ run, net }) {
      type Functions = { functions: Array<{ instance: string }> };
      const { functions } = await run<Functions>('registry_list_functions', { nfType: 'PCF' });
      const [first, second] = functions.map(({ instance }) => instance);
      expect(await run('registry_read_function', { instanceId: first })).toMatchObject({
        type: 'PCF',
        status: 'REGISTERED',
        services: expect.arrayContaining(['npcf-policyauthorization']),
      });
      await net.faults.inject({ kind: 'nf-overload', instance: first, refused: 60 });
      expect(await run('registry_read_load', { nfType: 'PCF' })).toMatchObject({
        instances: [{ instance: first, load: 60 }, { instance: second }],
      });
      const found = await run<{ found: Array<{ instance: string }> }>('registry_discover_service', {
        nfType: 'PCF',
        service: 'npcf-policyauthorization',
      });
      expect(found.found.map(({ instance }) => instance)).toEqual([first, second]);
      expect(await run('recovery_check_redundancy', { nfType: 'PCF' })).toEqual({
        inService: 2,
        suspended: 0,
        redundant: true,
      });
      const heard = await listener();
      const { watchId } = await run('registry_watch_functions', {
        nfType: 'PCF',
        notifyTo: `${heard.url}/told`,
      });
      const prefer = { instanceId: first, priority: 9 };
      expect(await run('recovery_prefer_function', prefer)).toEqual({ before: 0, priority: 9 });
      const again = await run<{ found: Array<{ instance: string }> }>('registry_discover_service', {
        nfType: 'PCF',
      });
      expect(again.found[0]?.instance).toBe(second);
      await run('recovery_prefer_function', { instanceId: first, priority: 0 });
      expect(await run('registry_unwatch_functions', { watchId })).toEqual(done);
      expect(await run('recovery_restart_function', { instanceId: first })).toEqual({
        repaired: [expect.stringMatching(/^fault-/)],
      });
      expect(net.faults.list()).toEqual([]);
      await net.faults.inject({ kind: 'nf-dead', instance: second });
      await run('recovery_restart_function', { instanceId: second });
      expect(net.faults.list()).toEqual([]);
      await net.advanceTo(START + 1_000);
      expect(heard.told('told')[0]).toMatchObject({ event: 'NF_PROFILE_CHANGED' });
    },
  },
  {
    title: 'radio policies are saved and restored',
    tools: ['recovery_save_policies', 'recovery_restore_policies'],
    async run({ run }) {
      const bucket = 'backup';
      await run('storage_set_bucket', { bucket, siteId: 'edge-shanghai', quotaBytes: 100_000 });
      const kept = await run('ran_set_ue_priority', { supi, priorityLevel: 7 });
      const { key } = await run('recovery_save_policies', { bucket });
      await run('ran_release_policy', kept);
      const other = await run('ran_set_ue_priority', { supi, priorityLevel: 90 });
      expect(await run('recovery_restore_policies', { bucket, key })).toEqual({ restored: 1, removed: 1 });
      const policyType = 'priority';
      expect(await run('ran_list_policies', { policyType })).toEqual({ policyIds: [kept.policyId] });
      expect(other.policyId).not.toBe(kept.policyId);
      await run('storage_put_object', { bucket, key: 'other', data: 'no snapshot' });
      await expect(run('recovery_restore_policies', { bucket, key: 'other' })).rejects.toMatchObject({
        code: 'NETMCP_NO_SNAPSHOT',
      });
      expect(await run('ran_list_policies', { policyType })).toEqual({ policyIds: [kept.policyId] });
    },
  },
  {
    title: 'a service is assured over four functions, and ended',
    tools: ['assure_start_service', 'assure_end_service', 'assure_edge_service', 'recovery_use_standby'],
    async run({ run, net, radio }) {
      const before = await radio();
      const service = { supi, dlMbps: 4, ulMbps: 1, maxDelayMs: 150 };
      const { cellId, predictedDlMbps, guaranteed, ...held } = await run('assure_start_service', service);
      expect({ cellId, guaranteed }).toEqual({ cellId: before.cellId, guaranteed: true });
      expect(predictedDlMbps).toEqual(expect.any(Number));
      expect(await run('core_read_qos_session', { sessionId: held.sessionId })).toEqual({ guaranteed: true });
      expect(await run('assure_end_service', held)).toEqual({ released: true });
      expect(await run('ran_list_policies', { policyType: 'priority' })).toEqual({ policyIds: [] });
      const edge = { supi, siteId: 'edge-shanghai', cpuSeconds: 10 };
      const made = await run('assure_edge_service', edge);
      expect(await run('compute_read_job', { jobId: made.jobId })).toMatchObject({ state: 'RUNNING' });
      await run('exposure_end_influence', { influenceId: made.influenceId });
      await run('compute_release_resources', { allocationId: made.allocationId });
      await net.faults.inject({ kind: 'link-cut', link: 'link-edge-shanghai' });
      expect(await run('recovery_use_standby', { supi, marginDb: 30 })).toMatchObject({
        switched: false,
        rerouted: expect.stringMatching(/-shanghai$/),
      });
    },
  },
];
