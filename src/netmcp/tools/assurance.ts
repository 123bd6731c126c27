import { z } from 'zod';
import { fail } from '../../errors.ts';
import { withUndo } from './steps.ts';
import { readPaths, route } from './transport.ts';
import { supi, type ToolContext, tool } from './types.ts';

/** Composite tools: one call, several network functions, and nothing half done where one of them refuses. */

const mbps = z.number().min(0).max(10_000);
const SESSIONS = '/npcf-policyauthorization/v1/app-sessions';
const PRIORITIES = '/A1-P/v2/policytypes/priority/policies';
const rate = (value: number) => `${value} Mbps`;

type Path = Awaited<ReturnType<typeof readPaths>>[number];

async function radioOf(subscriber: string, { sbi }: ToolContext) {
  const answer = await sbi({
    nf: 'GNB',
    operation: 'readUe',
    method: 'GET',
    path: `/performance/v1/ues/${subscriber}`,
  });
  return z
    .object({
      cellId: z.string().nullable(),
      rsrpDbm: z.number().nullable(),
      sinrDb: z.number().nullable(),
      dlMbps: z.number(),
      ulMbps: z.number(),
      delayMs: z.number(),
    })
    .parse(answer.body);
}

const assure = tool({
  name: 'core_assure_service',
  title: 'Assure the service of a subscriber',
  description:
    'Guarantees rates and delay in the core and raises the priority in the base station, both or neither.',
  category: 'policy',
  kind: 'performance assurance',
  labels: ['assure', 'guarantee', 'end to end', 'video', 'priority', 'qos'],
  effects: 'reversible',
  nf: [
    { type: 'PCF', operations: ['PostAppSessions', 'DeleteAppSession'] },
    { type: 'GNB', operations: ['putPolicy priority'] },
  ],
  input: z.strictObject({
    supi,
    dlMbps: mbps,
    ulMbps: mbps,
    maxDelayMs: z.number().int().min(1).max(10_000),
    priorityLevel: z.number().int().min(1).max(127).default(20).describe('In the base station, 1 is first'),
  }),
  output: z.object({ sessionId: z.string(), policyId: z.string() }),
  async execute(args, { sbi, id }) {
    const created = await sbi({
      nf: 'PCF',
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
              medType: 'VIDEO',
              mirBwDl: rate(args.dlMbps),
              mirBwUl: rate(args.ulMbps),
              desMaxLatency: args.maxDelayMs,
            },
          },
        },
      },
    });
    const sessionId = created.location?.split('/').pop() ?? '';
    const policyId = `prio-${id()}`;
    return withUndo(async (done) => {
      done('the QoS session', () =>
        sbi({
          nf: 'PCF',
          operation: 'DeleteAppSession',
          method: 'POST',
          path: `${SESSIONS}/${sessionId}/delete`,
        }),
      );
      await sbi({
        nf: 'GNB',
        operation: 'putPolicy priority',
        method: 'PUT',
        path: `${PRIORITIES}/${policyId}`,
        body: { scope: { ueId: args.supi }, statement: { priorityLevel: args.priorityLevel } },
      });
      return { sessionId, policyId };
    });
  },
});

const diagnose = tool({
  name: 'core_diagnose_service',
  title: 'Diagnose the service of a subscriber',
  description:
    'Finds where the service of a subscriber suffers: weak radio, full cell, transport, or nothing; with the figures.',
  category: 'data',
  kind: 'status perception',
  labels: ['diagnose', 'root cause', 'demarcation', 'why slow', 'fault', 'troubleshoot'],
  effects: 'read',
  nf: [
    { type: 'GNB', operations: ['readUe', 'readKpis'] },
    { type: 'SMF', operations: ['readPaths'] },
  ],
  input: z.strictObject({ supi }),
  output: z.object({
    cause: z.enum(['no coverage', 'weak radio', 'full cell', 'transport', 'none found']),
    sinrDb: z.number().nullable(),
    prbRatio: z.number().nullable(),
    transportDelayMs: z.number().nullable(),
    delayMs: z.number(),
  }),
  async execute(args, context) {
    const radio = await radioOf(args.supi, context);
    const paths = await readPaths(args.supi, context);
    const active = paths.find((one) => one.active);
    let prbRatio: number | null = null;
    if (radio.cellId !== null) {
      const answer = await context.sbi({
        nf: 'GNB',
        operation: 'readKpis',
        method: 'GET',
        path: '/performance/v1/cells',
        query: { cellIds: radio.cellId },
      });
      const [cell] = z.object({ cells: z.array(z.looseObject({})) }).parse(answer.body).cells;
      prbRatio = Number(cell?.['RRU.PrbTotDl'] ?? 0);
    }
    const figures = {
      sinrDb: radio.sinrDb,
      prbRatio,
      transportDelayMs: active?.delayMs ?? null,
      delayMs: radio.delayMs,
    };
    return { cause: causeOf(radio, prbRatio, active), ...figures };
  },
});

/** Below it a phone has no room for a call; above it a cell has none for one more. */
const WEAK = { sinrDb: 0, rsrpDbm: -110 };
const FULL = 90;
const SLOW_MS = 50;

