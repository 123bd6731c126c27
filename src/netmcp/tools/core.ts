import { z } from 'zod';
import { cellIds, end, start, supi, type ToolContext, tool, WINDOW } from './types.ts';

const sessionId = z
  .string()
  .regex(/^[A-Za-z0-9-]{1,64}$/)
  .describe('Id of a QoS session');
const mbps = z.number().min(0).max(10_000);
const priorityLevel = z.number().int().min(1).max(15).describe('ARP, 1 is highest');
const window = z.strictObject({ cellIds, start, end });
const PCF = 'PCF';
const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';

/** BitRate of TS 29.571. */
const rate = (value: number) => `${value} Mbps`;

/** Whether the flow of the session is guaranteed now, out of the PCF's view of it (QNC). */
async function readGuarantee(id: string, { sbi }: ToolContext): Promise<boolean> {
  const answer = await sbi({
    nf: PCF,
    operation: 'GetAppSession',
    method: 'GET',
    path: `${SESSIONS}/${id}`,
  });
  return guaranteed(answer.body);
}

const reports = z.object({
  evsNotif: z.object({ qncReports: z.array(z.object({ notifType: z.string() })).optional() }).optional(),
});
/** A session without any report has no guaranteed flow, and that is no guarantee. */
function guaranteed(body: unknown): boolean {
  const found = reports.parse(body ?? {}).evsNotif?.qncReports ?? [];
  return found.length > 0 && found.every((report) => report.notifType === 'GUARANTEED');
}

const locate = tool({
  name: 'core_locate_ue',
  title: 'Locate a subscriber',
  description: 'Region, tracking area and cell of a subscriber.',
  category: 'mobility',
  kind: 'status perception',
  labels: ['location', 'position', 'region'],
  effects: 'read',
  nf: [{ type: 'AMF', operations: ['ProvideLocationInfo'] }],
  input: z.strictObject({ supi }),
  output: z.object({
    region: z.string().nullable(),
    tac: z.string().nullable(),
    cellId: z.string().nullable(),
  }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: 'AMF',
      operation: 'ProvideLocationInfo',
      method: 'POST',
      path: `/namf-loc/v1/${args.supi}/provide-loc-info`,
      body: { req5gsLoc: true, reqCurrentLoc: true },
    });
    const body = z
      .object({
        location: z
          .object({
            nrLocation: z
              .object({ tai: z.object({ tac: z.string() }), ncgi: z.object({ nrCellId: z.string() }) })
              .optional(),
            eutraLocation: z
              .object({ tai: z.object({ tac: z.string() }), ecgi: z.object({ eutraCellId: z.string() }) })
              .optional(),
          })
          .optional(),
        /** Beside what TS 29.518 names: the region that the cell is in. */
        regionId: z.string().optional(),
      })
      .parse(answer.body);
    const { nrLocation, eutraLocation } = body.location ?? {};
    return {
      region: body.regionId ?? null,
      tac: nrLocation?.tai.tac ?? eutraLocation?.tai.tac ?? null,
      cellId: nrLocation?.ncgi.nrCellId ?? eutraLocation?.ecgi.eutraCellId ?? null,
    };
  },
});

const translate = tool({
  name: 'core_translate_identity',
  title: 'Find the subscriber of a phone number',
  description: 'Subscriber (SUPI) of a phone number (GPSI), or the number of a subscriber.',
  category: 'mobility',
  kind: 'data collection',
  labels: ['phone number', 'msisdn', 'identity', 'gpsi', 'supi'],
  effects: 'read',
  nf: [{ type: 'UDM', operations: ['GetSupiOrGpsi'] }],
  input: z.strictObject({
    gpsi: z
      .string()
      .regex(/^(msisdn-[0-9]{5,15}|imsi-[0-9]{5,15})$/)
      .describe('`msisdn-` or `imsi-` and digits'),
  }),
  output: z.object({ supi: z.string(), gpsi: z.string().nullable() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: 'UDM',
      operation: 'GetSupiOrGpsi',
      method: 'GET',
      path: `/nudm-sdm/v2/${args.gpsi}/id-translation-result`,
    });
    const body = z.object({ supi: z.string(), gpsi: z.string().optional() }).parse(answer.body);
    return { supi: body.supi, gpsi: body.gpsi ?? null };
  },
});

/** One analytics request to the NWDAF for cells in a window (TS 29.520 5.2). */
async function analytics(
  event: 'QOS_SUSTAINABILITY' | 'USER_DATA_CONGESTION',
  args: z.output<typeof window>,
  { sbi }: ToolContext,
): Promise<unknown> {
  const answer = await sbi({
    nf: 'NWDAF',
    operation: `GetNwdafAnalytics ${event}`,
    method: 'GET',
    path: '/nnwdaf-analyticsinfo/v1/analytics',
    query: {
      'event-id': event,
      'ana-req': JSON.stringify({
        startTs: new Date(args.start).toISOString(),
        endTs: new Date(args.end).toISOString(),
      }),
      'event-filter': JSON.stringify({
        networkArea: { ncgis: args.cellIds.map((nrCellId) => ({ nrCellId })) },
      }),
    },
  });
  return answer.body;
}

