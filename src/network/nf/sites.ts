import { z } from 'zod';
import { problem, SbiProblem, type SbiServer } from '../../sbi/index.ts';
import type { NfContext } from './context.ts';
import { type NetworkFunction, startFunction } from './function.ts';

const count = z.number().int().min(1);
const allocation = z.object({
  siteId: z.string().min(1),
  name: z.string().min(1).max(128),
  vcpu: count,
  memoryMiB: count,
  gpu: z.number().int().min(0).default(0),
});
/** Core-seconds of one job: a day of a thousand cores. */
const MAX_CPU_S = 86_400_000;
const job = z.object({ name: z.string().min(1).max(128), cpuSeconds: z.number().positive().max(MAX_CPU_S) });
const bucket = z.object({
  siteId: z.string().min(1),
  quotaBytes: z
    .number()
    .int()
    .min(0)
    .max(2 ** 40),
});
const object = z.object({
  contentType: z.string().min(1).default('application/octet-stream'),
  data: z.string().max(900_000),
});

/** How refusals of sites and storage are answered. */
const STATUS: Readonly<Record<string, number>> = {
  SITE_NOT_FOUND: 404,
  ALLOCATION_NOT_FOUND: 404,
  BUCKET_NOT_FOUND: 404,
  OBJECT_NOT_FOUND: 404,
  SITE_DOWN: 503,
  INSUFFICIENT_RESOURCES: 403,
  QUOTA_EXCEEDED: 403,
};

/** The value, or the refusal as a problem, naming the field it is about where there is one. */
function granted<T extends object>(value: T | string, param?: string): T {
  if (typeof value !== 'string') return value;
  const { problem: body } = problem(STATUS[value] ?? 500, value, `Refused: ${value}`);
  throw new SbiProblem({
    ...body,
    ...(param !== undefined && { invalidParams: [{ param, reason: value }] }),
  });
}

/** Compute of the sites: not of 3GPP, in the same form. */
export function startCompute(context: NfContext): Promise<NetworkFunction> {
  const { core } = context;
  return startFunction(
    context,
    'COMPUTE',
    [{ name: 'compute', version: 'v1' }],
    (server) => addCompute(server, context),
    { load: () => core.sites.load() },
  );
}

function addCompute(server: SbiServer, { core, simulation }: NfContext): void {
  const ROOT = '/compute/v1';
  const known = (id: string | undefined) =>
    granted(core.sites.allocation(id ?? '') ?? 'ALLOCATION_NOT_FOUND');
  server.route('GET', `${ROOT}/sites`, {}, () => ({ status: 200, body: { sites: core.sites.list() } }));
  server.route('GET', `${ROOT}/sites/{id}`, {}, ({ params }) => ({
    status: 200,
    body: granted(core.sites.site(params.id ?? '') ?? 'SITE_NOT_FOUND'),
  }));
  server.route('GET', `${ROOT}/allocations`, {}, () => ({
    status: 200,
    body: { allocations: core.sites.allocations() },
  }));
  server.route('POST', `${ROOT}/allocations`, { body: allocation }, ({ body }) => {
    const { siteId, name, ...resources } = body;
    const made = granted(core.sites.allocate(siteId, name, resources), '/siteId');
    const location = `${server.url}${ROOT}/allocations/${made.allocationId}`;
    return { status: 201, body: made, headers: { location } };
  });
  server.route('GET', `${ROOT}/allocations/{id}`, {}, ({ params }) => ({
    status: 200,
    body: known(params.id),
  }));
  server.route('DELETE', `${ROOT}/allocations/{id}`, {}, ({ params }) => {
    core.sites.release(known(params.id).allocationId);
    return { status: 204 };
  });
  server.route('POST', `${ROOT}/allocations/{id}/jobs`, { body: job }, ({ params, body }) => {
    const { allocationId } = known(params.id);
    const made = granted(core.sites.run(allocationId, body.name, body.cpuSeconds, simulation.now));
    return { status: 201, body: made, headers: { location: `${server.url}${ROOT}/jobs/${made.jobId}` } };
  });
  server.route('GET', `${ROOT}/jobs/{id}`, {}, ({ params }) => {
    const found = core.sites.job(params.id ?? '', simulation.now);
    if (found === undefined) throw problem(404, 'JOB_NOT_FOUND', `No job ${params.id}`);
    return { status: 200, body: found };
  });
}

/** Object storage at the sites: not of 3GPP, in the same form. */
export function startStorage(context: NfContext): Promise<NetworkFunction> {
  const { core } = context;
  return startFunction(
    context,
    'STORAGE',
    [{ name: 'storage', version: 'v1' }],
    (server) => addStorage(server, context),
    { load: () => core.objects.load() },
  );
}

function addStorage(server: SbiServer, { core }: NfContext): void {
  const BUCKETS = '/storage/v1/buckets';
  const ONE = `${BUCKETS}/{bucket}`;
  const OBJECT = `${ONE}/objects/{key}`;
  const info = (name: string | undefined) => granted(core.objects.bucket(name ?? '') ?? 'BUCKET_NOT_FOUND');
  server.route('GET', BUCKETS, {}, () => ({ status: 200, body: { buckets: core.objects.buckets() } }));
  server.route('PUT', ONE, { body: bucket }, ({ params, body }) => {
    const name = params.bucket ?? '';
    granted(core.sites.site(body.siteId) ?? 'SITE_NOT_FOUND', '/siteId');
    const { fresh } = granted(core.objects.setBucket(name, body.siteId, body.quotaBytes), '/quotaBytes');
    const location = `${server.url}${BUCKETS}/${encodeURIComponent(name)}`;
    return fresh
      ? { status: 201, body: info(name), headers: { location } }
      : { status: 200, body: info(name) };
  });
  server.route('GET', ONE, {}, ({ params }) => ({ status: 200, body: info(params.bucket) }));
  server.route('DELETE', ONE, {}, ({ params }) => {
    core.objects.removeBucket(info(params.bucket).bucket);
    return { status: 204 };
  });
  server.route('GET', `${ONE}/objects`, {}, ({ params }) => ({
    status: 200,
    body: { keys: granted(core.objects.keys(params.bucket ?? '') ?? 'BUCKET_NOT_FOUND') },
  }));
  server.route('PUT', OBJECT, { body: object }, ({ params, body }) => {
    const { bucket: name = '', key = '' } = params;
    const { bytes, version } = granted(core.objects.put(name, key, body.contentType, body.data), '/data');
    return { status: 200, body: { key, bytes, version }, headers: { etag: `"${version}"` } };
  });
  server.route('GET', OBJECT, {}, ({ params }) => {
    const found = granted(core.objects.get(params.bucket ?? '', params.key ?? ''));
    return { status: 200, body: found, headers: { etag: `"${found.version}"` } };
  });
  server.route('DELETE', OBJECT, {}, ({ params }) => {
    info(params.bucket);
    if (!core.objects.remove(params.bucket ?? '', params.key ?? '')) granted('OBJECT_NOT_FOUND');
    return { status: 204 };
  });
}
