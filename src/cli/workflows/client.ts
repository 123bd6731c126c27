import { z } from 'zod';
import { fail, NetAgentError } from '../../errors.ts';

const PATIENCE_MS = 30_000;

const refused = z.object({ error: z.string(), message: z.string(), hint: z.string().default('') });

const problem = z.object({
  line: z.number(),
  pointer: z.string(),
  problem: z.string(),
  severity: z.enum(['error', 'warning']),
});
const template = z.looseObject({
  id: z.string(),
  name: z.string(),
  version: z.string(),
  versions: z.array(z.string()),
  title: z.string(),
  summary: z.string(),
  domain: z.string(),
  category: z.string(),
  effects: z.string(),
  blast: z.object({ cells: z.string().optional(), subscribers: z.string().optional() }),
  undo: z.string(),
  input: z.record(z.string(), z.unknown()).nullable(),
  problems: z.array(problem),
});
const fault = z.object({
  type: z.string(),
  status: z.number(),
  title: z.string().default(''),
  detail: z.string().default(''),
  instance: z.string().default(''),
});
const event = z.looseObject({
  at: z.number(),
  type: z.string(),
  instance: z.string(),
  workflow: z.string(),
  pointer: z.string().optional(),
  text: z.string().optional(),
});
const instance = z.looseObject({
  id: z.string(),
  workflow: z.string(),
  version: z.string(),
  status: z.string(),
  startedAt: z.number(),
  updatedAt: z.number(),
  endedAt: z.number().nullable(),
  run: z.number(),
  labels: z.record(z.string(), z.string()),
  active: z.array(z.string()),
  output: z.unknown().optional(),
  fault: fault.optional(),
});
/** What it meant, in a sentence; with figures that depend on the template. */
const insight = z.looseObject({ text: z.string(), outcome: z.string().default('') });
const detail = z.looseObject({
  ...instance.shape,
  steps: z.array(z.object({ rev: z.number(), at: z.number(), entered: z.array(z.string()) })),
  events: z.array(event),
  insight: insight.optional(),
});
const approval = z.looseObject({
  id: z.string(),
  instance: z.string(),
  title: z.string(),
  plan: z.unknown(),
  hash: z.string(),
  requestedAt: z.number(),
  expiresAt: z.number(),
});
const trigger = z.looseObject({
  id: z.string(),
  on: z.string(),
  workflow: z.string(),
  running: z.number(),
  starts: z.number(),
  lastAt: z.number().nullable(),
});

export type Problem = z.output<typeof problem>;
export type Template = z.output<typeof template>;
export type Instance = z.output<typeof instance>;
export type InstanceDetail = z.output<typeof detail>;
export type InstanceEvent = z.output<typeof event>;
export type Fault = z.output<typeof fault>;
export type Approval = z.output<typeof approval>;

const result = z.looseObject({
  type: z.literal('result'),
  ...instance.shape,
  insight: insight.optional(),
});
const record = z.union([result, event]);
export type FollowRecord = z.output<typeof record>;

/** One segment of a path. @throws CLI_USAGE for what addresses take for a way upwards */
function seg(id: string): string {
  if (!/^\.{1,2}$/.test(id)) return encodeURIComponent(id);
  throw fail('CLI_USAGE', { problem: `${id} is neither a name nor an id.`, verb: 'workflows' });
}