const area = z.object({ ncgis: z.array(z.object({ nrCellId: z.string() })).min(1) });
const mbpsOf = (text: string) => {
  const [value = '0', unit = 'bps'] = text.split(' ');
  const factor = { bps: 1e-6, Kbps: 1e-3, Mbps: 1, Gbps: 1e3, Tbps: 1e6 }[unit] ?? 0;
  return Number(value) * factor;
};

const predictQos = tool({
  name: 'core_predict_qos',
  title: 'Predict sustainable rates',
  description: 'Downlink rate that cells can sustain for one more user in a window, with confidence.',
  category: 'data',
  kind: 'data collection',
  labels: ['prediction', 'qos', 'sustainability', 'rate'],
  effects: 'read',
  constraints: [WINDOW],
  nf: [{ type: 'NWDAF', operations: ['GetNwdafAnalytics QOS_SUSTAINABILITY'] }],
  input: window,
  output: z.object({
    cells: z.array(z.object({ cellId: z.string(), dlMbps: z.number(), confidence: z.number() })),
  }),
  async execute(args, context) {
    const body = z
      .object({
        qosSustainInfos: z.array(
          z.object({ areaInfo: area, ranUeThrouThd: z.string(), confidence: z.number().default(0) }),
        ),
      })
      .parse(await analytics('QOS_SUSTAINABILITY', args, context));
    return {
      cells: body.qosSustainInfos.map((info) => ({
        cellId: info.areaInfo.ncgis[0]?.nrCellId ?? '',
        dlMbps: mbpsOf(info.ranUeThrouThd),
        confidence: info.confidence / 100,
      })),
    };
  },
});

const predictCongestion = tool({
  name: 'core_predict_congestion',
  title: 'Predict congestion',
  description:
    'Share of resource blocks that cells are expected to use in a window, in all and by guaranteed traffic.',
  category: 'data',
  kind: 'data collection',
  labels: ['prediction', 'congestion', 'load', 'forecast'],
  effects: 'read',
  constraints: [WINDOW],
  nf: [{ type: 'NWDAF', operations: ['GetNwdafAnalytics USER_DATA_CONGESTION'] }],
  input: window,
  output: z.object({
    cells: z.array(
      z.object({
        cellId: z.string(),
        prbRatio: z.number(),
        gbrPrbRatio: z.number(),
        confidence: z.number(),
      }),
    ),
  }),
  async execute(args, context) {
    const body = z
      .object({
        userDataCongInfos: z.array(
          z.object({
            networkArea: area,
            congestionInfo: z.object({
              nsi: z.object({ congLevel: z.number() }),
              gbrPrbRatio: z.number().default(0),
              confidence: z.number().default(0),
            }),
          }),
        ),
      })
      .parse(await analytics('USER_DATA_CONGESTION', args, context));
    return {
      cells: body.userDataCongInfos.map(({ networkArea, congestionInfo }) => ({
        cellId: networkArea.ncgis[0]?.nrCellId ?? '',
        prbRatio: congestionInfo.nsi.congLevel,
        gbrPrbRatio: congestionInfo.gbrPrbRatio,
        confidence: congestionInfo.confidence / 100,
      })),
    };
  },
});

const createSession = tool({
  name: 'core_create_qos_session',
  title: 'Create a QoS session',
  description:
    'Guarantees rates and delay for a service of a subscriber; gives the session and whether it holds.',
  category: 'policy',
  kind: 'performance assurance',
  labels: ['qos', 'guarantee', 'assurance', 'session', 'gbr'],
  effects: 'reversible',
  nf: [{ type: PCF, operations: ['PostAppSessions', 'GetAppSession'] }],
  input: z.strictObject({
    supi,
    media: z
      .enum(['AUDIO', 'VIDEO', 'DATA', 'APPLICATION', 'CONTROL', 'TEXT', 'MESSAGE', 'OTHER'])
      .default('VIDEO'),
    dlMbps: mbps,
    ulMbps: mbps,
    maxDelayMs: z.number().int().min(1).max(10_000),
    priorityLevel: priorityLevel.optional(),
  }),
  output: z.object({ sessionId: z.string(), guaranteed: z.boolean() }),
  async execute(args, context) {
    const created = await context.sbi({
      nf: PCF,
      operation: 'PostAppSessions',
      method: 'POST',
      path: SESSIONS,
      body: {
        ascReqData: {
          suppFeat: '0',
          notifUri: 'http://127.0.0.1/unused',
          supi: args.supi,
          medComponents: {
            1: {
              medCompN: 1,
              medType: args.media,
              mirBwDl: rate(args.dlMbps),
              mirBwUl: rate(args.ulMbps),
              desMaxLatency: args.maxDelayMs,
              ...(args.priorityLevel !== undefined && { resPrio: `PRIO_${args.priorityLevel}` }),
            },
          },
        },
      },
    });
    const id = created.location?.split('/').pop() ?? '';
    return { sessionId: id, guaranteed: await readGuarantee(id, context) };
  },
});

