import { z } from 'zod';
import { durationSchema } from '../events/duration.ts';
import { standardError } from '../fault.ts';
import type { Protocol } from './types.ts';

/** What `with` of each call holds (DSL 1.0.3, "Call"), its expressions evaluated. */

const text = z.string().min(1);
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const map = z.record(z.string(), z.unknown());
const authentication = z.unknown().optional();
const endpoint = z.union([text, z.strictObject({ uri: text, authentication })]);
export const resourceSchema = z.strictObject({ name: text.optional(), endpoint });
const output = z.enum(['content', 'raw', 'response']).default('content');
const redirect = z.boolean().default(false);

export type Endpoint = z.output<typeof endpoint>;
export type ExternalResource = z.output<typeof resourceSchema>;
export type HttpOutput = z.output<typeof output>;

const consume = z
  .strictObject({
    amount: z.int().min(1).optional(),
    while: text.optional(),
    until: text.optional(),
    for: durationSchema.optional(),
  })
  .refine(
    ({ amount, while: during, until }) =>
      [amount, during, until].filter((one) => one !== undefined).length === 1,
    {
      message: 'exactly one of amount, while, until is needed',
    },
  );

/** `call: asyncapi` beneath `subscription`. */
export const subscriptionSchema = z.strictObject({
  filter: text.optional(),
  consume,
  foreach: z.unknown().optional(),
});

const exactlyOne = (one: string, other: string) => ({
  check: (value: object) => one in value !== other in value,
  message: { message: `exactly one of ${one}, ${other} is needed` },
});
const place = exactlyOne('operation', 'channel');
const direction = exactlyOne('message', 'subscription');
const carrier = exactlyOne('http', 'stdio');

export const argumentSchemas = {
  http: z.strictObject({
    method: text,
    endpoint,
    headers: z.record(z.string(), scalar).optional(),
    query: map.optional(),
    body: z.unknown().optional(),
    output,
    redirect,
  }),
  openapi: z.strictObject({
    document: resourceSchema,
    operationId: text,
    parameters: map.optional(),
    authentication,
    output,
    redirect,
  }),
  grpc: z.strictObject({
    proto: resourceSchema,
    service: z.strictObject({
      name: text,
      host: text,
      port: z.int().min(1).max(65_535).optional(),
      authentication,
    }),
    method: text,
    arguments: map.optional(),
    authentication,
  }),
  asyncapi: z
    .strictObject({
      document: resourceSchema,
      operation: text.optional(),
      channel: text.optional(),
      server: z.strictObject({ name: text, variables: z.record(z.string(), scalar).optional() }).optional(),
      protocol: text.optional(),
      message: z.strictObject({ payload: z.unknown().optional(), headers: map.optional() }).optional(),
      subscription: z.unknown().optional(),
      authentication,
    })
    .refine(place.check, place.message)
    .refine(direction.check, direction.message),
  mcp: z.strictObject({
    protocolVersion: text.default('2025-06-18'),
    method: z.enum([
      'tools/list',
      'tools/call',
      'prompts/list',
      'prompts/get',
      'resources/list',
      'resources/read',
      'resources/templates/list',
    ]),
    parameters: map.optional(),
    timeout: durationSchema.optional(),
    transport: z
      .strictObject({
        http: z.strictObject({ endpoint, headers: z.record(z.string(), scalar).optional() }).optional(),
        stdio: z
          .strictObject({
            command: text,
            arguments: z.array(z.string()).optional(),
            environment: z.record(z.string(), z.string()).optional(),
          })
          .optional(),
        options: map.optional(),
      })
      .refine(carrier.check, carrier.message),
    // The tag 1.0.3 wrote `description` where `version` was meant.
    client: z.strictObject({ name: text, version: text.optional(), description: text.optional() }).optional(),
  }),
  a2a: z
    .strictObject({
      agentCard: resourceSchema.optional(),
      server: endpoint.optional(),
      method: z.enum([
        'message/send',
        'message/stream',
        'tasks/get',
        'tasks/list',
        'tasks/cancel',
        'tasks/resubscribe',
        'tasks/pushNotificationConfig/set',
        'tasks/pushNotificationConfig/get',
        'tasks/pushNotificationConfig/list',
        'tasks/pushNotificationConfig/delete',
        'agent/getAuthenticatedExtendedCard',
      ]),
      parameters: map.optional(),
    })
    .refine((a2a) => a2a.agentCard !== undefined || a2a.server !== undefined, {
      message: 'one of agentCard, server is needed',
    }),
} satisfies Record<Protocol, z.ZodType>;

export type Arguments<P extends Protocol> = z.output<(typeof argumentSchemas)[P]>;

/** @throws RaisedError `configuration` that names what is missing or wrong */
export function readArguments<P extends Protocol>(call: P, given: unknown): Arguments<P> {
  const schema: z.ZodType = argumentSchemas[call];
  return readAs(schema, given, `call: ${call}`) as Arguments<P>;
}

/** @throws RaisedError `configuration` */
export function readAs<T>(schema: z.ZodType<T>, given: unknown, what: string): T {
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(
    ({ path, message }) => `${['with', ...path].join('.')}: ${message}`,
  );
  throw standardError('configuration', `${what} is incomplete or wrong`, { detail: problems.join('; ') });
}
