import { z } from 'zod';
import { nfType } from './steps.ts';
import { cellIds, end, start, supi, type ToolContext, tool, WINDOW } from './types.ts';

const NWDAF = 'NWDAF';

/** One question to the NWDAF (TS 29.520 5.2); null where it knows nothing. */
async function ask(
  event: string,
  { sbi }: ToolContext,
  more: { ana?: object; filter?: object; target?: object },
): Promise<unknown> {
  const { ana, filter, target } = more;
  const answer = await sbi({
    nf: NWDAF,
    operation: `GetNwdafAnalytics ${event}`,
    method: 'GET',
    path: '/nnwdaf-analyticsinfo/v1/analytics',
    query: {
      'event-id': event,
      ...(ana && { 'ana-req': JSON.stringify(ana) }),
      ...(filter && { 'event-filter': JSON.stringify(filter) }),
      ...(target && { 'tgt-ue': JSON.stringify(target) }),
    },
  });
  return answer.status === 204 ? null : answer.body;
}

const times = (args: { start: number; end: number }) => ({
  startTs: new Date(args.start).toISOString(),
  endTs: new Date(args.end).toISOString(),
});

const nfLoad = tool({
  name: 'core_read_nf_load',
  title: 'Load of network functions',
  description:
    'How loaded each network function is, percent, all or of one type. Finds overload in the core.',
  category: 'data',
  kind: 'status perception',
  labels: ['load', 'overload', 'capacity', 'nf', 'health'],
  effects: 'read',
  nf: [{ type: NWDAF, operations: ['GetNwdafAnalytics NF_LOAD'] }],
  input: z.strictObject({ nfType: nfType.optional() }),
  output: z.object({
    functions: z.array(z.object({ nfType: z.string(), nfInstanceId: z.string(), load: z.number() })),
  }),
  async execute(args, context) {
    const body = await ask('NF_LOAD', context, {
      filter: args.nfType === undefined ? {} : { nfTypes: [args.nfType] },
    });
    const infos = z
      .object({
        nfLoadLevelInfos: z
          .array(z.object({ nfType: z.string(), nfInstanceId: z.string(), nfLoadLevelAverage: z.number() }))
          .default([]),
      })
      .parse(body ?? {}).nfLoadLevelInfos;
    return {
      functions: infos.map(({ nfLoadLevelAverage, ...about }) => ({ ...about, load: nfLoadLevelAverage })),
    };
  },
});

const performance = tool({
  name: 'core_predict_network_performance',
  title: 'Predict the performance of an area',
  description:
    'Active base stations, use of resource blocks in all and by guaranteed traffic, and number of users expected in cells.',
  category: 'data',
  kind: 'data collection',
  labels: ['prediction', 'performance', 'area', 'users', 'load', 'how many people', 'event venue'],
  effects: 'read',
  constraints: [WINDOW],
  nf: [{ type: NWDAF, operations: ['GetNwdafAnalytics NETWORK_PERFORMANCE'] }],
  input: z.strictObject({ cellIds, start, end }),
  output: z.object({
    gnbActiveRatio: z.number().nullable(),
    prbRatio: z.number().nullable(),
    gbrPrbRatio: z.number().nullable(),
    users: z.number().nullable(),
  }),
  async execute(args, context) {
    const body = await ask('NETWORK_PERFORMANCE', context, {
      ana: times(args),
      filter: { networkArea: { ncgis: args.cellIds.map((nrCellId) => ({ nrCellId })) } },
    });
    const found = z
      .object({
        nwPerfs: z
          .array(
            z.object({
              nwPerfType: z.string(),
              relativeRatio: z.number().optional(),
              absoluteNum: z.number().optional(),
            }),
          )
          .default([]),
      })
      .parse(body ?? {}).nwPerfs;
    const of = (type: string) => {
      const one = found.find(({ nwPerfType }) => nwPerfType === type);
      return one?.relativeRatio ?? one?.absoluteNum ?? null;
    };
    return {
      gnbActiveRatio: of('GNB_ACTIVE_RATIO'),
      prbRatio: of('GNB_RSC_USAGE_OVERALL_TRAFFIC'),
      gbrPrbRatio: of('GNB_RSC_USAGE_GBR_TRAFFIC'),
      users: of('NUM_OF_UE'),
    };
  },
});

const experience = tool({
  name: 'core_read_service_experience',
  title: 'Service experience of a subscriber',
  description: 'How well the service of a subscriber works for its user, as a mean opinion score of 1 to 5.',
  category: 'data',
  kind: 'status perception',
  labels: ['qoe', 'experience', 'mos', 'quality', 'user', 'happy', 'satisfaction', 'video quality'],
  effects: 'read',
  nf: [{ type: NWDAF, operations: ['GetNwdafAnalytics SERVICE_EXPERIENCE'] }],
  input: z.strictObject({ supi }),
  output: z.object({ mos: z.number().nullable(), service: z.string().nullable() }),
  async execute(args, context) {
    const body = await ask('SERVICE_EXPERIENCE', context, { target: { supis: [args.supi] } });
    const [found] = z
      .object({
        svcExps: z
          .array(z.object({ svcExprc: z.object({ mos: z.number() }), appId: z.string().optional() }))
          .default([]),
      })
      .parse(body ?? {}).svcExps;
    return { mos: found?.svcExprc.mos ?? null, service: found?.appId ?? null };
  },
});

