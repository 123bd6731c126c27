import { createHash } from 'node:crypto';
import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import type { ClientAuth } from '../auth/token-source.ts';
import { createContexts } from '../context/contexts.ts';
import { CONTEXT_LIMITS, type ContextLimits } from '../context/limits.ts';
import { memoryContextStore } from '../context/memory.ts';
import { notOwner, unknownContext } from '../context/meta.ts';
import { readParams } from '../context/operations.ts';
import { contextPart } from '../context/part.ts';
import { createScheduler, type Scheduler } from '../context/scheduler.ts';
import type { ContextStore } from '../context/store.ts';
import { createWaiting } from '../context/waiting.ts';
import {
  callMetaSchema,
  ERROR_FORBIDDEN,
  ERROR_OVERLOADED,
  EXTENSION,
  type Execute,
  METHODS,
  routeCallParamsSchema,
  routeExecuteParamsSchema,
} from '../schema/index.ts';
import type { Session, SessionOptions } from '../session/client-session.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type {
  CallRequest,
  CallToolResult,
  Identity,
  McpPeer,
  RequestContext,
  ServerPart,
  Tool,
} from '../session/server-session.ts';
import type { Caller } from '../toolserver/caller.ts';
import type { Shelf } from '../toolserver/shelf.ts';
import type { Trust } from '../transport/address.ts';
import { type Execution, startExecution } from './execution.ts';
import { mayGoOn, openJournal } from './journal.ts';
import { createPeers, type Peers } from './peers.ts';
import { rpcOf } from './problem.ts';
import { BadReference, dependenciesOf } from './references.ts';
import { createRunner, Fenced, type Runner, TokenEnded, Unknown } from './runner.ts';
import { callerOf, mustCover, rightsOf } from './whose.ts';

export interface AnchorSettings {
  /** Where execution contexts are kept; servers that share it take over from each other. In memory if not given. */
  contexts?: ContextStore;
  limits?: Partial<ContextLimits>;
  /** ms that the server's ownership of contexts lives without a heartbeat. */
  leaseMs?: number;
  /** Executions at once. */
  maxExecutions?: number;
  /** ms that the result of an execution is kept for who asks again. */
  rememberMs?: number;
  /** Show peers' tools also to clients that did not negotiate `route`. */
  listPeersToAll?: boolean;
  /** Opens a session with a peer in the name of an agent. */
  openPeer?: (options: SessionOptions, identity: Identity) => Session;
}

/** What makes a tool server an anchor (NetMCP 6 and 7). */
export interface Anchor {
  parts: ServerPart[];
  /** Once the server listens, before anybody can call. */
  start(endpoints: string[]): void;
  listTools(own: Tool[], peer: McpPeer, context: RequestContext): Promise<Tool[]>;
  /** Tools that a client may call through this server and that are not its own; none if peers do not answer. */
  elsewhere(peer: McpPeer, context: RequestContext): Promise<Awaited<ReturnType<Peers['tools']>>>;
  callTool(peer: McpPeer, request: CallRequest): Promise<CallToolResult>;
  /** Leaves executions to another anchor; what runs may end for some seconds. */
  close(): Promise<void>;
}

