import { z } from 'zod';
import { bucket, done, get, NOTIFY, notifyTo, resourceId, send } from './steps.ts';
import { cellIds, tool } from './types.ts';

const GNB = 'GNB';
const MNS = '/ProvMnS/v1';
const jobId = resourceId('Id of the measurement job');
/** A measurement of TS 28.552, or a counter of this network beside them. */
const counter = z
  .string()
  .regex(/^[A-Z]{2,4}\.\w{3,40}$/)
  .describe('Name by TS 28.552, for example RRU.PrbTotDl');
const one = (operations: string[]) => [{ type: GNB, operations }];

/** Jobs that collect counters of cells (PerfMetricJob of TS 28.622), and their archive. */
export const measurementTools = [
  tool({
    name: 'ran_start_measurement',
    title: 'Start measuring cells',
    description: 'Base stations report counters of cells to a URL every so many seconds: denser collection.',
    category: 'data',
    kind: 'data collection',
    labels: ['PerfMetricJob', 'pm job', 'periodic', 'monitoring', 'collect more often'],
    effects: 'reversible',
    // PUT under a name that follows from the idempotency key.
    idempotent: true,
    nf: one(['putMOI PerfMetricJob']),
    scope: NOTIFY,
    input: z.strictObject({
      cellIds,
      counters: z.array(counter).min(1).max(20).describe('Counters to report'),
      seconds: z.number().int().min(1).max(86_400).default(60).describe('Period'),
      notifyTo,
    }),
    output: z.object({ jobId: z.string() }),
    async execute(args, context) {
      const id = `pm-${context.id()}`;
      await send(context, GNB, 'putMOI PerfMetricJob', 'PUT', `${MNS}/PerfMetricJob=${id}`, {
        id,
        attributes: {
          performanceMetrics: args.counters,
          objectInstances: args.cellIds,
          granularityPeriod: args.seconds,
          streamTarget: args.notifyTo,
        },
      });
      return { jobId: id };
    },
  }),
  tool({
    name: 'ran_read_measurement',
    title: 'Read a measurement job',
    description: 'Counters, cells and period of a measurement job of the base stations.',
    category: 'data',
    kind: 'status perception',
    labels: ['PerfMetricJob', 'pm job', 'details'],
    effects: 'read',
    nf: one(['getMOI PerfMetricJob']),
    input: z.strictObject({ jobId }),
    output: z.object({
      counters: z.array(z.string()),
      cellIds: z.array(z.string()),
      seconds: z.number(),
    }),
    async execute(args, context) {
      const path = `${MNS}/PerfMetricJob=${args.jobId}`;
      const { attributes } = z
        .object({
          attributes: z.object({
            performanceMetrics: z.array(z.string()),
            objectInstances: z.array(z.string()),
            granularityPeriod: z.number(),
          }),
        })
        .parse(await get(context, GNB, 'getMOI PerfMetricJob', path));
      return {
        counters: attributes.performanceMetrics,
        cellIds: attributes.objectInstances,
        seconds: attributes.granularityPeriod,
      };
    },
  }),
  tool({
    name: 'ran_stop_measurement',
    title: 'Stop measuring cells',
    description: 'Ends a measurement job of the base stations: no more reports.',
    category: 'data',
    kind: 'data collection',
    labels: ['PerfMetricJob', 'pm job', 'end monitoring'],
    effects: 'reversible',
    nf: one(['deleteMOI PerfMetricJob']),
    input: z.strictObject({ jobId }),
    output: done,
    async execute(args, context) {
      await send(context, GNB, 'deleteMOI PerfMetricJob', 'DELETE', `${MNS}/PerfMetricJob=${args.jobId}`);
      return { done: true };
    },
  }),
  tool({
    name: 'ran_archive_counters',
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
      const query = { cellIds: args.cellIds.join(',') };
      const { cells } = z
        .object({ cells: z.array(z.looseObject({})) })
        .parse(await get(context, GNB, 'readKpis', '/performance/v1/cells', query));
      const name = `counters-${context.id()}`;
      const path = `/storage/v1/buckets/${args.bucket}/objects/${name}`;
      const object = { contentType: 'application/json', data: JSON.stringify(cells) };
      const { body } = await send(context, 'STORAGE', 'putObject', 'PUT', path, object);
      const stored = z.object({ bytes: z.number() }).parse(body);
      return { key: name, cells: cells.length, bytes: stored.bytes };
    },
  }),
];