const dataNetwork = tool({
  name: 'transport_read_path_performance',
  title: 'Performance of the ways to the data network',
  description: 'Delay and loss of each access identifier that the traffic of a subscriber can take.',
  category: 'connectivity',
  kind: 'data collection',
  labels: ['transport', 'delay', 'loss', 'path', 'performance', 'latency'],
  effects: 'read',
  nf: [{ type: NWDAF, operations: ['GetNwdafAnalytics DN_PERFORMANCE'] }],
  input: z.strictObject({ supi }),
  output: z.object({
    paths: z.array(z.object({ dnai: z.string(), delayMs: z.number(), lossRatio: z.number() })),
  }),
  async execute(args, context) {
    const body = await ask('DN_PERFORMANCE', context, { target: { supis: [args.supi] } });
    const [found] = z
      .object({
        dnPerfInfos: z
          .array(
            z.object({
              dnPerf: z.array(
                z.object({
                  dnai: z.string(),
                  perfData: z.object({
                    avePacketDelay: z.number(),
                    avgPacketLossRate: z.number().default(0),
                  }),
                }),
              ),
            }),
          )
          .default([]),
      })
      .parse(body ?? {}).dnPerfInfos;
    return {
      paths: (found?.dnPerf ?? []).map(({ dnai, perfData }) => ({
        dnai,
        delayMs: perfData.avePacketDelay,
        // PacketLossRate of TS 29.571 counts tenths of a percent.
        lossRatio: perfData.avgPacketLossRate / 1000,
      })),
    };
  },
});

const mobility = tool({
  name: 'core_predict_ue_mobility',
  title: 'Predict where a subscriber goes',
  description: 'Tracking areas and cells in which a subscriber is expected in a window, with times.',
  category: 'mobility',
  kind: 'data collection',
  labels: ['mobility', 'trajectory', 'prediction', 'route', 'where'],
  effects: 'read',
  constraints: [WINDOW],
  nf: [{ type: NWDAF, operations: ['GetNwdafAnalytics UE_MOBILITY'] }],
  input: z.strictObject({ supi, start, end }),
  output: z.object({
    places: z.array(
      z.object({
        at: z.number(),
        seconds: z.number(),
        cellId: z.string().nullable(),
        confidence: z.number(),
      }),
    ),
  }),
  async execute(args, context) {
    const body = await ask('UE_MOBILITY', context, { ana: times(args), target: { supis: [args.supi] } });
    const location = z.object({
      nrLocation: z.object({ ncgi: z.object({ nrCellId: z.string() }) }).optional(),
      eutraLocation: z.object({ ecgi: z.object({ eutraCellId: z.string() }) }).optional(),
    });
    const found = z
      .object({
        ueMobs: z
          .array(
            z.object({
              ts: z.string(),
              duration: z.number(),
              locInfos: z.array(z.object({ loc: location, confidence: z.number().default(0) })).min(1),
            }),
          )
          .default([]),
      })
      .parse(body ?? {}).ueMobs;
    return {
      places: found.map(({ ts, duration, locInfos }) => {
        const [{ loc, confidence }] = locInfos as [(typeof locInfos)[number]];
        return {
          at: Date.parse(ts),
          seconds: duration,
          cellId: loc.nrLocation?.ncgi.nrCellId ?? loc.eutraLocation?.ecgi.eutraCellId ?? null,
          confidence: confidence / 100,
        };
      }),
    };
  },
});

const slices = tool({
  name: 'core_read_slice_load',
  title: 'Load of network slices',
  description: 'Sessions and load, percent, of each network slice, or of one type of slice.',
  category: 'data',
  kind: 'status perception',
  labels: ['slice', 'load', 'nsi', 'sessions', 'capacity', 'how many sessions', 'connections'],
  effects: 'read',
  nf: [{ type: NWDAF, operations: ['GetNwdafAnalytics NSI_LOAD_LEVEL'] }],
  input: z.strictObject({ sst: z.number().int().min(0).max(255).optional().describe('Slice/service type') }),
  output: z.object({
    slices: z.array(
      z.object({ sst: z.number(), sd: z.string().nullable(), load: z.number(), sessions: z.number() }),
    ),
  }),
  async execute(args, context) {
    const body = await ask('NSI_LOAD_LEVEL', context, {
      filter: args.sst === undefined ? { anySlice: true } : { snssais: [{ sst: args.sst }] },
    });
    const found = z
      .object({
        nsiLoadLevelInfos: z
          .array(
            z.object({
              loadLevelInformation: z.number(),
              snssai: z.object({ sst: z.number(), sd: z.string().optional() }),
              numOfPduSess: z.object({ number: z.number() }),
            }),
          )
          .default([]),
      })
      .parse(body ?? {}).nsiLoadLevelInfos;
    return {
      slices: found.map(({ loadLevelInformation, snssai, numOfPduSess }) => ({
        sst: snssai.sst,
        sd: snssai.sd ?? null,
        load: loadLevelInformation,
        sessions: numOfPduSess.number,
      })),
    };
  },
});

export const analyticsTools = [nfLoad, performance, experience, mobility, slices];
export const pathAnalyticsTools = [dataNetwork];
