import { z } from 'zod';
import { invalid } from '../../sbi/index.ts';
import { snssai } from './schemas.ts';

const endpoint = z.looseObject({
  ipv4Address: z.string().optional(),
  ipv6Address: z.string().optional(),
  transport: z.string().optional(),
  port: z.number().int().min(1).max(65535).optional(),
});
const service = z.looseObject({
  serviceInstanceId: z.string(),
  serviceName: z.string(),
  versions: z.array(z.looseObject({ apiVersionInUri: z.string(), apiFullVersion: z.string() })).min(1),
  scheme: z.enum(['http', 'https']),
  nfServiceStatus: z.string(),
  ipEndPoints: z.array(endpoint).optional(),
  load: z.number().int().min(0).max(100).optional(),
  allowedNfTypes: z.array(z.string()).min(1).optional(),
});

/** NFProfile of TS 29.510 6.1.6.2.2, as far as the NRF itself looks at it; the rest is kept as it came. */
export const profile = z.looseObject({
  nfInstanceId: z.uuid(),
  nfType: z.string().min(1),
  nfStatus: z.enum(['REGISTERED', 'SUSPENDED', 'UNDISCOVERABLE', 'CANARY_RELEASE']),
  heartBeatTimer: z.number().int().min(1).optional(),
  load: z.number().int().min(0).max(100).optional(),
  capacity: z.number().int().min(0).max(65_535).optional(),
  priority: z.number().int().min(0).max(65_535).optional(),
  locality: z.string().optional(),
  sNssais: z.array(snssai.loose()).min(1).optional(),
  nfSetIdList: z.array(z.string()).min(1).optional(),
  allowedNfTypes: z.array(z.string()).min(1).optional(),
  nfServices: z.array(service).optional(),
  nfServiceList: z.record(z.string(), service).optional(),
});
export type Profile = z.output<typeof profile>;

export const servicesOf = ({ nfServices = [], nfServiceList = {} }: Profile) => [
  ...nfServices,
  ...Object.values(nfServiceList),
];

/** JSON Patch of RFC 6902, without `move` and `copy`. */
export const jsonPatch = z
  .array(
    z.object({
      op: z.enum(['add', 'replace', 'remove', 'test']),
      path: z.string().regex(/^(\/[^/]*)+$/, 'is no JSON pointer to an attribute'),
      value: z.unknown().optional(),
    }),
  )
  .min(1);

type Container = Record<string, unknown> | unknown[];

/** The value with all changes made, itself unchanged. @throws SbiProblem 400 for a path that leads nowhere */
export function patched(value: unknown, operations: z.output<typeof jsonPatch>): unknown {
  const result = structuredClone(value);
  operations.forEach(({ op, path, value: given }, n) => {
    const names = path
      .split('/')
      .slice(1)
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
    const last = names.pop() as string;
    let at = result;
    for (const name of names) at = isContainer(at) ? own(at, name) : undefined;
    if (!isContainer(at)) throw invalid(`/${n}/path`, `${path} leads nowhere`);
    if (op === 'test') {
      if (JSON.stringify(own(at, last)) === JSON.stringify(given)) return;
      throw invalid(`/${n}/value`, `${path} is another value`);
    }
    if (op === 'remove' && own(at, last) === undefined) throw invalid(`/${n}/path`, `${path} is not there`);
    change(at, last, op, given);
  });
  return result;
}

function change(at: Container, name: string, op: 'add' | 'replace' | 'remove', value: unknown): void {
  if (Array.isArray(at)) {
    const index = name === '-' ? at.length : Number(name);
    if (!Number.isInteger(index) || index < 0 || index > at.length)
      throw invalid('/path', `${name} is no index`);
    at.splice(index, op === 'add' ? 0 : 1, ...(op === 'remove' ? [] : [value]));
    return;
  }
  if (op === 'remove') delete at[name];
  else Object.defineProperty(at, name, { value, enumerable: true, configurable: true, writable: true });
}

const isContainer = (value: unknown): value is Container => typeof value === 'object' && value !== null;
const own = (at: Container, name: string): unknown =>
  Object.hasOwn(at, name) ? (at as Record<string, unknown>)[name] : undefined;

/** Attributes of the profile that differ, as JSON pointers. */
export function changedAttributes(before: Profile, after: Profile): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names]
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => `/${name}`);
}
