import type { Env } from '../../../machines/ports.ts';
import { callMetaSchema, ERROR_OVERLOADED, EXTENSION } from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { CallRequest, CallToolResult } from '../session/server-session.ts';
import { type Approve, type CallEnd, runCall, type SbiPort } from './call.ts';
import { createReplays } from './idempotency.ts';
import type { Meter } from './meter.ts';
import type { Authoriser } from './policy.ts';
import type { Shelf } from './shelf.ts';

export interface CallerOptions {
  env: Env;
  serverId: string;
  shelf: Shelf;
  meter: Meter;
  sbi: SbiPort;
  authoriser: Authoriser;
  approve: Approve;
  alternates(): Array<{ serverId: string; url: string }>;
  /** Answers for a tool that was here, or is held (NetMCP 5). */
  absent?(name: string): CallToolResult | undefined;
  /** A call was refused because the server is past its limit. */
  onBusy(): void;
}

/** Executes one call on this server, for its clients and for its own routing. @throws RpcError */
export type Caller = (request: CallRequest) => Promise<CallToolResult>;

/** Every way to a tool goes through here: limit, idempotency, verification, authorisation (NetMCP 3). */
export function createCaller(options: CallerOptions): Caller {
  const { env, serverId, shelf, meter, sbi, authoriser, approve } = options;
  const replays = createReplays<CallEnd>(env.clock, (end) => end.binding);

  return async (request) => {
    const compiled = shelf.get(request.name);
    if (compiled === undefined) {
      const why = options.absent?.(request.name);
      if (why !== undefined) return why;
      throw new RpcError(INVALID_PARAMS, `Unknown tool: ${request.name.slice(0, 128)}`);
    }
    const meta = callMetaSchema.safeParse(request.meta ?? {});
    if (!meta.success) throw new RpcError(INVALID_PARAMS, `Malformed _meta["${EXTENSION}"]`);
    const entry = meter.enter();
    if (entry === null) {
      options.onBusy();
      throw new RpcError(ERROR_OVERLOADED, `${serverId} is past its limit`, {
        alternates: options.alternates(),
        retryAfterMs: Math.max(200, Math.min(5_000, meter.p95Ms() * 4)),
      });
    }
    const leave = await entry;
    try {
      const { agent } = request.identity;
      const args = withoutNulls(request.arguments);
      const run = () =>
        runCall({
          env,
          serverId,
          agent,
          compiled,
          args,
          meta: meta.data,
          signal: request.signal,
          sbi,
          authoriser,
          approve,
        });
      const key = meta.data.idempotencyKey;
      if (key === undefined || meta.data.dryRun === true) return (await run()).result;
      const once = await replays.once(`${agent}\n${request.name}\n${key}`, args, run);
      if (once === 'conflict') return conflict(serverId, request.name);
      return once.replayed ? markReplayed(once.result.result) : once.result.result;
    } finally {
      leave();
    }
  };
}

/** An agent's expression gives null for what it does not have: at the top level that means absent. */
function withoutNulls(args: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null));
}

function markReplayed(result: CallToolResult): CallToolResult {
  const own = (result._meta?.[EXTENSION] ?? {}) as Record<string, unknown>;
  return { ...result, _meta: { ...result._meta, [EXTENSION]: { ...own, replayed: true } } };
}

function conflict(server: string, tool: string): CallToolResult {
  const refusal = {
    step: 'idempotency' as const,
    parameter: 'idempotencyKey',
    rule: 'one key, one set of arguments',
    allowed: 'a new key, or the same arguments',
    message: 'the idempotency key was used with other arguments',
  };
  return {
    content: [
      {
        type: 'text',
        text: `${tool} was refused (idempotency): ${refusal.message}. Allowed: ${refusal.allowed}.`,
      },
    ],
    isError: true,
    _meta: { [EXTENSION]: { server, chain: [], refusal } },
  };
}
