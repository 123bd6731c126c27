import { afterAll, expect, test } from 'vitest';
import { measurementTools } from '../../src/netmcp/tools/measurements.ts';
import { recoveryTools } from '../../src/netmcp/tools/recovery.ts';
import { watchTools } from '../../src/netmcp/tools/watches.ts';
import { listener } from './listener.ts';
import { START, SUPI } from './network.ts';
import { operator as freshOperator } from './tool-bench.ts';

const supi = SUPI;
const done = { done: true };
const called = new Set<string>();
const operator = async () => {
  const world = await freshOperator();
  const { run } = world;
  return {
    ...world,
    run: ((name, args) => {
      called.add(name);
      return run(name, args);
    }) as typeof run,
  };
};
afterAll(() => {
  const all = [...measurementTools, ...watchTools, ...recoveryTools].map(({ name }) => name);
  expect([...called]).toEqual(expect.arrayContaining(all));
});
const PCF = (n: number) => `00000000-0000-4000-8000-0000000000${n}3`;

test('faults are listed, and repaired', async () => {
  const { run, net } = await operator();
  expect(await run('recovery_list_alarms')).toEqual({ alarms: [] });
  await net.faults.inject({ kind: 'link-cut', link: 'link-edge-shanghai' });
  const { alarms } = await run<{ alarms: Array<{ alarmId: string }> }>('recovery_list_alarms');
  expect(alarms).toMatchObject([{ probableCause: 'link-cut', objectInstance: 'link-edge-shanghai' }]);
  const repair = { alarmId: alarms[0]?.alarmId };
  expect(await run('recovery_repair_fault', repair)).toEqual(done);
  expect(net.faults.list()).toEqual([]);
  await expect(run('recovery_repair_fault', repair)).rejects.toMatchObject({
    failure: { code: 'ALARM_NOT_FOUND', executed: 'no' },
  });
});

test('a function that is overloaded or dead is restarted; NRF and OAM are not', async () => {
  const { run, net, ask } = await operator();
  for (const fault of [
    { kind: 'nf-overload', instance: PCF(0), refused: 60 },
    { kind: 'nf-dead', instance: PCF(1) },
  ]) {
    const { id } = await net.faults.inject(fault);
    expect(await run('recovery_restart_function', { instanceId: fault.instance })).toEqual({
      repaired: [id],
    });
    expect(net.faults.list()).toEqual([]);
  }
  expect(await run('recovery_restart_function', { instanceId: PCF(0) })).toEqual({ repaired: [] });
  expect((await ask('PCF', 'GET', '/npcf-smpolicycontrol/v1/sm-policies/smp-1')).status).toBe(200);
  await expect(
    run('recovery_restart_function', { instanceId: '00000000-0000-4000-8000-0000000000ff' }),
  ).rejects.toMatchObject({ failure: { code: 'FUNCTION_NOT_FOUND' } });
});

test('another instance is asked first, and put back', async () => {
  const { run, ask } = await operator();
  const query = { 'target-nf-type': 'PCF', 'requester-nf-type': 'AF' };
  const order = async () => {
    const { body } = await ask('NRF', 'GET', '/nnrf-disc/v1/nf-instances', { query });
    return (body as { nfInstances: Array<{ nfInstanceId: string }> }).nfInstances.map(
      ({ nfInstanceId }) => nfInstanceId,
    );
  };
  expect(await order()).toEqual([PCF(0), PCF(1)]);
  const prefer = (priority: number) => run('recovery_prefer_function', { instanceId: PCF(0), priority });
  expect(await prefer(9)).toEqual({ before: 0, priority: 9 });
  expect(await order()).toEqual([PCF(1), PCF(0)]);
  expect(await prefer(0)).toEqual({ before: 9, priority: 0 });
  expect(await order()).toEqual([PCF(0), PCF(1)]);
});

test('radio policies are saved and restored; what is no snapshot changes nothing', async () => {
  const { run } = await operator();
  const bucket = 'backup';
  await run('storage_set_bucket', { bucket, siteId: 'edge-shanghai', quotaBytes: 100_000 });
  const kept = await run('ran_set_ue_priority', { supi, priorityLevel: 7 });
  const { key } = await run('recovery_save_policies', { bucket });
  await run('ran_release_policy', kept);
  await run('ran_set_ue_priority', { supi, priorityLevel: 90 });
  expect(await run('recovery_restore_policies', { bucket, key })).toEqual({ restored: 1, removed: 1 });
  expect(await run('recovery_restore_policies', { bucket, key })).toEqual({ restored: 1, removed: 0 });
  await run('storage_put_object', { bucket, key: 'other', data: 'no snapshot' });
  await expect(run('recovery_restore_policies', { bucket, key: 'other' })).rejects.toMatchObject({
    code: 'NETMCP_NO_SNAPSHOT',
  });
  // A policy that the base station refuses: what was set before it is taken back.
  const good = { id: 'prio-new', body: { scope: { ueId: supi }, statement: { priorityLevel: 3 } } };
  const bad = {
    id: 'prio-bad',
    body: { scope: { ueId: 'imsi-999990000000009' }, statement: { priorityLevel: 3 } },
  };
  await run('storage_put_object', {
    bucket,
    key: 'half',
    data: JSON.stringify({ steering: [], priority: [good, bad] }),
  });
  await expect(run('recovery_restore_policies', { bucket, key: 'half' })).rejects.toMatchObject({
    failure: { code: 'USER_UNKNOWN' },
  });
  const { key: after } = await run('recovery_save_policies', { bucket });
  const snapshot = async (name: unknown) =>
    JSON.parse((await run<{ data: string }>('storage_get_object', { bucket, key: name })).data) as unknown;
  expect(await snapshot(after)).toEqual(await snapshot(key));
});

