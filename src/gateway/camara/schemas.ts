import { z } from 'zod';
import { invalidArgument } from './failure.ts';

/** What CAMARA's descriptions of quality-on-demand, qos-provisioning and qos-profiles take. */

const port = z.number().int().min(1).max(65_535);
const ipv4 = z.ipv4().max(15);
const ipv6 = z.ipv6().max(45);

export const device = z
  .object({
    phoneNumber: z.string().regex(/^\+[1-9][0-9]{4,14}$/, 'is no phone number in E.164 form'),
    networkAccessIdentifier: z.string().max(2048),
    ipv4Address: z
      .object({ publicAddress: ipv4, privateAddress: ipv4, publicPort: port })
      .partial()
      .refine(
        (at) =>
          at.publicAddress !== undefined && (at.privateAddress !== undefined || at.publicPort !== undefined),
        'needs publicAddress, and privateAddress or publicPort',
      ),
    ipv6Address: ipv6,
  })
  .partial()
  .refine((one) => Object.values(one).some((value) => value !== undefined), 'needs at least one identifier');

export type Device = z.output<typeof device>;

const prefix = (address: z.ZodType<string>, bits: number) =>
  z.string().refine((text) => {
    const [host = '', length, ...rest] = text.split('/');
    if (rest.length > 0 || !address.safeParse(host).success) return false;
    return length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits);
  }, 'is no address or subnet');

const applicationServer = z.union(
  [
    z.strictObject({
      ipAddresses: z
        .array(z.union([ipv4, ipv6]))
        .min(1)
        .max(16)
        .refine((all) => new Set(all).size === all.length, 'names an address twice'),
    }),
    z
      .strictObject({ ipv4Address: prefix(ipv4, 32).optional(), ipv6Address: prefix(ipv6, 128).optional() })
      .refine((at) => at.ipv4Address !== undefined || at.ipv6Address !== undefined, 'names no address'),
  ],
  { error: 'is neither a list of addresses (ipAddresses) nor ipv4Address and ipv6Address with subnets' },
);

const ports = z
  .object({
    ranges: z
      .array(
        z.object({ from: port, to: port }).refine(({ from, to }) => from <= to, 'from must not be above to'),
      )
      .min(1)
      .max(65_536),
    ports: z.array(port).min(1).max(65_536),
  })
  .partial()
  .refine((one) => one.ranges !== undefined || one.ports !== undefined, 'names no ports');

const sinkCredential = z.discriminatedUnion('credentialType', [
  z.object({
    credentialType: z.literal('ACCESSTOKEN'),
    accessToken: z.string().min(1).max(4096),
    accessTokenExpiresUtc: z.iso.datetime({ offset: true }),
    accessTokenType: z.literal('bearer'),
  }),
  z.object({
    credentialType: z.literal('PRIVATE_KEY_JWT'),
    clientId: z.string().max(128).optional(),
    tokenUri: z
      .url({ protocol: /^https$/ })
      .max(2048)
      .optional(),
  }),
]);

export type SinkCredential = z.output<typeof sinkCredential>;

export const qosProfileName = z
  .string()
  .min(3)
  .max(256)
  .regex(/^[a-zA-Z0-9_.-]+$/, 'is no name of a QoS profile');
const sink = z.url().max(2048);
const seconds = z.number().int().min(1).max(2_147_483_647);

export const createSession = z.object({
  device: device.optional(),
  applicationServer,
  devicePorts: ports.optional(),
  applicationServerPorts: ports.optional(),
  qosProfile: qosProfileName,
  sink: sink.optional(),
  sinkCredential: sinkCredential.optional(),
  duration: seconds,
});

export const extendSession = z.object({ requestedAdditionalDuration: seconds });
export const byDevice = z.object({ device: device.optional() });
export const createAssignment = z.object({
  device: device.optional(),
  qosProfile: qosProfileName,
  sink: sink.optional(),
  sinkCredential: sinkCredential.optional(),
});
export const profileStatus = z.enum(['ACTIVE', 'INACTIVE', 'DEPRECATED']);
export const profileQuery = z.object({
  device: device.optional(),
  name: qosProfileName.optional(),
  status: profileStatus.optional(),
});
export const resourceId = z.uuid();
export const xCorrelator = z.string().regex(/^[a-zA-Z0-9-_:;./<>{}]{0,256}$/);

/** `value` by `schema`. @throws CamaraError INVALID_ARGUMENT that names the first field that is wrong */
export function valid<S extends z.ZodType>(
  schema: S,
  value: unknown,
  what = 'The request body',
): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.length ? `${what}, at ${issue.path.join('.')}` : what;
  throw invalidArgument(`${where}: ${issue?.message ?? 'not valid'}`.slice(0, 512));
}
