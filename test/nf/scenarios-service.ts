import { expect } from 'vitest';
import type { Scenario } from './curated.ts';
import { listener } from './listener.ts';
import { START, SUPI } from './network.ts';

const supi = SUPI;
const window = { start: START + 60_000, end: START + 600_000 };
const done = { done: true };

/** What is done with the tools of radio, subscribers, sessions and policies, and what becomes of it. */
export const serviceScenarios: Scenario[] = [
  {
    title: 'radio: coverage, counters, reservation, handover, priority',
    tools: [
      'ran_get_coverage',
      'ran_collect_cell_kpis',
      'ran_read_counter',
      'ran_read_ue_radio',
      'ran_reserve_prbs',
      'ran_read_reservation',
      'ran_release_prbs',
      'ran_switch_network',
    ],
    async run({ run, radio }) {
      const { cellId, position } = await radio();
      const cellIds = [cellId];
      expect(await run('ran_get_coverage', { points: [{ ...position, t: START }] })).toMatchObject({
        points: [{ t: START }],
      });
      expect(await run('ran_collect_cell_kpis', { cellIds })).toMatchObject({ cells: [{ cellId }] });
      expect(await run('ran_read_counter', { cellIds, counter: 'RRU.PrbTotDl' })).toMatchObject({
        cells: [{ cellId, value: expect.any(Number) }],
      });
      expect(await run('ran_read_counter', { cellIds, counter: 'RRU.NotThere' })).toMatchObject({
        cells: [{ cellId, value: null }],
      });
      expect(await run('ran_read_ue_radio', { supi })).toMatchObject({ radio: { supi, cellId } });
      const { policyId } = await run('ran_reserve_prbs', { supi, cellIds, ratio: 10, ...window });
      const reservation = { reservationId: policyId };
      expect(await run('ran_read_reservation', reservation)).toEqual({
        cellIds,
        supis: [supi],
        ratio: 10,
        ...window,
      });
      expect(await run('ran_release_prbs', { policyId })).toEqual({ released: true });
      await expect(run('ran_read_reservation', reservation)).rejects.toMatchObject({
        failure: { code: 'IE_NOT_FOUND', executed: 'no' },
      });
      expect(await run('ran_switch_network', { supi, rat: 'EUTRA' })).toEqual({
        rat: 'EUTRA',
        switched: true,
      });
      expect((await radio()).rat).toBe('EUTRA');
    },
  },
  {
    title: 'radio policies: set, read, their status, taken back',
    tools: [
      'ran_list_policy_types',
      'ran_read_policy_type',
      'ran_list_policies',
      'ran_read_policy',
      'ran_read_policy_status',
      'ran_preset_handover',
      'ran_set_ue_priority',
      'ran_release_policy',
    ],
    async run({ run }) {
      expect(await run('ran_list_policy_types')).toEqual({ types: ['steering', 'priority'] });
      expect(await run('ran_read_policy_type', { policyType: 'priority' })).toMatchObject({
        policySchema: { type: 'object' },
      });
      const preset = await run('ran_preset_handover', {
        supi,
        toStandbyBelow: { rsrpDbm: -115, sinrDb: -3 },
        returnAbove: { rsrpDbm: -105, sinrDb: 2 },
        ...window,
      });
      const priority = await run('ran_set_ue_priority', { supi, priorityLevel: 5 });
      const at = { policyType: 'priority', policyId: priority.policyId };
      expect(await run('ran_list_policies', { policyType: 'priority' })).toEqual({
        policyIds: [priority.policyId],
      });
      expect(await run('ran_read_policy', at)).toMatchObject({
        policy: { scope: { ueId: supi }, statement: { priorityLevel: 5 } },
      });
      expect(await run('ran_read_policy_status', at)).toEqual({ enforced: true, reason: null });
      expect(
        await run('ran_read_policy_status', { policyType: 'steering', policyId: preset.policyId }),
      ).toEqual({ enforced: false, reason: 'STATEMENT_NOT_APPLICABLE' });
      expect(await run('ran_release_policy', preset)).toEqual({ released: true });
      expect(await run('ran_release_policy', priority)).toEqual({ released: true });
      for (const policyType of ['steering', 'priority'])
        expect(await run('ran_list_policies', { policyType })).toEqual({ policyIds: [] });
    },
  },
  {
    title: 'measurement jobs report, and end',
    tools: ['ran_start_measurement', 'ran_read_measurement', 'ran_stop_measurement'],
    async run({ run, radio, net }) {
      const { cellId } = await radio();
      const heard = await listener();
      const counters = ['RRU.PrbTotDl', 'MM.HoExeInterReq'];
      const job = await run('ran_start_measurement', {
        cellIds: [cellId],
        counters,
        seconds: 5,
        notifyTo: `${heard.url}/told`,
      });
      expect(await run('ran_read_measurement', job)).toEqual({ counters, cellIds: [cellId], seconds: 5 });
      await net.advanceTo(START + 6_000);
      expect(heard.told('told')).toMatchObject([
        { jobId: job.jobId, measurements: [{ objectInstance: cellId }] },
      ]);
      expect(await run('ran_stop_measurement', job)).toEqual(done);
      await net.advanceTo(START + 20_000);
      expect(heard.told('told')).toHaveLength(1);
    },
  },
  {
    title: 'subscribers: identity, place, reachability, watch',
    tools: [
      'core_translate_identity',
      'core_locate_ue',
      'core_read_reachability',
      'core_read_registration',
      'core_count_subscribers',
      'core_watch_subscriber',
      'core_unwatch_subscriber',
      'core_read_flow_usage',
      'core_find_address',
    ],
    async run({ run, radio }) {
      const { cellId } = await radio();
      const heard = await listener();
      const gpsi = 'msisdn-9990000000001';
      expect(await run('core_translate_identity', { gpsi })).toEqual({ supi, gpsi });
      expect(await run('core_locate_ue', { supi })).toMatchObject({ region: 'shanghai', cellId });
      expect(await run('core_read_reachability', { supi })).toEqual({ reachable: true });
      expect(await run('core_read_registration', { supi })).toEqual({
        registration: 'REGISTERED',
        connection: 'CONNECTED',
      });
      const { subscribers } = await run<{ subscribers: number }>('core_count_subscribers');
      expect(subscribers).toBeGreaterThanOrEqual(40);
      const watch = await run('core_watch_subscriber', { supi, notifyTo: `${heard.url}/told` });
      expect(watch).toEqual({ watchId: expect.stringMatching(/^amfev/) });
      expect(await run('core_unwatch_subscriber', watch)).toEqual(done);
      await expect(run('core_unwatch_subscriber', watch)).rejects.toMatchObject({
        failure: { code: 'SUBSCRIPTION_NOT_FOUND' },
      });
      expect(await run('core_read_flow_usage', { supi })).toMatchObject({ delayMs: expect.any(Number) });
      expect(await run('core_find_address', { supi })).toEqual({
        phone: '10.45.0.2',
        dnn: 'internet',
        slice: 1,
      });
    },
  },
  {
    title: 'data sessions: opened, paused, resumed, closed',
    tools: [
      'core_open_session',
      'core_pause_session',
      'core_resume_session',
      'core_close_session',
      'core_watch_sessions',
      'core_unwatch_sessions',
      'core_read_session_policy',
      'analytics_count_slice_sessions',
      'transport_list_anchors',
    ],
    async run({ run, net }) {
      const heard = await listener();
      const watch = await run('core_watch_sessions', { supi, notifyTo: `${heard.url}/told` });
      const low = { slice: 2 };
      expect(await run('analytics_count_slice_sessions', low)).toEqual({
        slices: [{ slice: '2-000001', sessions: 0 }],
      });
      const session = await run('core_open_session', { supi, dnn: 'factory', slice: 2 });
      expect(await run('analytics_count_slice_sessions', low)).toEqual({
        slices: [{ slice: '2-000001', sessions: 1 }],
      });
      expect(await run('core_read_session_policy', { policyId: 'smp-2' })).toMatchObject({
        supi,
        dnn: 'factory',
        slice: 2,
        fiveQi: 9,
      });
      const { upfs } = await run<{ upfs: Array<{ sessions: number }> }>('transport_list_anchors', { supi });
      expect(upfs.reduce((sum, { sessions }) => sum + sessions, 0)).toBe(2);
      expect(await run('core_pause_session', session)).toEqual({ state: 'DEACTIVATED' });
      expect(await run('core_resume_session', session)).toEqual({ state: 'ACTIVATED' });
      expect(await run('core_close_session', session)).toEqual(done);
      await net.advanceTo(START + 1_000);
      expect(
        heard.told('told').flatMap((body) => (body as { eventNotifs: object[] }).eventNotifs),
      ).toMatchObject([
        { event: 'PDU_SES_EST', dnn: 'factory' },
        { event: 'PDU_SES_REL', dnn: 'factory' },
      ]);
      expect(await run('analytics_count_slice_sessions', low)).toMatchObject({ slices: [{ sessions: 0 }] });
      expect(await run('core_unwatch_sessions', watch)).toEqual(done);
    },
  },
  {
    title: 'quality of a service by the policy function',
    tools: [
      'core_predict_qos',
      'core_predict_congestion',
      'core_create_qos_session',
      'core_modify_qos_session',
      'core_read_qos_session',
      'core_watch_qos_session',
      'core_unwatch_qos_session',
      'core_release_qos_session',
    ],
    async run({ run, radio }) {
      const { cellId } = await radio();
      const cellIds = [cellId];
      const qos = await run('core_predict_qos', { cellIds, ...window });
      expect(qos).toMatchObject({ cells: [{ cellId, confidence: 0.7 }] });
      const congestion = await run('core_predict_congestion', { cellIds, ...window });
      expect(congestion).toMatchObject({ cells: [{ cellId, prbRatio: expect.any(Number) }] });
      const wanted = { supi, media: 'VIDEO', dlMbps: 4, ulMbps: 1, maxDelayMs: 150 };
      const session = await run('core_create_qos_session', wanted);
      expect(session).toMatchObject({ sessionId: 'app-1', guaranteed: true });
      const { sessionId } = session;
      const change = { sessionId, priorityLevel: 1, preempt: true };
      expect(await run('core_modify_qos_session', change)).toEqual({ sessionId, guaranteed: true });
      expect(await run('core_read_qos_session', { sessionId })).toEqual({ guaranteed: true });
      const heard = await listener();
      expect(await run('core_watch_qos_session', { sessionId, notifyTo: `${heard.url}/told` })).toEqual(done);
      expect(await run('core_unwatch_qos_session', { sessionId })).toEqual(done);
      expect(await run('core_release_qos_session', { sessionId })).toEqual({ released: true });
      await expect(run('core_read_qos_session', { sessionId })).rejects.toMatchObject({
        failure: { code: 'APPLICATION_SESSION_CONTEXT_NOT_FOUND' },
      });
    },
  },
  {
    title: 'planned transfers are negotiated',
    tools: ['core_negotiate_transfer', 'core_read_transfer', 'core_choose_transfer'],
    async run({ run, radio }) {
      const { cellId } = await radio();
      const night = { start: START + 18 * 3_600_000, end: START + 19 * 3_600_000 };
      const offer = await run('core_negotiate_transfer', { cellIds: [cellId], ...night });
      expect(offer).toMatchObject({ offers: [{ offer: 1 }], chosen: null });
      const { transferId } = offer;
      expect(await run('core_choose_transfer', { transferId, offer: 1 })).toMatchObject({ chosen: 1 });
      await expect(run('core_choose_transfer', { transferId, offer: 2 })).rejects.toMatchObject({
        failure: { executed: 'no' },
      });
      expect(await run('core_read_transfer', { transferId })).toMatchObject({ chosen: 1 });
    },
  },
];
