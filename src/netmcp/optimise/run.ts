import type { Clock } from '../../../machines/ports.ts';
import {
  type CallMeta,
  type ChainEntry,
  callMetaSchema,
  EXTENSION,
  resultMetaSchema,
} from '../schema/index.ts';
import { RpcError } from '../session/rpc-error.ts';
import type { CallRequest, CallToolResult } from '../session/server-session.ts';
import type { Caller } from '../toolserver/caller.ts';
import { uuidOf } from '../toolserver/idempotency.ts';
import type { Composite } from './compose.ts';
import { argumentsOf } from './flow.ts';

const DEADLINE = 30_000;

/**
 * Runs a composite: each step through the caller as the one who asked, so that each is verified, authorised
 * and limited as if it had been called by itself. `failed` is true where the composite itself did not work.
 */
export async function runComposite(
  options: { clock: Pick<Clock, 'now'>; serverId: string; call: Caller },
  composite: Composite,
  request: CallRequest,
): Promise<{ result: CallToolResult; failed: boolean }> {
  const { clock, call } = options;
  const began = clock.now();
  const read = callMetaSchema.safeParse(request.meta ?? {});
  const meta: CallMeta = read.success ? read.data : {};
  const { idempotencyKey, ...once } = meta;
  // The steps' own progress is not the composite's.
  const quiet = { ...request, progress: () => {} };
  // The composite's own schema and permission, before any of its steps.
  const rehearsal = await call({ ...quiet, meta: read.success ? { ...once, dryRun: true } : request.meta });
  if (rehearsal.isError === true || meta.dryRun === true) return { result: rehearsal, failed: false };

  const chain: ChainEntry[] = [];
  const outputs: Array<Record<string, unknown>> = [];
  const results = () => outputs.map((output, step) => ({ tool: composite.steps[step] ?? '', output }));
  const stepArguments = (step: number) =>
    argumentsOf(composite.plan.steps[step] ?? new Map(), request.arguments, outputs);
  const stopped = (step: number, text: string, more: object = {}): CallToolResult => ({
    content: [
      {
        type: 'text',
        text: `${request.name} stopped at step ${step + 1}, ${composite.steps[step]}: ${text} Done before: ${composite.steps.slice(0, outputs.length).join(', ') || 'nothing'}.`,
      },
      ...(outputs.length > 0
        ? [{ type: 'text' as const, text: JSON.stringify({ results: results() }) }]
        : []),
    ],
    isError: true,
    _meta: { [EXTENSION]: { server: options.serverId, chain, ...more } },
  });

  // What can be refused is refused before anything has been done.
  for (const [step, name] of composite.steps.entries()) {
    const sources = [...(composite.plan.steps[step]?.values() ?? [])];
    if (sources.some(({ from }) => from === 'output')) continue;
    const tried = await call({
      ...quiet,
      name,
      arguments: stepArguments(step),
      meta: { ...once, dryRun: true },
    });
    if (tried.isError === true)
      return { result: stopped(step, textOf(tried), refusalOf(tried)), failed: false };
  }

  for (const [step, name] of composite.steps.entries()) {
    const left = (meta.deadline ?? DEADLINE) - (clock.now() - began);
    if (left <= 0) return { result: stopped(step, 'the deadline has passed.'), failed: false };
    const key =
      idempotencyKey === undefined
        ? {}
        : { idempotencyKey: uuidOf(`${request.name}\n${idempotencyKey}\n${step}`) };
    let result: CallToolResult;
    try {
      result = await call({
        ...quiet,
        name,
        arguments: stepArguments(step),
        meta: { ...once, ...key, deadline: left },
      });
    } catch (error) {
      // Nothing done yet: the error may send the call elsewhere. Later it may not.
      if (!(error instanceof RpcError) || outputs.length === 0) throw error;
      return { result: stopped(step, `${error.message}.`), failed: true };
    }
    chain.push(...chainOf(result));
    if (result.isError === true)
      return { result: stopped(step, textOf(result), refusalOf(result)), failed: !request.signal.aborted };
    outputs.push(result.structuredContent ?? {});
    request.progress({ progress: step + 1, total: composite.steps.length, message: name });
  }
  const output = { results: results() };
  return {
    failed: false,
    result: {
      content: [{ type: 'text', text: JSON.stringify(output) }],
      structuredContent: output,
      _meta: { [EXTENSION]: { server: options.serverId, chain } },
    },
  };
}

function textOf(result: CallToolResult): string {
  const [first] = result.content;
  return first?.type === 'text' ? first.text : 'it failed.';
}

function chainOf(result: CallToolResult): ChainEntry[] {
  const read = resultMetaSchema.safeParse(result._meta?.[EXTENSION]);
  return read.success ? read.data.chain : [];
}

function refusalOf(result: CallToolResult): object {
  const read = resultMetaSchema.safeParse(result._meta?.[EXTENSION]);
  return read.success && read.data.refusal !== undefined ? { refusal: read.data.refusal } : {};
}
