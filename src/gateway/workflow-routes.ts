import express, { type Express, type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import type { Env } from '../../machines/ports.ts';
import { fail, NetAgentError } from '../errors.ts';
import { jsonReader } from './body.ts';
import { EventStream } from './event-stream.ts';
import { eventOf, isBinaryEvent, isStructuredEvent } from './http-event.ts';
import { type GatewayLimits, StreamSlots } from './limits.ts';
import type { OperatedWorkflows, RunRequest } from './operated-workflows.ts';
import { isLoopback, isOperator } from './operator.ts';
import { refuse } from './refusal.ts';

/** Bytes of a request with a document in it: one of a million characters, escaped. */
const DOCUMENT_BYTES = 2 * 1024 * 1024;
const VERBS = ['cancel', 'pause', 'resume', 'restart'] as const;
const STATUSES = ['running', 'waiting', 'suspended', 'completed', 'faulted', 'cancelled'] as const;
const ENDS = new Set(['workflow.completed', 'workflow.faulted', 'workflow.cancelled']);
const ENDED = new Set(['completed', 'faulted', 'cancelled']);

const name = z.string().min(1).max(256);
/** A whole number of a query. */
const whole = z
  .string()
  .regex(/^\d{1,15}$/, 'is no whole number')
  .transform(Number);
const task = z.strictObject({
  text: z.string().min(1).max(4_000),
  domain: name.optional(),
  category: name.optional(),
  effects: z.enum(['reads', 'changes']).optional(),
  known: z.record(z.string(), z.unknown()).optional(),
});
const policy = z.strictObject({ policy: z.looseObject({}) });
const source = z.strictObject({ source: z.string() });
const runRequest = z
  .strictObject({
    workflow: name.optional(),
    version: name.optional(),
    source: z.string().optional(),
    input: z.unknown().optional(),
    // Addresses take the one and the other for a way upwards.
    id: name.regex(/^(?!\.{1,2}$)/, 'is no id').optional(),
    dryRun: z.boolean().optional(),
  })
  .refine((run) => (run.workflow === undefined) !== (run.source === undefined), 'give workflow or source');
const restart = z.strictObject({ from: z.string().max(4_000).optional() });
const decision = z.strictObject({ hash: name });
const filter = z.strictObject({
  status: z.enum(STATUSES).optional(),
  workflow: name.optional(),
  limit: whole.pipe(z.number().min(1).max(1_000)).optional(),
});
const since = z.strictObject({ since: whole.optional() });
const version = z.strictObject({ version: name.optional() });
const before = z.union(
  [
    z.strictObject({ endedBefore: z.union([whole, z.iso.datetime({ offset: true }).transform(Date.parse)]) }),
    z.strictObject({ olderThan: whole }),
  ],
  'give endedBefore (a time) or olderThan (ms)',
);

/**
 * Workflows under `/workflows`: everybody who reaches the gateway reads, the operator at this machine runs and
 * decides. Returns how many clients follow an instance now.
 */
export function addWorkflowRoutes(
  app: Express,
  {
    served,
    env,
    limits,
  }: {
    /** Undefined until the gateway serves; `workflows` is absent where the runtime has none. */
    served: () => { workflows?: OperatedWorkflows } | undefined;
    env: Env;
    limits: GatewayLimits;
  },
): () => number {
  const router = express.Router();
  const slots = new StreamSlots(limits.streamsPerClient);
  const types = ['application/json'];
  const small = jsonReader({ bytes: limits.bodyBytes, depth: limits.depth, types });
  const large = jsonReader({ bytes: DOCUMENT_BYTES, depth: limits.depth, types });
  const raw = express.raw({ limit: limits.bodyBytes, type: () => true });

  /** What a handler returns is the answer. */
  const answer =
    (work: (workflows: OperatedWorkflows, request: Request, response: Response) => unknown): RequestHandler =>
    async (request, response, next) => {
      const there = served();
      try {
        if (there === undefined) throw fail('GATEWAY_STARTING');
        if (there.workflows === undefined) throw fail('GATEWAY_NOT_FOUND', { path: request.originalUrl });
        const value = await work(there.workflows, request, response);
        if (value !== undefined && !response.headersSent)
          response.set('Cache-Control', 'no-store').json(value);
      } catch (error) {
        if (error instanceof NetAgentError) refuse(response, error);
        else next(error);
      }
    };
  const operator: RequestHandler = (request, response, next) => {
    if (isOperator(request)) next();
    else refuse(response, fail('GATEWAY_OPERATOR_ONLY'));
  };

  router.get(
    '/',
    answer((workflows) => workflows.templates()),
  );
  const template = (workflows: OperatedWorkflows, request: Request) => {
    const { namespace, id } = request.params;
    const { version: wanted } = read(version, request.query, 'query');
    return workflows.template(namespace === undefined ? String(id) : `${namespace}/${id}`, wanted);
  };
  router.get('/templates/:id', answer(template));
  router.get('/templates/:namespace/:id', answer(template));
  router.post(
    '/match',
    small,
    answer((workflows, { body }) => workflows.match(defined(read(task, body)))),
  );
  router.post(
    '/translate',
    small,
    answer((workflows, { body }) => workflows.translate(read(policy, body).policy)),
  );
  router.post(
    '/check',
    large,
    answer((workflows, { body }) => workflows.check(read(source, body).source)),
  );

  router.get(
    '/runs',
    answer((workflows, { query }) => workflows.instances(defined(read(filter, query, 'query')))),
  );
  router.post(
    '/runs',
    operator,
    large,
    answer(async (workflows, request, response) => {
      const made = await workflows.run(read(runRequest, request.body) as RunRequest);
      if (!made.dryRun) {
        response.status(202).location(`${request.baseUrl}/runs/${encodeURIComponent(made.id)}`);
      }
      return made;
    }),
  );
  router.delete(
    '/runs',
    operator,
    answer((workflows, { query }) => {
      const which = read(before, query, 'query');
      const endedBefore = 'endedBefore' in which ? which.endedBefore : workflows.now() - which.olderThan;
      return { purged: workflows.purge({ endedBefore }) };
    }),
  );
  router.get(
    '/runs/:id',
    answer((workflows, { params }) => known(workflows, String(params.id))),
  );
  router.delete(
    '/runs/:id',
    operator,
    answer((workflows, { params }) => {
      const { id } = known(workflows, String(params.id));
      return { purged: workflows.purge({ id }) };
    }),
  );
  router.get(
    '/runs/:id/events',
    answer((workflows, request, response) => follow(workflows, request, response)),
  );
  for (const verb of VERBS) {
    router.post(
      `/runs/:id/${verb}`,
      operator,
      small,
      answer(async (workflows, { params, body }) => {
        const id = String(params.id);
        const { from } = verb === 'restart' ? read(restart, body ?? {}) : {};
        await workflows.act(id, verb, from);
        return known(workflows, id);
      }),
    );
  }

  router.get(
    '/approvals',
    answer((workflows) => workflows.approvals()),
  );
  for (const verdict of ['approve', 'reject'] as const) {
    router.post(
      `/approvals/:id/${verdict}`,
      operator,
      small,
      answer((workflows, { params, body }) => {
        const { hash } = read(decision, body);
        workflows.decide(String(params.id), verdict, hash);
        return { id: params.id, verdict, hash };
      }),
    );
  }

  router.get(
    '/triggers',
    answer((workflows) => workflows.triggers()),
  );
  router.post(
    '/events',
    (request, response, next) => {
      const { headers, socket } = request;
      // Neither header is one that a form of a web page can send.
      if (!isLoopback(socket.remoteAddress)) refuse(response, fail('GATEWAY_OPERATOR_ONLY'));
      else if (isBinaryEvent(headers) || isStructuredEvent(headers)) next();
      else {
        const problem = 'it has neither ce- headers nor Content-Type application/cloudevents+json';
        refuse(response, fail('WORKFLOW_EVENT_INVALID', { problem }));
      }
    },
    raw,
    answer(async (workflows, { headers, body }, response) => {
      const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
      await workflows.publish(eventOf(headers, bytes, limits.depth));
      response.status(202);
      return { accepted: true };
    }),
  );
  app.use('/workflows', router);
  return () => slots.size;

  /** What is remembered of the instance, then what happens; its result is the last record. */
  function follow(workflows: OperatedWorkflows, request: Request, response: Response): void {
    const id = String(request.params.id);
    const { since: first = 0 } = read(since, request.query, 'query');
    known(workflows, id);
    const release = slots.take(`address ${request.socket.remoteAddress ?? ''}`);
    const stream = new EventStream(request, response, {
      clock: env.clock,
      slowReaderMs: limits.slowReaderMs,
    });
    stream.onClose(release);
    const end = () => {
      const now = workflows.instance(id);
      if (now !== undefined) {
        const { steps: _, events: __, ...view } = now;
        stream.send({ type: 'result', ...view });
      }
      stream.end();
    };
    // Nothing happens between the two: no event is missed, none comes twice.
    const stop = workflows.follow(id, (event) => {
      stream.send(event);
      if (event.instance === id && ENDS.has(event.type)) end();
    });
    stream.onClose(stop);
    const { events, status } = known(workflows, id);
    for (const event of events) if (event.at >= first) stream.send(event);
    if (ENDED.has(status)) end();
  }
}

function known(workflows: OperatedWorkflows, id: string) {
  const instance = workflows.instance(id);
  if (instance === undefined) throw fail('WORKFLOW_INSTANCE_UNKNOWN', { id });
  return instance;
}

/** @throws GATEWAY_REQUEST_INVALID naming the field */
function read<T>(schema: z.ZodType<T>, value: unknown, part = 'body'): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const { path = [], message = 'it is malformed' } = result.error.issues[0] ?? {};
  const field = path.length === 0 ? `the ${part}` : path.join('.');
  throw fail('GATEWAY_REQUEST_INVALID', { problem: `${field}: ${message}` });
}

/** Without the members that are undefined. */
const defined = <T extends object>(value: T) =>
  Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
