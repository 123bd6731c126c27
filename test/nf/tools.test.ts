import { expect, test } from 'vitest';
import { TOOL_AREAS, toolsOf } from '../../src/netmcp/tools/index.ts';
import { measurementTools } from '../../src/netmcp/tools/measurements.ts';
import { recoveryTools } from '../../src/netmcp/tools/recovery.ts';
import type { ToolContext } from '../../src/netmcp/tools/types.ts';
import { watchTools } from '../../src/netmcp/tools/watches.ts';
import { openSbiPort } from '../../src/netmcp/toolserver/sbi-port.ts';
import { compileTool } from '../../src/netmcp/toolserver/verify.ts';
import { network, START, SUPI } from './network.ts';
import { closing } from './support.ts';

const all = TOOL_AREAS.flatMap(toolsOf);

/** The network, and a way to execute a tool on it; `used` are the names so far. */
async function bench() {
  const made = await network();
  const { net, env } = made;
  const port = closing(openSbiPort(env, net.nrf));
  const used = new Set<string>();
  const run = async (name: string, args: unknown): Promise<Record<string, unknown>> => {
    const tool = all.find((one) => one.name === name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    used.add(name);
    const context: ToolContext = {
      id: () => env.ids.uuid(),
      signal: new AbortController().signal,
      hop: async (_nf, _operation, work) => (await work()).value,
      step: () => Promise.reject(new Error('no tool here has steps')),
      async sbi(request) {
        const answer = await port.request(request, { signal: new AbortController().signal });
        if (answer.status >= 400) throw new Error(`${name}: ${JSON.stringify(answer.body)}`);
        return answer;
      },
    };
    return await tool.execute(args, context);
  };
  return { ...made, run, used };
}

test('tools of radio, sessions and paths find their function by the NRF and get their work done', async () => {
  const { env, radio, run, used } = await bench();
  const supi = SUPI;
  const { cellId, position } = await radio();
  const cellIds = [cellId];
  const window = { start: START + 60_000, end: START + 600_000 };

  expect(await run('ran_get_coverage', { points: [{ ...position, t: START }] })).toMatchObject({
    points: [{ t: START }],
  });
  expect(await run('ran_collect_cell_kpis', { cellIds })).toMatchObject({ cells: [{ cellId }] });
  expect(await run('ran_read_ue_radio', { supi })).toMatchObject({ radio: { supi, cellId } });
  const reserved = await run('ran_reserve_prbs', { supi, cellIds, ratio: 10, ...window });
  expect(await run('ran_release_prbs', reserved)).toEqual({ released: true });
  const low = { rsrpDbm: -115, sinrDb: -3 };
  const high = { rsrpDbm: -105, sinrDb: 2 };
  const preset = await run('ran_preset_handover', {
    supi,
    toStandbyBelow: low,
    returnAbove: high,
    ...window,
  });
  expect(await run('ran_release_policy', preset)).toEqual({ released: true });
  const priority = await run('ran_set_ue_priority', { supi, priorityLevel: 5 });
  expect(await run('ran_release_policy', priority)).toEqual({ released: true });
  expect(await run('core_translate_identity', { gpsi: 'msisdn-9990000000001' })).toEqual({
    supi,
    gpsi: 'msisdn-9990000000001',
  });
  expect(await run('core_locate_ue', { supi })).toMatchObject({ region: 'shanghai', cellId });
  const qos = await run('core_predict_qos', { cellIds, ...window });
  expect(qos).toMatchObject({ cells: [{ cellId, confidence: 0.7 }] });
  const congestion = await run('core_predict_congestion', { cellIds, ...window });
  expect(congestion).toMatchObject({ cells: [{ cellId, prbRatio: expect.any(Number) }] });
  const session = await run('core_create_qos_session', {
    supi,
    media: 'VIDEO',
    dlMbps: 4,
    ulMbps: 1,
    maxDelayMs: 150,
  });
  expect(session).toMatchObject({ sessionId: 'app-1', guaranteed: true });
  const { sessionId } = session;
  expect(await run('core_modify_qos_session', { sessionId, priorityLevel: 1, preempt: true })).toEqual({
    sessionId,
    guaranteed: true,
  });
  expect(await run('core_read_qos_session', { sessionId })).toEqual({ guaranteed: true });
  expect(await run('core_read_flow_usage', { supi })).toMatchObject({ delayMs: expect.any(Number) });
  expect(await run('core_release_qos_session', { sessionId })).toEqual({ released: true });
  expect(await run('transport_read_paths', { supi })).toMatchObject({ paths: [{}, {}, {}] });
  expect(await run('transport_switch_path', { supi, dnai: 'backup-shanghai' })).toMatchObject({
    switched: true,
  });
  expect(await run('compute_place_relay', { supi, maxDelayMs: 50 })).toMatchObject({ dnai: 'edge-shanghai' });
  expect(await run('ran_switch_network', { supi, rat: 'EUTRA' })).toEqual({ rat: 'EUTRA', switched: true });

  expect(env.errors).toEqual([]);
  called(used);
});

/** Names of all that the tests of this file have called. */
const everything = new Set<string>();
const called = (used: ReadonlySet<string>) => {
  for (const name of used) everything.add(name);
};

test('analytics, the repository and reachability are read', async () => {
  const { env, radio, run, used } = await bench();
  const supi = SUPI;
  const { cellId } = await radio();
  const cellIds = [cellId];
  const window = { start: START + 60_000, end: START + 600_000 };

  const loads = await run('core_read_nf_load', { nfType: 'PCF' });
  expect(loads).toMatchObject({ functions: [{ nfType: 'PCF' }, { nfType: 'PCF' }] });
  expect((await run('core_read_nf_load', {})).functions).not.toEqual(loads.functions);
  expect(await run('core_predict_network_performance', { cellIds, ...window })).toMatchObject({
    gbrPrbRatio: expect.any(Number),
    users: expect.any(Number),
  });
  const { mos } = await run('core_read_service_experience', { supi });
  expect(mos).toBeGreaterThanOrEqual(1);
  expect(mos).toBeLessThanOrEqual(5);
  expect(await run('transport_read_path_performance', { supi })).toMatchObject({
    paths: [{ dnai: 'central-shanghai', delayMs: expect.any(Number), lossRatio: 0 }, {}, {}],
  });
  expect(await run('core_predict_ue_mobility', { supi, ...window })).toMatchObject({ places: [{ cellId }] });
  expect(await run('core_read_slice_load', { sst: 1 })).toMatchObject({ slices: [{ sst: 1, sessions: 1 }] });

  const { nfInstanceIds } = await run('core_list_network_functions', { nfType: 'SMF' });
  expect(nfInstanceIds).toHaveLength(2);
  const [first, second] = nfInstanceIds as [string, string];
  const profile = await run('core_read_nf_profile', { nfInstanceId: first });
  expect(profile).toMatchObject({ nfInstanceId: first, nfType: 'SMF', status: 'REGISTERED' });
  expect(profile.services).toContain('nsmf-pdusession');
  const found = await run('core_discover_network_functions', {
    nfType: 'PCF',
    serviceName: 'npcf-policyauthorization',
    limit: 1,
  });
  expect(found).toMatchObject({ functions: [{ nfType: 'PCF', services: ['npcf-policyauthorization'] }] });
  expect(await run('core_find_standby_functions', { nfInstanceId: first })).toMatchObject({
    functions: [{ nfInstanceId: second }],
  });

  expect(await run('core_read_registration', { supi })).toEqual({
    registered: true,
    connected: true,
    reachable: true,
  });
  expect(await run('core_count_subscribers', {})).toEqual({ subscribers: expect.any(Number) });
  expect(await run('core_reach_subscriber', { supi })).toEqual({ cause: 'N1_N2_TRANSFER_INITIATED' });
  expect(env.errors).toEqual([]);
  called(used);
});

test('sessions are found, made, suspended, resumed and released', async () => {
  const { env, run, used } = await bench();
  const supi = SUPI;
  const found = await run('core_find_session_of_subscriber', { supi });
  expect(found).toMatchObject({ found: true, supi, dnn: 'internet', sst: 1 });
  const ipv4 = found.ipv4 as string;
  expect(await run('core_find_subscriber_by_address', { ipv4 })).toEqual(found);
  expect(await run('core_find_subscriber_by_address', { ipv4: '198.51.100.1' })).toMatchObject({
    found: false,
  });

  const made = await run('core_establish_pdu_session', {
    supi,
    pduSessionId: 2,
    dnn: 'factory',
    sst: 2,
    sd: '000001',
  });
  expect(await run('core_read_slice_load', { sst: 2 })).toMatchObject({ slices: [{ sessions: 1 }] });
  expect(await run('core_suspend_user_plane', made)).toEqual({ state: 'DEACTIVATED' });
  expect(await run('core_resume_user_plane', made)).toEqual({ state: 'ACTIVATED' });
  expect(await run('core_release_pdu_session', made)).toEqual({ released: true });
  expect(await run('core_read_slice_load', { sst: 2 })).toMatchObject({ slices: [{ sessions: 0 }] });
  expect(await run('core_list_user_plane_functions', { supi })).toMatchObject({
    upfs: [{ dnai: 'central-shanghai' }, {}, {}],
  });

  const qos = await run('core_request_reference_qos', { ipv4, qosReference: 'QOS_S', seconds: 600 });
  expect(await run('core_read_reference_qos', qos)).toEqual({ ipv4, qosReference: 'QOS_S' });
  expect(await run('core_end_reference_qos', qos)).toEqual({ ended: true });
  await expect(run('core_read_reference_qos', qos)).rejects.toThrow('404');

  const led = await run('core_influence_traffic', { ipv4, dnai: 'edge-shanghai' });
  expect(await run('transport_read_paths', { supi })).toMatchObject({
    paths: expect.arrayContaining([expect.objectContaining({ dnai: 'edge-shanghai', active: true })]),
  });
  expect(await run('core_end_traffic_influence', led)).toEqual({ ended: true });

  const planned = await run('core_plan_data_transfer', { start: START + 3_600_000, end: START + 7_200_000 });
  expect(planned).toMatchObject({ windows: [{ choice: 1, start: START + 3_600_000 }] });
  const { transferId } = planned;
  expect(await run('core_choose_transfer_window', { transferId, choice: 1 })).toEqual(planned);
  await expect(run('core_choose_transfer_window', { transferId, choice: 9 })).rejects.toThrow(
    'selPdtqPolicyId',
  );
  expect(await run('core_read_data_transfer', { transferId })).toEqual(planned);
  expect(env.errors).toEqual([]);
  called(used);
});

test('policies and measurements of the base stations are read', async () => {
  const { env, radio, run, used } = await bench();
  const supi = SUPI;
  const { cellId } = await radio();
  const cellIds = [cellId];
  expect(await run('ran_list_policy_types', {})).toEqual({ types: ['steering', 'priority'] });
  expect(await run('ran_list_policies', { type: 'priority' })).toEqual({ policyIds: [] });
  const priority = await run('ran_set_ue_priority', { supi, priorityLevel: 5 });
  expect(await run('ran_list_policies', { type: 'priority' })).toEqual({ policyIds: [priority.policyId] });
  expect(await run('ran_read_policy_status', priority)).toEqual({ enforced: true, reason: null });
  await run('ran_release_policy', priority);
  await expect(run('ran_read_policy_status', priority)).rejects.toThrow('404');
  const reserved = await run('ran_reserve_prbs', { supi, cellIds, ratio: 10 });
  expect(await run('ran_read_dedicated_ratio', reserved)).toEqual({ ratio: 10 });
  await run('ran_release_prbs', reserved);
  expect(await run('ran_read_measurements', { cellIds, names: ['RRU.PrbTotDl', 'No.Such'] })).toEqual({
    cells: [{ cellId, values: { 'RRU.PrbTotDl': expect.any(Number), 'No.Such': null } }],
  });
  expect(await run('ran_read_handovers', { cellIds })).toEqual({
    cells: [{ cellId, tried: 0, succeeded: 0 }],
  });
  expect(await run('ran_find_congested_cells', { cellIds, above: 0 })).toMatchObject({ cells: [{ cellId }] });
  expect(await run('ran_find_congested_cells', { cellIds, above: 100 })).toEqual({ cells: [] });
  expect(env.errors).toEqual([]);
  called(used);
});

test('computing and storage are allocated, used, moved and given back', async () => {
  const { env, run, used } = await bench();
  const { sites } = (await run('compute_list_sites', {})) as { sites: Array<{ siteId: string }> };
  expect(sites.map(({ siteId }) => siteId)).toEqual(['edge-shanghai', 'central-shanghai']);
  const made = await run('compute_allocate', {
    siteId: 'edge-shanghai',
    name: 'relay',
    vcpu: 4,
    memoryMiB: 1_024,
    gpu: 0,
  });
  const { allocationId } = made as { allocationId: string };
  expect(await run('compute_read_site', { siteId: 'edge-shanghai' })).toMatchObject({ free: { vcpu: 60 } });
  expect(await run('compute_list_allocations', {})).toEqual({ allocations: [made] });
  const job = await run('compute_run_job', { allocationId, name: 'inference', cpuSeconds: 8 });
  expect(job).toMatchObject({ state: 'RUNNING', endsAt: START + 2_000 });
  expect(await run('compute_read_job', { jobId: job.jobId })).toEqual(job);
  const moved = await run('compute_move_allocation', { allocationId, siteId: 'central-shanghai' });
  expect(moved).toMatchObject({ siteId: 'central-shanghai', vcpu: 4 });
  expect(await run('compute_read_allocation', { allocationId: moved.allocationId })).toEqual(moved);
  expect(await run('compute_list_allocations', {})).toEqual({ allocations: [moved] });
  await expect(
    run('compute_move_allocation', { allocationId: moved.allocationId, siteId: 'edge-nowhere' }),
  ).rejects.toThrow('SITE_NOT_FOUND');
  expect(await run('compute_list_allocations', {})).toEqual({ allocations: [moved] });
  expect(await run('compute_release', { allocationId: moved.allocationId })).toEqual({ released: true });
  const near = await run('compute_offload_near', { supi: SUPI, name: 'vision', vcpu: 2, memoryMiB: 512 });
  expect(near).toMatchObject({ siteId: 'edge-shanghai' });
  await run('compute_allocate', {
    siteId: 'central-shanghai',
    name: 'all',
    vcpu: 1_024,
    memoryMiB: 1,
    gpu: 0,
  });
  await expect(
    run('compute_offload_near', { supi: SUPI, name: 'vision', vcpu: 1_024, memoryMiB: 4_194_304 }),
  ).rejects.toMatchObject({ code: 'NETMCP_NO_ROOM' });

  const bucket = { bucket: 'maps', siteId: 'edge-shanghai', quotaBytes: 1_000 };
  expect(await run('storage_set_bucket', bucket)).toEqual({ ...bucket, usedBytes: 0 });
  expect(
    await run('storage_put_object', { bucket: 'maps', key: 'a', data: 'cells', contentType: 'text/plain' }),
  ).toMatchObject({ key: 'a' });
  expect(await run('storage_get_object', { bucket: 'maps', key: 'a' })).toMatchObject({ data: 'cells' });
  expect(await run('storage_list_objects', { bucket: 'maps' })).toEqual({ keys: ['a'] });
  expect(
    await run('storage_replicate_bucket', { bucket: 'maps', to: 'maps-2', siteId: 'central-shanghai' }),
  ).toEqual({ bucket: 'maps-2', objects: 1, left: 0 });
  expect(await run('storage_get_object', { bucket: 'maps-2', key: 'a' })).toMatchObject({ data: 'cells' });
  expect(await run('storage_list_buckets', {})).toEqual({ buckets: ['maps', 'maps-2'] });
  expect(await run('storage_delete_object', { bucket: 'maps', key: 'a' })).toEqual({ deleted: true });
  expect(await run('storage_read_bucket', { bucket: 'maps' })).toMatchObject({ usedBytes: 0 });
  expect(await run('storage_delete_bucket', { bucket: 'maps' })).toEqual({ deleted: true });
  await expect(run('storage_read_bucket', { bucket: 'maps' })).rejects.toThrow('404');
  expect(env.errors).toEqual([]);
  called(used);
});

test('a composite whose second half is refused leaves nothing of its first', async () => {
  const { net, run } = await bench();
  const { nfInstanceIds } = await run('core_list_network_functions', { nfType: 'GNB' });
  const [instance] = nfInstanceIds as string[];
  const { id } = await net.faults.inject({ kind: 'nf-overload', instance, refused: 100 });
  const wanted = { supi: SUPI, dlMbps: 2, ulMbps: 1, maxDelayMs: 150, priorityLevel: 10 };
  await expect(run('core_assure_service', wanted)).rejects.toThrow('503');
  await net.faults.clear(id);
  await expect(run('core_read_qos_session', { sessionId: 'app-1' })).rejects.toThrow('404');
  expect(await run('core_assure_service', wanted)).toMatchObject({ sessionId: 'app-2' });
});

test('composite tools do all of it or nothing, and recover', async () => {
  const { env, net, run, used } = await bench();
  const supi = SUPI;
  const assured = await run('core_assure_service', {
    supi,
    dlMbps: 2,
    ulMbps: 1,
    maxDelayMs: 150,
    priorityLevel: 10,
  });
  expect(await run('core_read_qos_session', { sessionId: assured.sessionId })).toEqual({ guaranteed: true });
  expect(await run('ran_list_policies', { type: 'priority' })).toEqual({ policyIds: [assured.policyId] });
  await run('core_release_qos_session', { sessionId: assured.sessionId });
  await run('ran_release_policy', { policyId: assured.policyId });
  expect(await run('core_diagnose_service', { supi })).toMatchObject({
    cause: expect.stringMatching(/weak radio|full cell|none found/),
    prbRatio: expect.any(Number),
  });
  expect(await run('transport_fail_over', { supi })).toMatchObject({ switched: false });
  net.faults.inject({ kind: 'link-cut', link: 'link-central-shanghai' });
  expect(await run('core_diagnose_service', { supi })).toMatchObject({ cause: expect.any(String) });
  expect(await run('transport_fail_over', { supi })).toEqual({ dnai: 'edge-shanghai', switched: true });
  expect(await run('transport_take_fastest_path', { supi })).toMatchObject({
    dnai: 'edge-shanghai',
    switched: false,
  });
  expect(env.errors).toEqual([]);
  called(used);
});

test('there are at least 60 tools over all kinds, each small, and each was called above', () => {
  expect(all.length).toBeGreaterThanOrEqual(60);
  expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  // Those of watches, measurement jobs and operations are called in tools-operations.test.ts.
  const elsewhere = new Set([...measurementTools, ...watchTools, ...recoveryTools].map(({ name }) => name));
  expect([...everything].sort()).toEqual(
    all
      .map(({ name }) => name)
      .filter((name) => !elsewhere.has(name))
      .sort(),
  );
  const kinds = Map.groupBy(all, ({ meta }) => meta.kind);
  expect(kinds.size).toBe(6);
  for (const [kind, tools] of kinds) expect({ kind, some: tools.length >= 5 }).toEqual({ kind, some: true });
  for (const tool of all) {
    const { definition } = compileTool(tool);
    expect({ name: tool.name, fits: JSON.stringify(definition).length <= 4_096 }).toEqual({
      name: tool.name,
      fits: true,
    });
  }
});
