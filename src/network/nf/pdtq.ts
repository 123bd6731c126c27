import { z } from 'zod';
import { invalid, problem, type SbiServer } from '../../sbi/index.ts';
import type { Cell, Simulation } from '../model.ts';
import { mergePatch } from './app-session.ts';
import type { NfContext } from './context.ts';
import { area, cellsOf } from './network-area.ts';
import { dateTime, iso, notifyUri } from './schemas.ts';

const ROOT = '/npcf-pdtq-policy-control/v1/pdtq-policies';

const window = z.object({ startTime: dateTime, stopTime: dateTime });
const request = z
  .looseObject({
    aspId: z.string().min(1),
    desTimeInts: z.array(window).min(1).max(20),
    numOfUes: z.number().int().min(1),
    qosReference: z.string().optional(),
    qosParamSet: z.looseObject({}).optional(),
    nwAreaInfo: area.optional(),
    notifUri: notifyUri.optional(),
    suppFeat: z.string().optional(),
  })
  .refine((body) => (body.qosReference === undefined) !== (body.qosParamSet === undefined), {
    path: ['qosReference'],
    message: 'or qosParamSet, and not both',
  });
const patch = z.object({ selPdtqPolicyId: z.number().int().optional(), notifUri: notifyUri.optional() });
/** Load of its cells up to which a time is recommended, percent of the resource blocks. */
const ROOM = 70;

interface Negotiation {
  raw: Record<string, unknown>;
  policies: Array<{ pdtqPolicyId: number; recTimeInt: { startTime: string; stopTime: string } }>;
}

/** Planned data transfer with QoS (TS 29.543): which of the wished times the cells are likely to have room. */
export function addPdtqRoutes(server: SbiServer, { simulation }: NfContext): void {
  const negotiations = new Map<string, Negotiation>();
  let serial = 0;
  const known = (id: string | undefined) => {
    const found = negotiations.get(id ?? '');
    if (found === undefined) throw problem(404, 'PDTQ_POLICY_NOT_FOUND', `No negotiation ${id}`);
    return found;
  };
  const bodyOf = (id: string, { raw, policies }: Negotiation) => ({
    ...raw,
    pdtqRefId: id,
    pdtqPolicies: policies,
  });
  server.route('POST', ROOT, { body: z.record(z.string(), z.unknown()) }, ({ body: raw }) => {
    const read = request.safeParse(raw);
    if (!read.success) {
      const [issue] = read.error.issues;
      throw invalid(`/${issue?.path.join('/') ?? ''}`, issue?.message ?? 'is not valid');
    }
    const { desTimeInts, nwAreaInfo } = read.data;
    desTimeInts.forEach(({ startTime, stopTime }, n) => {
      if (startTime >= stopTime) throw invalid(`/desTimeInts/${n}/stopTime`, 'must be after startTime');
    });
    const cells = nwAreaInfo === undefined ? [] : cellsOf(simulation, nwAreaInfo).map(({ cell }) => cell);
    const fits = desTimeInts.filter(({ startTime, stopTime }) =>
      hasRoom(simulation, cells, startTime, stopTime),
    );
    if (fits.length === 0) throw problem(403, 'PDTQ_POLICY_NOT_AVAILABLE', 'No wished time has room');
    const id = `pdtq-${++serial}`;
    const policies = fits.map(({ startTime, stopTime }, n) => ({
      pdtqPolicyId: n + 1,
      recTimeInt: { startTime: iso(startTime), stopTime: iso(stopTime) },
    }));
    const made = { raw, policies };
    negotiations.set(id, made);
    return { status: 201, body: bodyOf(id, made), headers: { location: `${server.url}${ROOT}/${id}` } };
  });
  server.route('GET', `${ROOT}/{id}`, {}, ({ params }) => ({
    status: 200,
    body: bodyOf(params.id ?? '', known(params.id)),
  }));
  const consumes = ['application/merge-patch+json'];
  server.route('PATCH', `${ROOT}/{id}`, { body: patch, consumes }, ({ params, body }) => {
    const negotiation = known(params.id);
    const { selPdtqPolicyId: chosen } = body;
    if (chosen !== undefined && !negotiation.policies.some((one) => one.pdtqPolicyId === chosen)) {
      throw invalid('/selPdtqPolicyId', 'is none of the offered policies');
    }
    negotiation.raw = mergePatch(negotiation.raw, body) as Record<string, unknown>;
    return { status: 200, body: bodyOf(params.id ?? '', negotiation) };
  });
}

/** The cells together; without an area nothing speaks against a time. */
function hasRoom(simulation: Simulation, cells: readonly Cell[], start: number, end: number): boolean {
  if (cells.length === 0) return true;
  const loads = cells.map((cell) => simulation.forecastLoad(cell.id, start, end).prbRatio);
  return loads.reduce((a, b) => a + b, 0) / loads.length <= ROOM;
}