/** The workflows of the runtime at `url`. Every method rejects with what it refuses, or RUNTIME_NOT_FOUND. */
export function workflowsOf(url: string, { patienceMs = PATIENCE_MS }: { patienceMs?: number } = {}) {
  const lost = (error: unknown) => {
    const { message, cause } = error as Error & { cause?: { code?: string } };
    return fail('RUNTIME_NOT_FOUND', { url, problem: cause?.code ?? message.split('\n')[0] ?? '' });
  };
  const request = async (method: string, path: string, body: unknown, signal: AbortSignal) => {
    try {
      return await fetch(new URL(`/workflows${path}`, url), {
        method,
        headers: { 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal,
      });
    } catch (error) {
      throw lost(error);
    }
  };
  const strange = () => fail('RUNTIME_NOT_FOUND', { url, problem: 'something else answers there' });
  const ask = async <T>(method: string, path: string, schema: z.ZodType<T>, body?: unknown): Promise<T> => {
    const response = await request(method, path, body, AbortSignal.timeout(patienceMs));
    const value: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw refusal(response.status, value) ?? strange();
    const read = schema.safeParse(value);
    if (!read.success) throw strange();
    return read.data;
  };
  const query = (fields: Record<string, string | undefined>) => {
    const set = Object.entries(fields).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return set.length === 0 ? '' : `?${new URLSearchParams(set)}`;
  };

  return {
    templates: () => ask('GET', '', z.array(template)),
    template: (name: string, version?: string) =>
      ask('GET', `/templates/${seg(name)}${query({ version })}`, template),
    match: (task: { text: string; domain?: string | undefined; known?: unknown }) =>
      ask(
        'POST',
        '/match',
        z.array(
          z.looseObject({
            id: z.string(),
            version: z.string(),
            score: z.number(),
            reason: z.string(),
            missing: z.array(z.string()),
          }),
        ),
        task,
      ),
    translate: (policy: unknown) =>
      ask(
        'POST',
        '/translate',
        z.object({
          kind: z.enum(['workflow', 'refused']),
          reasons: z.array(z.string()),
          document: z.unknown().optional(),
          input: z.unknown().optional(),
        }),
        { policy },
      ),
    check: (source: string) => ask('POST', '/check', z.array(problem), { source }),
    run: (request: Record<string, unknown>) =>
      ask('POST', '/runs', z.object({ id: z.string(), dryRun: z.boolean() }), request),
    instances: (filter: Record<string, string | undefined>) =>
      ask('GET', `/runs${query(filter)}`, z.array(instance)),
    instance: (id: string) => ask('GET', `/runs/${seg(id)}`, detail),
    act: (id: string, verb: 'cancel' | 'pause' | 'resume' | 'restart', from?: string) =>
      ask('POST', `/runs/${seg(id)}/${verb}`, detail, from === undefined ? {} : { from }),
    purge: (what: { id: string } | { olderThan: number }) =>
      ask(
        'DELETE',
        'id' in what ? `/runs/${seg(what.id)}` : `/runs${query({ olderThan: String(what.olderThan) })}`,
        z.object({ purged: z.number() }),
      ),
    approvals: () => ask('GET', '/approvals', z.array(approval)),
    decide: (id: string, verdict: 'approve' | 'reject', hash: string) =>
      ask('POST', `/approvals/${seg(id)}/${verdict}`, z.looseObject({ id: z.string() }), { hash }),
    triggers: () => ask('GET', '/triggers', z.array(trigger)),
    publish: (event: Record<string, unknown>) =>
      ask('POST', '/events', z.object({ accepted: z.literal(true) }), event),

    /**
     * What happened to an instance and what happens, up to its result, which is the last record. Ends before it
     * where `signal` fires. @throws RUNTIME_NOT_FOUND also where the runtime is lost on the way
     */
    async *follow(
      id: string,
      { since, signal }: { since?: number; signal: AbortSignal },
    ): AsyncGenerator<FollowRecord> {
      try {
        const path = `/runs/${seg(id)}/events${query({ since: since?.toString() })}`;
        const response = await request('GET', path, undefined, signal);
        if (!response.ok) throw refusal(response.status, await response.json().catch(() => 0)) ?? strange();
        for await (const line of linesOf(response)) {
          const read = record.safeParse(parsed(line));
          if (!read.success) throw strange();
          yield read.data;
        }
      } catch (error) {
        if (signal.aborted) return;
        throw error instanceof NetAgentError ? error : lost(error);
      }
    },
  };
}

export type Workflows = ReturnType<typeof workflowsOf>;

/** The error that a gateway answered with, as it is. */
function refusal(status: number, body: unknown): NetAgentError | undefined {
  const read = refused.safeParse(body);
  if (!read.success) return undefined;
  const { error, message, hint } = read.data;
  const entry = { class: status >= 500 ? 'retryable' : 'terminal', status, message, hint } as const;
  return new NetAgentError(error, entry, {});
}

/** Lines that are not empty: an empty one only says that the runtime is there. */
async function* linesOf({ body }: Response): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of (body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const lines = `${rest}${chunk}`.split('\n');
    rest = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