export function createAnchor(options: {
  env: Env;
  serverId: string;
  management: string[];
  trust?: Trust;
  auth?: ClientAuth;
  shelf: Shelf;
  caller: Caller;
  settings: AnchorSettings;
}): Anchor {
  const { env, serverId, shelf, caller, settings } = options;
  const limits = { ...CONTEXT_LIMITS, ...settings.limits };
  const leaseMs = settings.leaseMs ?? 10_000;
  const store = settings.contexts ?? memoryContextStore();
  const peers = createPeers({
    env,
    serverId,
    management: options.management,
    ...(options.trust && { trust: options.trust }),
    ...(options.auth && { auth: options.auth }),
    ...(settings.openPeer && { open: settings.openPeer }),
  });
  const run = createRunner({ env, serverId, shelf, caller, peers });
  const waiting = createWaiting(env.clock, limits.watchers);
  const executions = new Map<string, { digest: string; rights: string[]; execution: Execution }>();
  const closed = new WeakSet<McpPeer>();
  let endpoints: string[] = [];
  let scheduler: Scheduler | null = null;
  let beat: unknown;
  const contexts = createContexts({
    env,
    serverId,
    endpoints: () => endpoints,
    store,
    limits,
    leaseMs,
  });
  const context = contextPart({
    env,
    contexts,
    peers,
    waiting,
    maxWatchers: limits.watchers,
    scheduled: () => scheduler?.heed(),
  });

  async function execute(
    peer: McpPeer,
    raw: unknown,
    request: RequestContext,
  ): Promise<Record<string, unknown>> {
    const params = readParams(routeExecuteParamsSchema, raw);
    checkPlan(params);
    const holder = callerOf(request.identity);
    const rights = rightsOf(request.identity);
    const executionId = params.executionId ?? env.ids.uuid();
    const key = `${holder}\n${executionId}`;
    const { authenticated } = request.identity;
    const digest = hash(JSON.stringify([params.steps, params.join, ...(authenticated ? [holder] : [])]));
    let running = executions.get(key);
    if (running !== undefined && running.digest !== digest)
      throw new RpcError(INVALID_PARAMS, 'The execution id was used with other steps');
    if (running !== undefined) mustCover(rights, running.rights);
    else {
      const max = settings.maxExecutions ?? 64;
      if (executions.size >= max)
        throw new RpcError(ERROR_OVERLOADED, `${serverId} runs as many executions as it may`, {
          alternates: [],
          retryAfterMs: 1_000,
        });
      running = { digest, rights, execution: begin(executionId, digest, params, request) };
      executions.set(key, running);
    }
    const { execution } = running;
    // Whoever asks again brings a token that lives longer; one with more rights would lend them to who waits.
    if (rights.length === running.rights.length) execution.renew(request.identity);
    execution.onProgress(request.progress);
    const cancel = () => {
      // A session that breaks is no cancellation: the agent may ask again.
      queueMicrotask(() => {
        if (!closed.has(peer)) execution.cancel();
      });
    };
    request.signal.addEventListener('abort', cancel, { once: true });
    try {
      return await execution.result;
    } catch (error) {
      throw toRpc(error);
    } finally {
      request.signal.removeEventListener('abort', cancel);
      executions.delete(key);
    }
  }

  function begin(executionId: string, digest: string, params: Execute, request: RequestContext): Execution {
    const { identity } = request;
    const { agent } = identity;
    const meta = callMetaSchema.safeParse(request.meta ?? {});
    const contextId = params.context?.contextId ?? `$${hash(`${callerOf(identity)}\n${executionId}`)}`;
    const remember = settings.rememberMs ?? 300_000;
    const execution = startExecution({
      env,
      serverId,
      executionId,
      contextId,
      identity,
      params,
      traceparent: meta.success ? meta.data.traceparent : undefined,
      run,
      claim() {
        const rights = rightsOf(identity);
        mayGoOn({ contexts, contextId, executionId, digest, rights });
        const force = params.resume !== undefined;
        if (params.context !== undefined) {
          const { at } = contexts.locate(agent, params.context);
          if (at === 'nowhere') throw unknownContext();
        } else if (force && !contexts.has(contextId) && !contexts.knows(params.resume?.from ?? '')) {
          // Nothing here tells what the lost anchor has done.
          throw notOwner({ owner: params.resume?.from ?? '', url: '', epoch: 0 });
        }
        const { epoch } =
          params.context === undefined
            ? contexts.claimInternal(contextId, agent, force, params.deadlineMs + remember)
            : contexts.claim(contextId, force);
        const ids = params.steps.map(({ id }) => id);
        return openJournal({ contexts, contextId, epoch, executionId, digest, rights, ids });
      },
    });
    void execution.result.then(
      () => contexts.finish(contextId, remember),
      () => {},
    );
    return execution;
  }

  /** One call, here or on a peer; what is asked of us is asked of them. */
  async function route(
    call: { tool: string; arguments: Record<string, unknown>; serverId?: string; serviceArea?: string },
    { identity, meta, signal }: RequestContext,
  ): Promise<CallToolResult> {
    const read = callMetaSchema.safeParse(meta ?? {});
    if (!read.success) throw new RpcError(INVALID_PARAMS, `Malformed _meta["${EXTENSION}"]`);
    try {
      const { deadline = 60_000, version: _, ...passed } = read.data;
      const routed = await run({ ...call, identity, meta: passed, deadlineMs: deadline, signal });
      return routed.result;
    } catch (error) {
      if (error instanceof Unknown) return unknownOutcome(error);
      throw toRpc(error);
    }
  }

  const part: ServerPart = {
    features: ['route'],
    methods: new Map([
      [METHODS.routeExecute, execute],
      [
        METHODS.routeCall,
        async (_peer: McpPeer, raw: unknown, request: RequestContext) => {
          const { serverId: at, serviceArea, ...call } = readParams(routeCallParamsSchema, raw);
          const result = await route(
            {
              ...call,
              ...(at !== undefined && { serverId: at }),
              ...(serviceArea !== undefined && { serviceArea }),
            },
            request,
          );
          return result as unknown as Record<string, unknown>;
        },
      ],
    ]),
    onClose: (peer) => closed.add(peer),
  };
  const sees = (peer: McpPeer) =>
    settings.listPeersToAll === true || peer.agreement.features.some((feature) => feature === 'route');

  const elsewhere: Anchor['elsewhere'] = async (peer, { identity }) => {
    if (!sees(peer)) return new Map();
    return peers.tools(identity).catch((error: unknown) => {
      env.log.warn({ error: String(error) }, 'the tools of the peers are not listed');
      return new Map();
    });
  };

  return {
    parts: [part, context],
    start(at) {
      endpoints = at;
      contexts.heartbeat();
      scheduler = createScheduler({ env, contexts, call: scheduledCall(run), lookMs: leaseMs });
      const again = () => {
        beat = env.clock.setTimeout(() => {
          try {
            contexts.heartbeat();
          } catch (error) {
            env.log.error({ serverId, error: String(error) }, 'the lease of the contexts is not renewed');
          }
          again();
        }, leaseMs / 3);
        if (typeof beat === 'object' && beat !== null && 'unref' in beat) (beat as NodeJS.Timeout).unref();
      };
      again();
    },
    elsewhere,
    async listTools(own, peer, request) {
      const names = new Set(own.map(({ name }) => name));
      const others = await elsewhere(peer, request);
      return [
        ...own,
        ...[...others.values()]
          .filter(({ definition }) => !names.has(definition.name))
          .map(({ definition, servers }) => withServers(definition, servers)),
      ];
    },
    callTool: (peer, request) =>
      shelf.get(request.name) === undefined && sees(peer)
        ? route({ tool: request.name, arguments: request.arguments }, request)
        : caller(request),
    async close() {
      env.clock.clearTimeout(beat);
      scheduler?.close();
      context.close();
      await Promise.all([...executions.values()].map(({ execution }) => execution.leave(2_000)));
      try {
        contexts.leave();
      } catch (error) {
        env.log.debug({ serverId, error: String(error) }, 'the lease could not be given back');
      }
      await peers.close();
    },
  };
}

