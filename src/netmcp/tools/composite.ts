import { z } from 'zod';
import { fail } from '../../errors.ts';
import { accessTools } from './access.ts';
import { release, reserve, runJob, siteId } from './computing.ts';
import { coreTools } from './core.ts';
import { endInfluence, influence } from './exposure.ts';
import { ranTools } from './ran.ts';
import { readCounters } from './ran-policies.ts';
import { findAddress } from './sessions.ts';
import { withUndo } from './steps.ts';
import { bucket, putObject } from './storage.ts';
import { readPaths, change as switchPath } from './transport.ts';
import { cellIds, type NfTool, supi, type ToolContext, tool } from './types.ts';

/** An atomic tool as a step: its schema reads what it is given and what it gives. */
function step(name: string) {
  const found = ([...coreTools, ...ranTools, ...accessTools] as NfTool[]).find((each) => each.name === name);
  if (found === undefined) throw new Error(`no tool ${name}`);
  return (args: Record<string, unknown>, context: ToolContext) => found.execute(args, context);
}
const locate = step('core_locate_ue');
const createQos = step('core_create_qos_session');
const releaseQos = step('core_release_qos_session');
const predict = step('core_predict_qos');
const prioritise = step('ran_set_ue_priority');
const releasePolicy = step('ran_release_policy');
const readRadio = step('ran_read_ue_radio');
const switchRat = step('ran_switch_network');
const text = (value: unknown) => z.string().parse(value);

/** Of the downlink window that is asked about beside what is there now, ms. */
const AHEAD_MS = 600_000;

