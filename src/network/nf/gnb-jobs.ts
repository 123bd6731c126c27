import { z } from 'zod';
import { invalid, problem, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import type { CellCounters } from './gnb-counters.ts';
import { iso, notifyUri } from './schemas.ts';

const MOI = '/ProvMnS/v1/PerfMetricJob={id}';
const cellId = z.string().regex(/^([0-9a-f]{7}|[0-9a-f]{9})$/i);

/** PerfMetricJob of TS 28.622 4.3.31: what is measured, where, how often; reports go to a stream target. */
const job = z.object({
  id: z.string().min(1),
  attributes: z.object({
    administrativeState: z.enum(['LOCKED', 'UNLOCKED']).default('UNLOCKED'),
    performanceMetrics: z.array(z.string().regex(/^[A-Z]\w*\.\w+$/, 'is no name of TS 28.552')).min(1),
    objectInstances: z.array(cellId).min(1).max(500),
    /** s. */
    granularityPeriod: z.number().int().min(1).max(86_400),
    streamTarget: notifyUri,
  }),
});
type Job = z.output<typeof job>;

/** Measurement jobs of the gNBs; gives the way to stop them. */
export function addMeasurementJobs(
  server: SbiServer,
  context: NfContext,
  counters: CellCounters,
): () => void {
  const { advances, notifier, simulation } = context;
  const jobs = new Map<string, { job: Job; due: number }>();
  const known = (id: string | undefined) => {
    const found = jobs.get(id ?? '');
    if (found === undefined) throw problem(404, 'IE_NOT_FOUND', `No PerfMetricJob ${id}`);
    return found;
  };
  const report = () => {
    for (const [id, entry] of jobs) {
      const { attributes } = entry.job;
      if (attributes.administrativeState === 'LOCKED' || simulation.now < entry.due) continue;
      // A jump over several periods gives one report, of its end.
      entry.due = simulation.now + attributes.granularityPeriod * 1000;
      const measurements = attributes.objectInstances.flatMap((cell) => {
        const all = counters.of(cell);
        if (all === undefined) return [];
        const values = attributes.performanceMetrics.map((name) => [name, all[name] ?? null]);
        return [{ objectInstance: cell, measResults: Object.fromEntries(values) }];
      });
      const body = {
        jobId: id,
        granularityPeriod: attributes.granularityPeriod,
        endTime: iso(simulation.now),
        measurements,
      };
      notifier.notify('performance data report', attributes.streamTarget, body);
    }
  };
  advances.add(report);

  server.route('PUT', MOI, { body: job }, ({ params, body }) => {
    if (body.id !== params.id) throw invalid('/id', 'is not that of the path');
    const { attributes } = body;
    attributes.objectInstances.forEach((cell, n) => {
      const all = counters.of(cell);
      if (all === undefined) throw invalid(`/attributes/objectInstances/${n}`, `no cell ${cell}`);
      attributes.performanceMetrics.forEach((name, m) => {
        if (!(name in all)) throw invalid(`/attributes/performanceMetrics/${m}`, `${name} is not measured`);
      });
    });
    const fresh = !jobs.has(body.id);
    notifier.welcome(attributes.streamTarget);
    jobs.set(body.id, { job: body, due: simulation.now + attributes.granularityPeriod * 1000 });
    const location = `${server.url}/ProvMnS/v1/PerfMetricJob=${encodeURIComponent(body.id)}`;
    return fresh ? { status: 201, body, headers: { location } } : { status: 200, body };
  });
  server.route('GET', MOI, {}, ({ params }) => ({ status: 200, body: known(params.id).job }));
  server.route('DELETE', MOI, {}, ({ params }) => {
    known(params.id);
    jobs.delete(params.id ?? '');
    return { status: 204 };
  });
  return () => advances.delete(report);
}