test('measurement jobs report, and end; counters are archived', async () => {
  const { run, radio, net } = await operator();
  const { cellId } = await radio();
  const heard = await listener();
  const counters = ['RRU.PrbTotDl', 'MM.HoExeInterReq'];
  const wanted = { cellIds: [cellId], counters, seconds: 5, notifyTo: `${heard.url}/told` };
  const job = await run('ran_start_measurement', wanted);
  expect(await run('ran_read_measurement', job)).toEqual({ counters, cellIds: [cellId], seconds: 5 });
  await net.advanceTo(START + 6_000);
  expect(heard.told('told')).toMatchObject([
    { jobId: job.jobId, measurements: [{ objectInstance: cellId }] },
  ]);
  expect(await run('ran_stop_measurement', job)).toEqual(done);
  await net.advanceTo(START + 20_000);
  expect(heard.told('told')).toHaveLength(1);
  await run('storage_set_bucket', { bucket: 'kept', siteId: 'edge-shanghai', quotaBytes: 10_000 });
  const archived = await run('ran_archive_counters', { bucket: 'kept', cellIds: [cellId] });
  const stored = await run<{ data: string }>('storage_get_object', { bucket: 'kept', key: archived.key });
  expect(JSON.parse(stored.data)).toMatchObject([{ cellId, 'RRU.PrbTotDl': expect.any(Number) }]);
});

test('watches tell of functions, subscribers, sessions, guarantees and congestion until they end', async () => {
  const { run, radio, net } = await operator();
  const { cellId } = await radio();
  const heard = await listener();
  const at = (name: string) => ({ notifyTo: `${heard.url}/${name}` });
  const functions = await run('core_watch_functions', { nfType: 'PCF', ...at('functions') });
  const subscriber = await run('core_watch_subscriber', { supi, ...at('subscriber') });
  const sessions = await run('core_watch_sessions', { supi, events: ['RAT_TY_CH'], ...at('sessions') });
  const congestion = await run('core_watch_congestion', { cellIds: [cellId], ...at('congestion') });
  const qos = { supi, dlMbps: 2, ulMbps: 1, maxDelayMs: 150 };
  const { sessionId } = await run('core_create_qos_session', qos);
  expect(await run('core_watch_qos_session', { sessionId, ...at('qos') })).toEqual(done);
  await run('recovery_prefer_function', { instanceId: PCF(1), priority: 4 });
  await run('ran_switch_network', { supi, rat: 'EUTRA' });
  await net.advanceTo(START + 2_000);
  expect(heard.told('functions')).toMatchObject([{ event: 'NF_PROFILE_CHANGED' }]);
  expect(heard.told('subscriber')[0]).toMatchObject({ reportList: [{ type: 'LOCATION_REPORT' }] });
  expect(heard.told('sessions')).toMatchObject([{ eventNotifs: [{ event: 'RAT_TY_CH', ratType: 'EUTRA' }] }]);
  expect(await run('core_unwatch_functions', { watchId: functions.watchId })).toEqual(done);
  expect(await run('core_unwatch_subscriber', subscriber)).toEqual(done);
  expect(await run('core_unwatch_sessions', sessions)).toEqual(done);
  expect(await run('core_unwatch_congestion', congestion)).toEqual(done);
  expect(await run('core_unwatch_qos_session', { sessionId })).toEqual(done);
  const before = ['functions', 'subscriber', 'sessions'].map((name) => heard.told(name).length);
  await run('recovery_prefer_function', { instanceId: PCF(1), priority: 1 });
  await run('ran_switch_network', { supi, rat: 'NR' });
  await net.advanceTo(START + 4_000);
  expect(['functions', 'subscriber', 'sessions'].map((name) => heard.told(name).length)).toEqual(before);
  await expect(run('core_unwatch_sessions', sessions)).rejects.toMatchObject({
    failure: { code: 'SUBSCRIPTION_NOT_FOUND' },
  });
});
