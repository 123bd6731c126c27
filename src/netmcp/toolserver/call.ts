import { createActor, fromPromise, toPromise } from 'xstate';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { type ToolCallOutput, toolCallMachine } from '../../../machines/protocols/tool-call.machine.ts';
import { type CallMeta, type ChainEntry, EXTENSION, type ResultMeta } from '../schema/index.ts';
import type { CallToolResult } from '../session/server-session.ts';
import { ForeignResult } from '../tools/foreign.ts';
import type { SbiRequest, SbiResponse, ToolContext } from '../tools/types.ts';
import { uuidOf } from './idempotency.ts';
import type { Authoriser } from './policy.ts';
import { answeredBad, SbiFailure } from './sbi-failure.ts';
import type { CompiledTool } from './verify.ts';

/** How tools reach network functions: discovery at the NRF, then one request. */
export interface SbiPort {
  /** @throws SbiFailure if no answer came */
  request(request: SbiRequest, options: { signal: AbortSignal; traceparent?: string }): Promise<SbiResponse>;
  close(): Promise<void>;
}

/** Asks a human; rejects where nobody can be asked. */
export type Approve = (question: string, signal: AbortSignal) => Promise<boolean>;

export interface CallOptions {
  env: Env;
  serverId: string;
  agent: string;
  compiled: CompiledTool;
  args: Record<string, unknown>;
  meta: CallMeta;
  signal: AbortSignal;
  sbi: SbiPort;
  authoriser: Authoriser;
  approve: Approve;
}

export interface CallEnd {
  result: CallToolResult;
  /** False if certainly nothing was executed: the same key may then be used again. */
  binding: boolean;
}

/** Runs one call through its chart and words the result (NetMCP 3). */
export async function runCall(options: CallOptions): Promise<CallEnd> {
  const { env, compiled, args, meta } = options;
  const { tool } = compiled;
  const chain: ChainEntry[] = [];
  const actor = createActor(
    toolCallMachine.provide({
      actors: {
        verify: fromPromise(async () => compiled.verify(args)),
        authorise: fromPromise(async () =>
          options.authoriser.decide(tool.name, tool.meta.permission, options.agent, args),
        ),
        escalate: fromPromise(async ({ input, signal }) => options.approve(input.question, signal)),
        execute: fromPromise(({ signal }) => execute(options, chain, signal)),
      },
    }),
    {
      input: {
        effects: tool.meta.effects,
        idempotent: tool.idempotent,
        dryRun: meta.dryRun ?? false,
        deadlineMs: meta.deadline ?? 30_000,
      },
      clock: env.clock,
    },
  );
  actor.subscribe({
    error: (error) => env.log.error({ tool: tool.name, error: String(error) }, 'call actor failed'),
  });
  const cancel = () => actor.send({ type: 'CANCEL' });
  const done = toPromise(actor);
  actor.start();
  if (options.signal.aborted) cancel();
  options.signal.addEventListener('abort', cancel, { once: true });
  try {
    return word(await done, options, chain);
  } finally {
    options.signal.removeEventListener('abort', cancel);
  }
}

async function execute(options: CallOptions, chain: ChainEntry[], signal: AbortSignal): Promise<unknown> {
  try {
    return await options.compiled.tool.execute(options.args, contextOf(options, chain, signal));
  } catch (error) {
    if (!(error instanceof z.ZodError)) throw error;
    const last = chain.at(-1);
    options.env.log.warn(
      { tool: options.compiled.tool.name, problem: z.prettifyError(error) },
      'unreadable NF answer',
    );
    throw new SbiFailure({
      code: 'NF_ANSWER_UNREADABLE',
      message: `the answer of ${last?.nf ?? 'the network'} to ${last?.operation ?? 'the request'} cannot be read`,
      retryable: false,
      executed: 'maybe',
    });
  }
}

function contextOf(options: CallOptions, chain: ChainEntry[], signal: AbortSignal): ToolContext {
  const { env, meta, compiled } = options;
  const key = meta.idempotencyKey;
  let ids = 0;
  return {
    signal,
    async hop(nf, operation, work) {
      const began = env.clock.now();
      const entry: ChainEntry = { nf, operation, status: 0, ms: 0 };
      chain.push(entry);
      try {
        const { status, value } = await work();
        entry.status = status;
        return value;
      } finally {
        entry.ms = env.clock.now() - began;
      }
    },
    id() {
      ids += 1;
      return key === undefined
        ? env.ids.uuid()
        : uuidOf(`${options.agent}\n${compiled.tool.name}\n${key}\n${ids}`);
    },
    async sbi(request) {
      const began = env.clock.now();
      const record = (status: number) =>
        chain.push({ nf: request.nf, operation: request.operation, status, ms: env.clock.now() - began });
      try {
        const answer = await options.sbi.request(request, {
          signal,
          ...(meta.traceparent === undefined ? {} : { traceparent: meta.traceparent }),
        });
        record(answer.status);
        if (answer.status >= 400)
          throw answeredBad(request.nf, request.operation, answer.status, answer.body);
        return answer;
      } catch (error) {
        if (!(error instanceof SbiFailure) || error.failure.code === 'NF_NOT_REACHED') record(0);
        throw error;
      }
    },
  };
}

function word(end: ToolCallOutput, options: CallOptions, chain: ChainEntry[]): CallEnd {
  const meta: ResultMeta = { server: options.serverId, chain };
  const { name } = options.compiled.tool;
  const failed = (text: string, more: Partial<ResultMeta> = {}): CallToolResult => ({
    content: [{ type: 'text', text }],
    isError: true,
    _meta: { [EXTENSION]: { ...meta, ...more } },
  });
  // Anything that changed an NF binds its key, also if the call as a whole failed.
  const touched = options.compiled.tool.meta.effects !== 'read' && chain.some((entry) => entry.status < 400);
  switch (end.end) {
    case 'succeeded':
      if (end.result instanceof ForeignResult) {
        const { result, taint } = end.result;
        const own = { ...meta, attempts: end.attempts, ...(taint.length > 0 && { taint }) };
        return { binding: true, result: { ...result, _meta: { [EXTENSION]: own } } };
      }
      return {
        binding: true,
        result: {
          content: [{ type: 'text', text: JSON.stringify(end.result) }],
          structuredContent: end.result as Record<string, unknown>,
          _meta: { [EXTENSION]: { ...meta, attempts: end.attempts } },
        },
      };
    case 'rehearsed':
      // An output that fits the schema does not exist yet, so none is given.
      return {
        binding: false,
        result: {
          content: [{ type: 'text', text: `${name}: verified and allowed; not executed (dry run).` }],
          _meta: { [EXTENSION]: { ...meta, dryRun: true } },
        },
      };
    case 'refused': {
      const { parameter, rule, allowed, message, step } = end.refusal;
      const text = `${name} was refused (${step}): ${message}. Parameter: ${parameter || '-'}; rule: ${rule}; allowed: ${allowed}.`;
      return { binding: false, result: failed(text, { refusal: end.refusal }) };
    }
    case 'failed':
      return {
        binding:
          touched || (end.failure.executed === 'maybe' && options.compiled.tool.meta.effects !== 'read'),
        result: failed(`${name} failed: ${end.failure.message}`, { attempts: end.attempts }),
      };
    case 'cancelled':
      return { binding: touched, result: failed(`${name} was cancelled by its caller.`) };
    case 'expired':
      return { binding: touched, result: failed(`${name} did not end within its deadline.`) };
  }
}