export const compositeTools = [
  tool({
    name: 'assure_start_service',
    title: "Assure a subscriber's service",
    description:
      'Locates a subscriber, predicts the rate of the cell, creates a QoS session and sets scheduling priority; undoes all if one fails.',
    category: 'policy',
    kind: 'performance assurance',
    labels: ['assurance', 'guarantee', 'video conference', 'live streaming', 'VIP', 'end-to-end'],
    effects: 'reversible',
    nf: [
      { type: 'AMF', operations: ['ProvideLocationInfo'] },
      { type: 'GNB', operations: ['readUeRadio', 'putPolicy priority', 'deletePolicy priority'] },
      { type: 'NWDAF', operations: ['GetNwdafAnalytics QOS_SUSTAINABILITY'] },
      { type: 'PCF', operations: ['PostAppSessions', 'GetAppSession', 'DeleteAppSession'] },
    ],
    input: z.strictObject({
      supi,
      // As the operator's limits have them for a single QoS session.
      dlMbps: z.number().min(0).max(200),
      ulMbps: z.number().min(0).max(200),
      maxDelayMs: z.number().int().min(1).max(10_000),
      schedulingPriority: z.number().int().min(1).max(127).default(20).describe('Smaller is sooner'),
    }),
    output: z.object({
      cellId: z.string().nullable(),
      predictedDlMbps: z.number().nullable(),
      sessionId: z.string(),
      policyId: z.string(),
      guaranteed: z.boolean(),
    }),
    async execute({ supi: subscriber, schedulingPriority, ...qos }, context) {
      const { cellId } = z
        .object({ cellId: z.string().nullable() })
        .parse(await locate({ supi: subscriber }, context));
      const predictedDlMbps = cellId === null ? null : await sustainable(subscriber, cellId, context);
      return withUndo(async (did) => {
        const session = await createQos({ supi: subscriber, ...qos }, context);
        const sessionId = text(session.sessionId);
        did(`QoS session ${sessionId}`, () => releaseQos({ sessionId }, context));
        const policy = await prioritise({ supi: subscriber, priorityLevel: schedulingPriority }, context);
        const policyId = text(policy.policyId);
        did(`priority ${policyId}`, () => releasePolicy({ policyId }, context));
        return { cellId, predictedDlMbps, sessionId, policyId, guaranteed: session.guaranteed === true };
      });
    },
  }),
  tool({
    name: 'assure_end_service',
    title: 'End the assurance of a service',
    description: 'Ends the QoS session and the scheduling priority that assured a service.',
    category: 'policy',
    kind: 'resource management',
    labels: ['assurance', 'stop', 'release', 'after the event'],
    effects: 'reversible',
    nf: [
      { type: 'PCF', operations: ['DeleteAppSession'] },
      { type: 'GNB', operations: ['deletePolicy priority'] },
    ],
    input: z.strictObject({
      sessionId: z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/)
        .describe('Id of the QoS session'),
      policyId: z
        .string()
        .regex(/^prio-[A-Za-z0-9-]{1,59}$/)
        .describe('Id of the priority'),
    }),
    output: z.object({ released: z.boolean() }),
    async execute(args, context) {
      await releaseQos({ sessionId: args.sessionId }, context);
      return releasePolicy({ policyId: args.policyId }, context) as Promise<{ released: boolean }>;
    },
  }),
  tool({
    name: 'assure_edge_service',
    title: 'Deploy a service at the edge',
    description:
      'Reserves computing at a site, starts the job there and routes the traffic of a subscriber to it; undoes all if one fails.',
    category: 'computing',
    kind: 'resource management',
    labels: ['edge inference', 'connection and computing', 'offload', 'AI', 'take over', 'weak terminal'],
    effects: 'reversible',
    nf: [
      { type: 'BSF', operations: ['GetPCFBindings'] },
      { type: 'COMPUTE', operations: ['createAllocation', 'createJob', 'deleteAllocation'] },
      { type: 'NEF', operations: ['CreateTrafficInfluence', 'DeleteTrafficInfluence'] },
    ],
    input: z.strictObject({
      supi,
      siteId,
      vcpu: z.number().int().min(1).max(1_024).default(4).describe('Cores'),
      memoryMiB: z.number().int().min(128).max(4_194_304).default(8_192).describe('Memory, MiB'),
      gpu: z.number().int().min(0).max(32).default(0).describe('GPUs'),
      cpuSeconds: z.number().min(0.001).max(86_400_000).describe('Work, core-seconds'),
    }),
    output: z.object({ allocationId: z.string(), jobId: z.string(), influenceId: z.string() }),
    async execute({ supi: subscriber, cpuSeconds, ...wanted }, context) {
      const { phone } = await findAddress(subscriber, context);
      if (phone === null) throw fail('NETMCP_NO_SESSION', { supi: subscriber });
      return withUndo(async (did) => {
        const allocationId = await reserve({ ...wanted, name: subscriber }, context);
        did(`reservation ${allocationId}`, () => release(allocationId, context));
        const { jobId } = await runJob(allocationId, subscriber, cpuSeconds, context);
        // The access identifier over which a site is near has its name.
        const influenceId = await influence('netagent', phone, wanted.siteId, context);
        did(`influence ${influenceId}`, () => endInfluence('netagent', influenceId, context));
        return { allocationId, jobId, influenceId };
      });
    },
  }),
  tool({
    name: 'recovery_use_standby',
    title: 'Rescue a subscriber from weak coverage',
    description:
      'Reads the radio of a subscriber and switches to the standby network where that is stronger, and off an ill path; undoes on failure.',
    category: 'mobility',
    kind: 'redundancy recovery',
    labels: ['standby network', '4g fallback', 'weak signal', 'poor coverage', 'rescue', 'emergency'],
    effects: 'reversible',
    nf: [
      { type: 'GNB', operations: ['readUeRadio', 'orderHandover'] },
      { type: 'SMF', operations: ['readPaths', 'switchPath'] },
    ],
    input: z.strictObject({
      supi,
      marginDb: z.number().min(0).max(30).default(3).describe('Standby must be so much stronger (RSRP), dB'),
    }),
    output: z.object({ rat: z.string().nullable(), switched: z.boolean(), rerouted: z.string().nullable() }),
    async execute(args, context) {
      const { radio } = z
        .object({
          radio: z.looseObject({
            rat: z.enum(['NR', 'EUTRA']).nullable(),
            rsrpDbm: z.number().nullable(),
            standby: z.looseObject({ rat: z.enum(['NR', 'EUTRA']), rsrpDbm: z.number() }).nullable(),
          }),
        })
        .parse(await readRadio({ supi: args.supi }, context));
      const paths = await readPaths(args.supi, context);
      return withUndo(async (did) => {
        const { rat, standby } = radio;
        let switched = false;
        if (standby !== null && standby.rsrpDbm >= (radio.rsrpDbm ?? -200) + args.marginDb) {
          const order = { supi: args.supi, rat: standby.rat };
          switched = (await switchRat(order, context)).switched === true;
          if (switched && rat !== null) did('handover', () => switchRat({ supi: args.supi, rat }, context));
        }
        const active = paths.find((path) => path.active);
        const best = paths.filter(({ healthy }) => healthy).sort((a, b) => a.delayMs - b.delayMs)[0];
        const reroute = active?.healthy === false && best !== undefined;
        if (reroute) await switchPath.execute({ supi: args.supi, dnai: best.dnai }, context);
        return {
          rat: switched ? (standby?.rat ?? rat) : rat,
          switched,
          rerouted: reroute ? best.dnai : null,
        };
      });
    },
  }),
  tool({
    name: 'storage_archive_counters',
    title: 'Archive the counters of cells',
    description: 'Collects the performance counters of cells and stores them as one object in a bucket.',
    category: 'storage',
    kind: 'data collection',
    labels: ['history', 'record', 'review', 'experience', 'log'],
    effects: 'reversible',
    nf: [
      { type: 'GNB', operations: ['readKpis'] },
      { type: 'STORAGE', operations: ['putObject'] },
    ],
    input: z.strictObject({ cellIds, bucket }),
    output: z.object({ key: z.string(), cells: z.number(), bytes: z.number() }),
    async execute(args, context) {
      const cells = await readCounters(args.cellIds, context);
      const name = `counters-${context.id()}`;
      const stored = await putObject(args.bucket, name, JSON.stringify(cells), context, 'application/json');
      return { key: name, cells: cells.length, bytes: stored.bytes };
    },
  }),
];

/** Rate that the cell is expected to sustain from now on, Mbit/s. */
async function sustainable(subscriber: string, cellId: string, context: ToolContext) {
  const { radio } = z
    .object({ radio: z.looseObject({ t: z.number() }) })
    .parse(await readRadio({ supi: subscriber }, context));
  const window = { start: radio.t, end: radio.t + AHEAD_MS };
  const { cells } = z
    .object({ cells: z.array(z.object({ dlMbps: z.number() })) })
    .parse(await predict({ cellIds: [cellId], ...window }, context));
  return cells[0]?.dlMbps ?? null;
}
