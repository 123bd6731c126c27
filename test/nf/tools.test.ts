import { expect, test } from 'vitest';
import { toolsOf } from '../../src/netmcp/tools/index.ts';
import type { ToolContext } from '../../src/netmcp/tools/types.ts';
import { openSbiPort } from '../../src/netmcp/toolserver/sbi-port.ts';
import { network, START, SUPI } from './network.ts';
import { closing } from './support.ts';

test('every tool finds its function by the NRF and gets its work done', async () => {
  const { net, env, radio } = await network();
  const port = closing(openSbiPort(env, net.nrf));
  const all = (['ran', 'core', 'transport'] as const).flatMap(toolsOf);
  const used = new Set<string>();
  const run = async (name: string, args: unknown) => {
    const tool = all.find((one) => one.name === name);
    if (tool === undefined) throw new Error(`no tool ${name}`);
    used.add(name);
    const context: ToolContext = {
      id: () => env.ids.uuid(),
      signal: new AbortController().signal,
      hop: async (_nf, _operation, work) => (await work()).value,
      async sbi(request) {
        const answer = await port.request(request, { signal: new AbortController().signal });
        if (answer.status >= 400) throw new Error(`${name}: ${JSON.stringify(answer.body)}`);
        return answer;
      },
    };
    return await tool.execute(args, context);
  };
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

  expect([...used].sort()).toEqual(all.map(({ name }) => name).sort());
  expect(env.errors).toEqual([]);
});