const modifySession = tool({
  name: 'core_modify_qos_session',
  title: 'Modify a QoS session',
  description: 'Changes priority, right of pre-emption or rates of a QoS session.',
  category: 'policy',
  kind: 'performance assurance',
  labels: ['qos', 'priority', 'preemption', 'congestion', 'emergency'],
  effects: 'reversible',
  idempotent: true,
  constraints: [
    {
      rule: 'has(args.priorityLevel) || has(args.preempt) || has(args.dlMbps) || has(args.ulMbps)',
      message: 'at least one of priorityLevel, preempt, dlMbps, ulMbps must be given',
    },
  ],
  nf: [{ type: PCF, operations: ['ModAppSession', 'GetAppSession'] }],
  input: z.strictObject({
    sessionId,
    priorityLevel: priorityLevel.optional(),
    preempt: z.boolean().optional(),
    dlMbps: mbps.optional(),
    ulMbps: mbps.optional(),
  }),
  output: z.object({ sessionId: z.string(), guaranteed: z.boolean() }),
  async execute(args, context) {
    await context.sbi({
      nf: PCF,
      operation: 'ModAppSession',
      method: 'PATCH',
      path: `${SESSIONS}/${args.sessionId}`,
      contentType: 'application/merge-patch+json',
      body: {
        ascReqData: {
          medComponents: {
            1: {
              medCompN: 1,
              ...(args.priorityLevel !== undefined && { resPrio: `PRIO_${args.priorityLevel}` }),
              ...(args.preempt !== undefined && { preemptCap: args.preempt ? 'MAY_PREEMPT' : 'NOT_PREEMPT' }),
              ...(args.dlMbps !== undefined && { mirBwDl: rate(args.dlMbps) }),
              ...(args.ulMbps !== undefined && { mirBwUl: rate(args.ulMbps) }),
            },
          },
        },
      },
    });
    return { sessionId: args.sessionId, guaranteed: await readGuarantee(args.sessionId, context) };
  },
});

const readSession = tool({
  name: 'core_read_qos_session',
  title: 'Read a QoS session',
  description: 'Whether the guarantee of a QoS session holds now.',
  category: 'policy',
  kind: 'status perception',
  labels: ['qos', 'monitoring', 'guarantee'],
  effects: 'read',
  nf: [{ type: PCF, operations: ['GetAppSession'] }],
  input: z.strictObject({ sessionId }),
  output: z.object({ guaranteed: z.boolean() }),
  execute: async (args, context) => ({ guaranteed: await readGuarantee(args.sessionId, context) }),
});

const releaseSession = tool({
  name: 'core_release_qos_session',
  title: 'Release a QoS session',
  description: 'Ends a QoS session and frees what it held.',
  category: 'policy',
  kind: 'resource management',
  labels: ['qos', 'release', 'session'],
  effects: 'reversible',
  nf: [{ type: PCF, operations: ['DeleteAppSession'] }],
  input: z.strictObject({ sessionId }),
  output: z.object({ released: z.boolean() }),
  async execute(args, { sbi }) {
    await sbi({
      nf: PCF,
      operation: 'DeleteAppSession',
      method: 'POST',
      path: `${SESSIONS}/${args.sessionId}/delete`,
    });
    return { released: true };
  },
});

const flowUsage = tool({
  name: 'core_read_flow_usage',
  title: 'Read the use of a flow',
  description: 'Rates and delay that a subscriber has now, as the user plane measures them.',
  category: 'data',
  kind: 'data collection',
  labels: ['usage', 'throughput', 'delay', 'monitoring'],
  effects: 'read',
  nf: [{ type: 'UPF', operations: ['readUsage'] }],
  input: z.strictObject({ supi }),
  output: z.object({ dlMbps: z.number(), ulMbps: z.number(), delayMs: z.number() }),
  async execute(args, { sbi }) {
    const answer = await sbi({
      nf: 'UPF',
      operation: 'readUsage',
      method: 'GET',
      path: `/nupf-ee/v1/usage/${args.supi}`,
    });
    return z.object({ dlMbps: z.number(), ulMbps: z.number(), delayMs: z.number() }).parse(answer.body);
  },
});

export const coreTools = [
  locate,
  translate,
  predictQos,
  predictCongestion,
  createSession,
  modifySession,
  readSession,
  releaseSession,
  flowUsage,
];