const hash = (text: string) => createHash('sha256').update(text).digest('hex');

/** @throws RpcError -32602 */
function checkPlan({ steps }: Execute): void {
  const bad = (problem: string) => new RpcError(INVALID_PARAMS, `The plan is not valid: ${problem}`);
  const ids = new Set(steps.map(({ id }) => id));
  if (ids.size !== steps.length) throw bad('two steps have one id');
  const after = new Map<string, string[]>();
  for (const step of steps) {
    try {
      after.set(step.id, dependenciesOf(step));
    } catch (error) {
      if (error instanceof BadReference) throw bad(`${step.id}: ${error.message}`);
      throw error;
    }
  }
  for (const [id, needed] of after) {
    const missing = needed.find((one) => !ids.has(one));
    if (missing !== undefined) throw bad(`${id} waits for ${missing}, which is no step`);
  }
  const open = new Map(after);
  for (let freed = true; freed; ) {
    freed = false;
    for (const [id, needed] of open) {
      if (needed.some((one) => open.has(one))) continue;
      open.delete(id);
      freed = true;
    }
  }
  if (open.size > 0) throw bad(`the steps ${[...open.keys()].join(', ')} wait for each other`);
}

function toRpc(error: unknown): unknown {
  if (error instanceof Fenced) return notOwner({ owner: '', url: '', epoch: 0 });
  if (error instanceof TokenEnded) return new RpcError(ERROR_FORBIDDEN, tokenEnded(error));
  return error instanceof NetAgentError ? rpcOf(error) : error;
}

/** What has ended is kept, and what may have been executed is asked by its key: asking again is safe. */
const tokenEnded = (error: TokenEnded): string =>
  `The token is not good at a peer any more; ask again with the same id and a new one (${error.message})`;

const unknownOutcome = (error: Unknown): CallToolResult => ({
  content: [{ type: 'text', text: `Outcome unknown: ${error.message}. Read the state before repeating it.` }],
  isError: true,
  _meta: { [EXTENSION]: { server: error.server, chain: [] } },
});

function withServers(definition: Tool, servers: string[]): Tool {
  const own = (definition._meta?.[EXTENSION] ?? {}) as Record<string, unknown>;
  return { ...definition, _meta: { ...definition._meta, [EXTENSION]: { ...own, servers } } };
}

function scheduledCall(run: Runner) {
  return async ({
    identity,
    tool,
    arguments: args,
    serverId,
    contextId,
    idempotencyKey,
    signal,
  }: Parameters<Parameters<typeof createScheduler>[0]['call']>[0]) => {
    const { server, result } = await run({
      identity,
      tool,
      arguments: args,
      serverId,
      meta: { idempotencyKey, contextId },
      deadlineMs: 60_000,
      signal,
    });
    return { server, isError: result.isError === true, output: result.structuredContent ?? null };
  };
}
