import { z } from 'zod';
import { done, get, instanceId, nfType, notifyTo, resourceId, send } from './steps.ts';
import { cellIds, end, start, supi, type ToolContext, tool, WINDOW } from './types.ts';

const NWDAF = 'NWDAF';
const SUBSCRIPTIONS = '/nnwdaf-eventssubscription/v1/subscriptions';
const ROOM = 200;

/** One analytics request (TS 29.520 5.2.3.1); null where nothing is known. */
async function analytics(
  event: string,
  context: ToolContext,
  query: { filter?: unknown; target?: unknown; start?: number; end?: number } = {},
): Promise<Record<string, unknown>> {
  const iso = (t: number | undefined) => (t === undefined ? undefined : new Date(t).toISOString());
  const window = { startTs: iso(query.start), endTs: iso(query.end) };
  const body = await get(context, NWDAF, `GetNwdafAnalytics ${event}`, '/nnwdaf-analyticsinfo/v1/analytics', {
    'event-id': event,
    ...(query.filter !== undefined && { 'event-filter': JSON.stringify(query.filter) }),
    ...(query.target !== undefined && { 'tgt-ue': JSON.stringify(query.target) }),
    ...(query.start !== undefined && { 'ana-req': JSON.stringify(window) }),
  });
  // 204: no analytics of any of these.
  return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
}

const reads = (event: string) => [{ type: NWDAF, operations: [`GetNwdafAnalytics ${event}`] }];
const one = (id: string) => ({ supis: [id] });
const slice = z.number().int().min(0).max(255).optional().describe('Slice type (SST); absent: all slices');
const sNssai = z.looseObject({ sst: z.number(), sd: z.string().optional() });
const sliceName = ({ sst, sd }: z.output<typeof sNssai>) => (sd === undefined ? `${sst}` : `${sst}-${sd}`);
const mbps = (text: string | undefined) => {
  const [value = '0', unit = 'bps'] = (text ?? '').split(' ');
  return Number(value) * ({ bps: 1e-6, Kbps: 1e-3, Mbps: 1, Gbps: 1e3, Tbps: 1e6 }[unit] ?? 0);
};

