import { type ChainEntry, EXTENSION, resultMetaSchema } from '../schema/index.ts';
import type { CallToolResult } from '../session/server-session.ts';

/** Deadline of a call for which its caller gave none, ms. */
export const DEADLINE = 60_000;

export interface CallOptions {
  /** The same key never executes an effect twice. */
  idempotencyKey?: string | undefined;
  /** Execution context that the call belongs to. */
  contextId?: string | undefined;
  /** W3C trace context. */
  traceparent?: string | undefined;
  signal?: AbortSignal | undefined;
  serviceArea?: string | undefined;
  /** ms for the whole call, moves to other servers included; 60 000 if not given. */
  deadlineMs?: number | undefined;
  /** Verify and authorise only. */
  dryRun?: boolean | undefined;
  /** An approval that a human gave for exactly this call. */
  approval?: string | undefined;
  /** `notifications/progress` of this call. */
  onProgress?: ((progress: { progress: number; total?: number; message?: string }) => void) | undefined;
}

export interface ToolOutcome {
  /** What the tool gave, by its output schema; null if it failed or was rehearsed. */
  output: Record<string, unknown> | null;
  isError: boolean;
  text: string;
  server: string;
  chain: ChainEntry[];
  /** Of a call that failed: `maybe` if it is not known whether it took effect. */
  executed?: 'no' | 'maybe';
  /** What a human would have to approve, where that is what the call lacks. */
  approval?: { plan: string; question: string };
}

/** `_meta` of a call with `left` ms to its deadline. */
export function metaOf(call: CallOptions, left: number): Record<string, unknown> {
  return {
    deadline: left,
    ...(call.idempotencyKey !== undefined && { idempotencyKey: call.idempotencyKey }),
    ...(call.contextId !== undefined && { contextId: call.contextId }),
    ...(call.traceparent !== undefined && { traceparent: call.traceparent }),
    ...(call.dryRun !== undefined && { dryRun: call.dryRun }),
    ...(call.approval !== undefined && { approval: call.approval }),
  };
}

/** A result of MCP as the caller of a tool wants it. */
export function outcomeOf(result: CallToolResult, serverId: string): ToolOutcome {
  const meta = resultMetaSchema.safeParse(result._meta?.[EXTENSION]);
  const text = result.content.map((part) => (part.type === 'text' ? part.text : `[${part.type}]`)).join('\n');
  return {
    output: result.structuredContent ?? null,
    isError: result.isError === true,
    text,
    server: meta.success ? meta.data.server : serverId,
    chain: meta.success ? meta.data.chain : [],
    ...(meta.success && meta.data.executed && { executed: meta.data.executed }),
    ...(meta.success && meta.data.approval && { approval: meta.data.approval }),
  };
}
