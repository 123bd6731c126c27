import { z } from 'zod';
import { duration, endpoint, isExpression, resource } from './parts.ts';

const text = z.string().min(1);
const expressionOr = <T extends z.ZodType>(of: T) => z.union([z.string().refine(isExpression), of]);
const map = z.record(z.string(), z.unknown());
const authentication = z.record(z.string(), z.unknown());
const httpOutput = z.enum(['raw', 'content', 'response']).optional();

const consume = z
  .strictObject({
    amount: z.int().min(1).optional(),
    while: z.string().optional(),
    until: z.string().optional(),
    for: duration.optional(),
  })
  .refine((one) => [one.amount, one.while, one.until].filter((way) => way !== undefined).length === 1, {
    error: 'one of amount, while, until',
  });

/** Arguments of the calls that the DSL knows by name (1.0.3, "Call"). */
const ARGUMENTS: Record<string, z.ZodType> = {
  http: z.strictObject({
    method: text,
    endpoint,
    headers: expressionOr(map).optional(),
    query: expressionOr(map).optional(),
    body: z.unknown().optional(),
    output: httpOutput,
    redirect: z.boolean().optional(),
  }),
  openapi: z.strictObject({
    document: resource,
    operationId: text,
    parameters: expressionOr(map).optional(),
    authentication: authentication.optional(),
    output: httpOutput,
    redirect: z.boolean().optional(),
  }),
  grpc: z.strictObject({
    proto: resource,
    service: z.strictObject({
      name: text,
      host: text,
      port: z.union([z.int().min(0).max(65_535), z.string().refine(isExpression)]).optional(),
      authentication: authentication.optional(),
    }),
    method: text,
    arguments: expressionOr(map).optional(),
  }),
  asyncapi: z
    .strictObject({
      document: resource,
      channel: text.optional(),
      operation: text.optional(),
      server: z.strictObject({ name: text, variables: map.optional() }).optional(),
      protocol: z
        .enum([
          'amqp',
          'amqp1',
          'anypointmq',
          'googlepubsub',
          'http',
          'ibmmq',
          'jms',
          'kafka',
          'mercure',
          'mqtt',
          'mqtt5',
          'nats',
          'pulsar',
          'redis',
          'sns',
          'solace',
          'sqs',
          'stomp',
          'ws',
        ])
        .optional(),
      message: z
        .strictObject({ payload: z.unknown().optional(), headers: z.unknown().optional() })
        .optional(),
      subscription: z
        .strictObject({
          filter: z.string().optional(),
          consume,
          foreach: z
            .undefined('foreach of a subscription is not run here; use a for task on its output')
            .optional(),
        })
        .optional(),
      authentication: authentication.optional(),
    })
    .refine(({ channel, operation }) => (channel === undefined) !== (operation === undefined), {
      error: 'one of operation (AsyncAPI 3.0), channel (2.6)',
    })
    .refine(({ message, subscription }) => (message === undefined) !== (subscription === undefined), {
      error: 'one of message, subscription',
    }),
  mcp: z.strictObject({
    protocolVersion: text.optional(),
    method: expressionOr(
      z.enum([
        'tools/list',
        'tools/call',
        'prompts/list',
        'prompts/get',
        'resources/list',
        'resources/read',
        'resources/templates/list',
      ]),
    ),
    parameters: expressionOr(map).optional(),
    timeout: duration.optional(),
    transport: z
      .strictObject({
        http: z.strictObject({ endpoint, headers: map.optional() }).optional(),
        stdio: z
          .strictObject({
            command: text,
            arguments: z.array(z.string()).optional(),
            environment: map.optional(),
          })
          .optional(),
        options: map.optional(),
      })
      .refine(({ http, stdio }) => (http === undefined) !== (stdio === undefined), {
        error: 'one of http, stdio',
      }),
    client: z.strictObject({ name: text, version: text, description: z.string().optional() }).optional(),
  }),
  a2a: z
    .strictObject({
      agentCard: resource.optional(),
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
      parameters: expressionOr(map).optional(),
    })
    .refine(({ agentCard, server }) => agentCard !== undefined || server !== undefined, {
      error: 'one of agentCard, server',
    }),
};

/** The schema of a call task with these common fields. */
export function callSchema(base: z.ZodRawShape, task: Record<string, unknown>): z.ZodType {
  const args = typeof task.call === 'string' ? ARGUMENTS[task.call] : undefined;
  return z.strictObject({ ...base, call: text, with: args ?? map.optional() });
}