function causeOf(
  radio: { cellId: string | null; rsrpDbm: number | null; sinrDb: number | null },
  prbRatio: number | null,
  active: Path | undefined,
) {
  if (radio.cellId === null) return 'no coverage' as const;
  if ((radio.sinrDb ?? 0) < WEAK.sinrDb || (radio.rsrpDbm ?? 0) < WEAK.rsrpDbm) return 'weak radio' as const;
  if (active !== undefined && (!active.healthy || active.delayMs > SLOW_MS)) return 'transport' as const;
  return (prbRatio ?? 0) > FULL ? ('full cell' as const) : ('none found' as const);
}

const failOver = tool({
  name: 'transport_fail_over',
  title: 'Fail over to a healthy path',
  description:
    'Where the path of a subscriber is ill, sends the traffic over the healthy one with the least delay; else changes nothing.',
  category: 'connectivity',
  kind: 'redundancy recovery',
  labels: ['failover', 'recover', 'heal', 'link down', 'redundancy', 'reroute'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: 'SMF', operations: ['readPaths', 'switchPath'] }],
  input: z.strictObject({ supi }),
  output: z.object({ dnai: z.string().nullable(), switched: z.boolean() }),
  async execute(args, context) {
    const paths = await readPaths(args.supi, context);
    const active = paths.find((one) => one.active);
    if (active?.healthy === true) return { dnai: active.dnai, switched: false };
    const [best] = paths.filter((one) => one.healthy).sort((a, b) => a.delayMs - b.delayMs);
    if (best === undefined) return { dnai: active?.dnai ?? null, switched: false };
    await route(args.supi, best.dnai, context);
    return { dnai: best.dnai, switched: true };
  },
});

const fastest = tool({
  name: 'transport_take_fastest_path',
  title: 'Take the fastest path',
  description: 'Sends the traffic of a subscriber over the healthy path with the least delay now.',
  category: 'connectivity',
  kind: 'performance assurance',
  labels: ['latency', 'fastest', 'delay', 'optimise', 'path'],
  effects: 'reversible',
  idempotent: true,
  nf: [{ type: 'SMF', operations: ['readPaths', 'switchPath'] }],
  input: z.strictObject({ supi }),
  output: z.object({ dnai: z.string().nullable(), delayMs: z.number().nullable(), switched: z.boolean() }),
  async execute(args, context) {
    const paths = await readPaths(args.supi, context);
    const [best] = paths.filter((one) => one.healthy).sort((a, b) => a.delayMs - b.delayMs);
    if (best === undefined) return { dnai: null, delayMs: null, switched: false };
    if (!best.active) await route(args.supi, best.dnai, context);
    return { dnai: best.dnai, delayMs: best.delayMs, switched: !best.active };
  },
});

const offload = tool({
  name: 'compute_offload_near',
  title: 'Offload computing near a subscriber',
  description:
    'Allocates resources at the site with the least delay to a subscriber that has room, and leads the traffic there.',
  category: 'computing',
  kind: 'resource management',
  labels: ['offload', 'edge', 'near', 'low latency', 'inference', 'place'],
  effects: 'reversible',
  nf: [
    { type: 'SMF', operations: ['readPaths', 'switchPath'] },
    { type: 'COMPUTE', operations: ['listSites', 'allocate', 'release'] },
  ],
  input: z.strictObject({
    supi,
    name: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/)
      .describe('Application'),
    vcpu: z.number().int().min(1).max(1_024).describe('Cores'),
    memoryMiB: z.number().int().min(1).max(4_194_304).describe('Memory, MiB'),
  }),
  output: z.object({ allocationId: z.string(), siteId: z.string(), delayMs: z.number() }),
  async execute({ supi: subscriber, ...wanted }, context) {
    const paths = (await readPaths(subscriber, context)).filter((one) => one.healthy);
    const answer = await context.sbi({
      nf: 'COMPUTE',
      operation: 'listSites',
      method: 'GET',
      path: '/compute/v1/sites',
    });
    const free = z.object({ vcpu: z.number(), memoryMiB: z.number() });
    const { sites } = z
      .object({
        sites: z.array(z.object({ siteId: z.string(), dnai: z.string(), state: z.string(), free })),
      })
      .parse(answer.body);
    const [best] = paths
      .flatMap((one) => sites.filter(({ dnai }) => dnai === one.dnai).map((site) => ({ site, path: one })))
      .filter(
        ({ site }) =>
          site.state === 'up' && site.free.vcpu >= wanted.vcpu && site.free.memoryMiB >= wanted.memoryMiB,
      )
      .sort((a, b) => a.path.delayMs - b.path.delayMs);
    if (best === undefined) throw fail('NETMCP_NO_ROOM', { supi: subscriber, ...wanted });
    const made = await context.sbi({
      nf: 'COMPUTE',
      operation: 'allocate',
      method: 'POST',
      path: '/compute/v1/allocations',
      body: { siteId: best.site.siteId, ...wanted },
    });
    const { allocationId } = z.object({ allocationId: z.string() }).parse(made.body);
    return withUndo(async (done) => {
      done('the allocation', () =>
        context.sbi({
          nf: 'COMPUTE',
          operation: 'release',
          method: 'DELETE',
          path: `/compute/v1/allocations/${allocationId}`,
        }),
      );
      if (!best.path.active) await route(subscriber, best.path.dnai, context);
      return { allocationId, siteId: best.site.siteId, delayMs: best.path.delayMs };
    });
  },
});

export const assuranceTools = [assure, diagnose];
export const pathTools = [failOver, fastest];
export const offloadTools = [offload];
