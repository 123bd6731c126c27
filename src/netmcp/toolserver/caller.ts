import { accessOf, mayUse } from '../auth/permission.ts';
import { type CallMeta, callMetaSchema, ERROR_OVERLOADED, EXTENSION } from '../schema/index.ts';
import { Forbidden, INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { CallRequest, CallToolResult } from '../session/server-session.ts';
import { planHash } from './approvals.ts';
import { type CallServices, runCall } from './call.ts';
import { createFence } from './fence.ts';
import { createReplays } from './idempotency.ts';
import type { Meter } from './meter.ts';
import { memoryReceipts, type Receipts } from './receipts.ts';
import type { Shelf } from './shelf.ts';
import type { CompiledTool } from './verify.ts';
import { type CallEnd, failed, refusedText } from './wording.ts';

export interface CallerOptions extends CallServices {
  shelf: Shelf;
  meter: Meter;
  receipts: Receipts;
  alternates(): Array<{ serverId: string; url: string }>;
  /** Answers for a tool that was here, or is held (NetMCP 5). */
  absent?(name: string): CallToolResult | undefined;
  /** A call was refused because the server is past its limit. */
  onBusy(): void;
  /** A call has ended, in whatever way. */
  onCall?(call: { agent: string; tool: string; result: CallToolResult }): void;
}

/** Executes one call on this server, for its clients and for its own routing. @throws RpcError */
export type Caller = (request: CallRequest) => Promise<CallToolResult>;

/** Every way to a tool goes through here: limit, idempotency, verification, authorisation (NetMCP 3). */
export function createCaller(options: CallerOptions): Caller {
  const { env, serverId, shelf, meter } = options;
  const replaysOn = (receipts: Receipts) =>
    createReplays<CallEnd>({
      clock: env.clock,
      receipts,
      keep: (end) => end.binding,
      onError: (error) => env.log.error({ serverId, error: String(error) }, 'receipt not written'),
    });
  const effects = replaysOn(options.receipts);
  // What was only read is not worth a disk.
  const reads = replaysOn(memoryReceipts());

  async function answer(
    request: CallRequest,
    compiled: CompiledTool,
    meta: CallMeta,
  ): Promise<CallToolResult> {
    const { agent } = request.identity;
    const { tool } = compiled;
    const args = withoutNulls(request.arguments);
    const run = (mark: () => void) => runCall(options, { request, compiled, args, meta, mark });
    const key = meta.idempotencyKey;
    // Who may not use the tool is not shown a kept result either: the run refuses it.
    const may = mayUse(tool.meta.permission, request.identity);
    if (key === undefined || meta.dryRun === true || !may) return (await run(() => undefined)).result;
    const read = tool.meta.effects === 'read';
    const once = await (read ? reads : effects).once(
      `${agent}\n${tool.name}\n${key}`,
      args,
      { rerun: read || tool.idempotent },
      run,
    );
    if (once === 'conflict') return conflict(serverId, tool.name);
    if (once === 'doubt') {
      const plan = planHash({ agent, tool: tool.name, args });
      options.audit.write({ event: 'effect.doubt', server: serverId, agent, tool: tool.name, plan });
      return doubt(serverId, tool.name);
    }
    return once.replayed ? markReplayed(once.result.result) : once.result.result;
  }

  const fence = createFence(env.clock);

  return async (request) => {
    const compiled = shelf.get(request.name);
    if (compiled === undefined) {
      const why = options.absent?.(request.name);
      if (why !== undefined) return why;
      throw new RpcError(INVALID_PARAMS, `Unknown tool: ${request.name.slice(0, 128)}`);
    }
    const access = accessOf(compiled.tool.meta.permission, request.identity);
    // MCP 2025-11-25, authorization: a wider token may be asked for, so this is no tool error.
    if (!access.allowed && request.identity.authenticated && access.scopes !== null) {
      const { agent, actors } = request.identity;
      const through = actors.length === 0 ? '' : `, through ${actors.join(', ')}`;
      options.audit.write({
        event: 'call.refused',
        server: serverId,
        agent,
        tool: request.name,
        plan: planHash({ agent, tool: request.name, args: request.arguments }),
        detail: `permission: ${access.needs}${through}`,
      });
      throw new Forbidden(`${request.name} needs ${access.needs}`, access.scopes);
    }
    const meta = callMetaSchema.safeParse(request.meta ?? {});
    if (!meta.success) throw new RpcError(INVALID_PARAMS, `Malformed _meta["${EXTENSION}"]`);
    const step = meta.data.execution;
    if (step !== undefined) fence.admit(request.identity.agent, step.id, step.epoch);
    const entry = meter.enter();
    if (entry === null) {
      options.onBusy();
      throw new RpcError(ERROR_OVERLOADED, `${serverId} is past its limit`, {
        alternates: options.alternates(),
        // In about half the time that a full queue takes, half of it is free.
        retryAfterMs: Math.max(200, Math.min(5_000, Math.round(meter.p95Ms() / 2))),
      });
    }
    const leave = await entry;
    try {
      const result = await answer(request, compiled, meta.data);
      options.onCall?.({ agent: request.identity.agent, tool: request.name, result });
      return result;
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
  return failed(refusedText(tool, refusal), { server, chain: [], refusal, executed: 'no' });
}

/** The server was killed while this key was executed, and a second execution could change the network twice. */
function doubt(server: string, tool: string): CallToolResult {
  const text = `${tool} was interrupted in the middle under this idempotency key; it is not known whether it took effect. Read the state of the network; a new key executes it anew.`;
  return failed(text, { server, chain: [], executed: 'maybe' });
}
