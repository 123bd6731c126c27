import { z } from 'zod';
import { NetAgentError } from '../../errors.ts';
import { invalid, problem, SbiProblem, type SbiServer } from '../../sbi/index.ts';
import type { Simulation } from '../model.ts';
import { addA1Routes } from './a1-policies.ts';
import { relayA1 } from './a1-relay.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';
import { CellCounters } from './gnb-counters.ts';
import { addMeasurementJobs } from './gnb-jobs.ts';
import { ranLoad } from './nwdaf-cells.ts';
import { instant, point, rat, subscriberUnknown, supi, windowOf } from './schemas.ts';

/** RRMPolicyRatio of TS 28.541 4.3.36; cells, subscribers and window are fields of this project. */
const rrmPolicy = z.object({
  id: z.string().min(1),
  attributes: z.object({
    resourceType: z.string().default('PRB'),
    rRMPolicyDedicatedRatio: z.number().min(0).max(100),
    cellIds: z
      .array(z.string().regex(/^([0-9a-f]{7}|[0-9a-f]{9})$/i))
      .min(1)
      .max(500),
    supis: z.array(supi).min(1),
    start: instant.optional(),
    end: instant.optional(),
  }),
});
const MOI = '/ProvMnS/v1/RRMPolicyRatio={id}';
const MAX_POINTS = 5000;

/** Management and near-real-time control of the gNBs: ProvMnS (TS 28.532), A1-P, and measurements. */
export async function startGnb(context: NfContext): Promise<NetworkFunction> {
  const { simulation } = context;
  const services = [
    ['ProvMnS', 'v1'],
    ['A1-P', 'v2'],
    ['coverage', 'v1'],
    ['performance', 'v1'],
    ['mobility', 'v1'],
  ] as const;
  const counters = new CellCounters(simulation);
  let stopJobs = () => {};
  const started = await startFunction(
    context,
    'GNB',
    services.map(([name, version]) => ({ name, version })),
    (server) => {
      addProvisioning(server, simulation);
      if (context.a1 === undefined) addA1Routes(server, context);
      else relayA1(server, context, context.a1);
      addMeasurements(server, simulation, counters);
      stopJobs = addMeasurementJobs(server, context, counters);
    },
    { load: () => ranLoad(simulation) / 100 },
  );
  return {
    ...started,
    async close() {
      stopJobs();
      counters.close();
      await started.close();
    },
  };
}

function addProvisioning(server: SbiServer, simulation: Simulation): void {
  const objects = new Map<string, z.output<typeof rrmPolicy>>();
  const known = (id: string | undefined) => {
    const found = objects.get(id ?? '');
    if (found === undefined) throw problem(404, 'IE_NOT_FOUND', `No RRMPolicyRatio ${id}`);
    return found;
  };
  server.route('PUT', MOI, { body: rrmPolicy }, ({ params, body }) => {
    if (body.id !== params.id) throw invalid('/id', 'is not that of the path');
    const { cellIds, supis, rRMPolicyDedicatedRatio, start, end } = body.attributes;
    windowOf(start, end, '/attributes/start');
    cellIds.forEach((id, n) => {
      if (simulation.cell(id) === undefined) throw cellUnknown(id, `/attributes/cellIds/${n}`);
    });
    for (const id of supis) if (simulation.ue(id) === undefined) throw subscriberUnknown(id);
    const { id } = body;
    try {
      simulation.setRrmPolicy({ id, cellIds, supis, dedicatedRatio: rRMPolicyDedicatedRatio, start, end });
    } catch (error) {
      // Cells of the world would be promised twice.
      if (error instanceof NetAgentError) throw problem(error.status, error.code, error.message);
      throw error;
    }
    const fresh = !objects.has(body.id);
    objects.set(body.id, body);
    const location = `${server.url}/ProvMnS/v1/RRMPolicyRatio=${encodeURIComponent(body.id)}`;
    return fresh ? { status: 201, body, headers: { location } } : { status: 200, body };
  });
  server.route('GET', MOI, {}, ({ params }) => ({ status: 200, body: known(params.id) }));
  server.route('DELETE', MOI, {}, ({ params }) => {
    const { id } = known(params.id);
    simulation.removeRrmPolicy(id);
    objects.delete(id);
    return { status: 204 };
  });
}

function addMeasurements(server: SbiServer, simulation: Simulation, counters: CellCounters): void {
  const points = z.object({
    points: z
      .array(point.extend({ t: instant }))
      .min(1)
      .max(MAX_POINTS),
  });
  server.route('POST', '/coverage/v1/forecast', { body: points }, ({ body }) => ({
    status: 200,
    body: { points: simulation.forecastCoverage(body.points) },
  }));
  const cells = z.object({
    cellIds: z.string().transform((text) => text.split(',').filter((id) => id !== '')),
  });
  server.route('GET', '/performance/v1/cells', { query: cells }, ({ query }) => ({
    status: 200,
    body: {
      cells: query.cellIds.map((id) => counters.of(id)).filter((kpis) => kpis !== undefined),
    },
  }));
  server.route('GET', '/performance/v1/ues/{supi}', {}, ({ params }) => {
    const radio = simulation.ue(params.supi ?? '');
    if (radio === undefined) throw subscriberUnknown(params.supi ?? '');
    return { status: 200, body: radio };
  });
  server.route(
    'POST',
    '/mobility/v1/ues/{supi}/handover',
    { body: z.object({ rat }) },
    ({ params, body }) => {
      const id = params.supi ?? '';
      if (simulation.ue(id) === undefined) throw subscriberUnknown(id);
      return { status: 200, body: { rat: body.rat, switched: simulation.switchRat(id, body.rat) } };
    },
  );
}

function cellUnknown(id: string, param: string): SbiProblem {
  const { problem: body } = problem(404, 'CELL_UNKNOWN', `No cell ${id}`);
  return new SbiProblem({ ...body, invalidParams: [{ param, reason: 'is no cell' }] });
}