export const analyticsTools = [
  tool({
    name: 'analytics_read_function_load',
    title: 'Analyse the load of network functions',
    description: 'Load level and availability of core network functions as the analytics function sees them.',
    category: 'data',
    kind: 'data collection',
    labels: ['nwdaf', 'NF_LOAD', 'core overload', 'network element health'],
    effects: 'read',
    nf: reads('NF_LOAD'),
    input: z.strictObject({ nfType: nfType.optional(), instanceId: instanceId.optional() }),
    output: z.object({
      functions: z.array(
        z.object({ instance: z.string(), type: z.string(), load: z.number(), available: z.boolean() }),
      ),
    }),
    async execute(args, context) {
      const filter = {
        ...(args.nfType !== undefined && { nfTypes: [args.nfType] }),
        ...(args.instanceId !== undefined && { nfInstanceIds: [args.instanceId] }),
      };
      const { nfLoadLevelInfos = [] } = await analytics('NF_LOAD', context, { filter });
      const infos = z
        .array(
          z.looseObject({
            nfType: z.string(),
            nfInstanceId: z.string(),
            nfLoadLevelAverage: z.number(),
            nfStatus: z.looseObject({ statusRegistered: z.number().optional() }).default({}),
          }),
        )
        .parse(nfLoadLevelInfos);
      return {
        functions: infos.slice(0, ROOM).map((info) => ({
          instance: info.nfInstanceId,
          type: info.nfType,
          load: info.nfLoadLevelAverage,
          available: info.nfStatus.statusRegistered === 100,
        })),
      };
    },
  }),
  tool({
    name: 'analytics_read_network_performance',
    title: 'Analyse the performance of an area',
    description: 'Active base stations, use of radio resources and number of users expected in an area.',
    category: 'data',
    kind: 'data collection',
    labels: ['nwdaf', 'NETWORK_PERFORMANCE', 'area', 'crowd', 'how many people', 'event venue', 'users'],
    effects: 'read',
    constraints: [WINDOW],
    nf: reads('NETWORK_PERFORMANCE'),
    input: z.strictObject({ cellIds, start, end }),
    output: z.object({
      activeGnbPercent: z.number().nullable(),
      prbPercent: z.number().nullable(),
      gbrPrbPercent: z.number().nullable(),
      users: z.number().nullable(),
    }),
    async execute(args, context) {
      const filter = { networkArea: { ncgis: args.cellIds.map((nrCellId) => ({ nrCellId })) } };
      const window = { start: args.start, end: args.end };
      const { nwPerfs = [] } = await analytics('NETWORK_PERFORMANCE', context, { filter, ...window });
      const values = z
        .array(
          z.looseObject({
            nwPerfType: z.string(),
            relativeRatio: z.number().optional(),
            absoluteNum: z.number().optional(),
          }),
        )
        .parse(nwPerfs);
      const of = (type: string) => {
        const found = values.find(({ nwPerfType }) => nwPerfType === type);
        return found?.relativeRatio ?? found?.absoluteNum ?? null;
      };
      return {
        activeGnbPercent: of('GNB_ACTIVE_RATIO'),
        prbPercent: of('GNB_RSC_USAGE_OVERALL_TRAFFIC'),
        gbrPrbPercent: of('GNB_RSC_USAGE_GBR_TRAFFIC'),
        users: of('NUM_OF_UE'),
      };
    },
  }),
  tool({
    name: 'analytics_read_experience',
    title: 'Analyse the service experience of a subscriber',
    description: 'Mean opinion score (MOS, 1 to 5) of the service of a subscriber: how good it feels.',
    category: 'data',
    kind: 'performance assurance',
    labels: ['nwdaf', 'SERVICE_EXPERIENCE', 'QoE', 'quality of experience', 'satisfaction', 'video quality'],
    effects: 'read',
    nf: reads('SERVICE_EXPERIENCE'),
    input: z.strictObject({ supi }),
    output: z.object({ mos: z.number().nullable(), service: z.string().nullable() }),
    async execute(args, context) {
      const { svcExps = [] } = await analytics('SERVICE_EXPERIENCE', context, { target: one(args.supi) });
      const [found] = z
        .array(z.looseObject({ svcExprc: z.looseObject({ mos: z.number() }), appId: z.string().optional() }))
        .parse(svcExps);
      return { mos: found?.svcExprc.mos ?? null, service: found?.appId ?? null };
    },
  }),
  tool({
    name: 'analytics_read_path_performance',
    title: 'Analyse the paths to the data network',
    description: 'Delay, packet loss and rate of each access to the data network for a subscriber.',
    category: 'data',
    kind: 'data collection',
    labels: ['nwdaf', 'DN_PERFORMANCE', 'latency', 'packet loss', 'edge'],
    effects: 'read',
    nf: reads('DN_PERFORMANCE'),
    input: z.strictObject({ supi }),
    output: z.object({
      paths: z.array(
        z.object({ dnai: z.string(), delayMs: z.number(), lossPercent: z.number(), dlMbps: z.number() }),
      ),
    }),
    async execute(args, context) {
      const { dnPerfInfos = [] } = await analytics('DN_PERFORMANCE', context, { target: one(args.supi) });
      const infos = z
        .array(
          z.looseObject({
            dnPerf: z.array(
              z.looseObject({
                dnai: z.string(),
                perfData: z.looseObject({
                  avePacketDelay: z.number().default(0),
                  avgPacketLossRate: z.number().default(0),
                  avgTrafficRate: z.string().optional(),
                }),
              }),
            ),
          }),
        )
        .parse(dnPerfInfos);
      return {
        paths: infos
          .flatMap(({ dnPerf }) => dnPerf)
          .map(({ dnai, perfData }) => ({
            dnai,
            delayMs: perfData.avePacketDelay,
            lossPercent: perfData.avgPacketLossRate / 10,
            dlMbps: mbps(perfData.avgTrafficRate),
          })),
      };
    },
  }),
  tool({
    name: 'analytics_predict_mobility',
    title: 'Predict where a subscriber goes',
    description: 'Cells in which a subscriber is expected, with times and confidence: the way of a trip.',
    category: 'mobility',
    kind: 'data collection',
    labels: ['nwdaf', 'UE_MOBILITY', 'trajectory', 'movement', 'itinerary', 'next cell'],
    effects: 'read',
    constraints: [WINDOW],
    nf: reads('UE_MOBILITY'),
    input: z.strictObject({ supi, start, end }),
    output: z.object({
      places: z.array(
        z.object({
          at: z.string(),
          seconds: z.number(),
          cellId: z.string().nullable(),
          confidence: z.number(),
        }),
      ),
    }),
    async execute(args, context) {
      const window = { start: args.start, end: args.end };
      const target = one(args.supi);
      const { ueMobs = [] } = await analytics('UE_MOBILITY', context, { target, ...window });
      const location = z.looseObject({
        nrLocation: z.looseObject({ ncgi: z.looseObject({ nrCellId: z.string() }) }).optional(),
        eutraLocation: z.looseObject({ ecgi: z.looseObject({ eutraCellId: z.string() }) }).optional(),
      });
      const found = z
        .array(
          z.looseObject({
            ts: z.string(),
            duration: z.number(),
            locInfos: z.array(z.looseObject({ loc: location, confidence: z.number().default(0) })),
          }),
        )
        .parse(ueMobs);
      return {
        places: found.flatMap(({ ts, duration, locInfos }) =>
          locInfos.map(({ loc, confidence }) => ({
            at: ts,
            seconds: duration,
            cellId: loc.nrLocation?.ncgi.nrCellId ?? loc.eutraLocation?.ecgi.eutraCellId ?? null,
            confidence: confidence / 100,
          })),
        ),
      };
    },
  }),
  tool({
    name: 'analytics_read_slice_load',
    title: 'Load of network slices',
    description: 'Load level of network slices, percent of what each may carry.',
    category: 'data',
    kind: 'status perception',
    labels: ['nwdaf', 'LOAD_LEVEL_INFORMATION', 'slice utilisation', 'industrial slice'],
    effects: 'read',
    nf: reads('LOAD_LEVEL_INFORMATION'),
    input: z.strictObject({ slice }),
    output: z.object({ slices: z.array(z.object({ slice: z.string(), loadPercent: z.number() })) }),
    async execute(args, context) {
      const filter = args.slice === undefined ? undefined : { snssais: [{ sst: args.slice }] };
      const found = await analytics('LOAD_LEVEL_INFORMATION', context, { filter });
      const infos = z
        .array(z.looseObject({ loadLevelInformation: z.number(), snssais: z.array(sNssai) }))
        .parse(found.sliceLoadLevelInfos ?? []);
      return {
        slices: infos.flatMap(({ snssais, loadLevelInformation }) =>
          snssais.map((each) => ({ slice: sliceName(each), loadPercent: loadLevelInformation })),
        ),
      };
    },
  }),
  tool({
    name: 'analytics_count_slice_sessions',
    title: 'Count the sessions of slices',
    description: 'Number of PDU sessions in each network slice now.',
    category: 'data',
    kind: 'data collection',
    labels: ['nwdaf', 'NSI_LOAD_LEVEL', 'connections', 'how many sessions'],
    effects: 'read',
    nf: reads('NSI_LOAD_LEVEL'),
    input: z.strictObject({ slice }),
    output: z.object({ slices: z.array(z.object({ slice: z.string(), sessions: z.number() })) }),
    async execute(args, context) {
      const filter = args.slice === undefined ? undefined : { snssais: [{ sst: args.slice }] };
      const { nsiLoadLevelInfos = [] } = await analytics('NSI_LOAD_LEVEL', context, { filter });
      const infos = z
        .array(z.looseObject({ snssai: sNssai, numOfPduSess: z.looseObject({ number: z.number() }) }))
        .parse(nsiLoadLevelInfos);
      return {
        slices: infos.map(({ snssai, numOfPduSess }) => ({
          slice: sliceName(snssai),
          sessions: numOfPduSess.number,
        })),
      };
    },
  }),
  tool({
    name: 'analytics_watch_congestion',
    title: 'Watch cells for congestion',
    description: 'Tells a URL when the expected load of cells crosses a threshold: an alarm of congestion.',
    category: 'data',
    kind: 'performance assurance',
    labels: ['nwdaf', 'subscribe', 'threshold', 'alarm', 'early warning', 'overload'],
    effects: 'reversible',
    nf: [{ type: NWDAF, operations: ['CreateNWDAFEventsSubscription'] }],
    input: z.strictObject({
      cellIds,
      loadPercent: z.number().int().min(1).max(100).default(80).describe('Threshold, percent of the PRBs'),
      notifyTo,
    }),
    output: z.object({ watchId: z.string() }),
    async execute(args, context) {
      const answer = await send(context, NWDAF, 'CreateNWDAFEventsSubscription', 'POST', SUBSCRIPTIONS, {
        notificationURI: args.notifyTo,
        eventSubscriptions: [
          {
            event: 'USER_DATA_CONGESTION',
            notificationMethod: 'THRESHOLD',
            congThresholds: [{ congLevel: args.loadPercent }],
            networkArea: { ncgis: args.cellIds.map((nrCellId) => ({ nrCellId })) },
          },
        ],
      });
      return { watchId: answer.location?.split('/').pop() ?? '' };
    },
  }),
  tool({
    name: 'analytics_unwatch_congestion',
    title: 'Stop watching for congestion',
    description: 'Ends a watch of congestion: its URL is told no more.',
    category: 'data',
    kind: 'performance assurance',
    labels: ['nwdaf', 'unsubscribe', 'cancel alarm'],
    effects: 'reversible',
    nf: [{ type: NWDAF, operations: ['DeleteNWDAFEventsSubscription'] }],
    input: z.strictObject({ watchId: resourceId('Id of the watch') }),
    output: done,
    async execute(args, context) {
      const path = `${SUBSCRIPTIONS}/${args.watchId}`;
      await send(context, NWDAF, 'DeleteNWDAFEventsSubscription', 'DELETE', path);
      return { done: true };
    },
  }),
];
