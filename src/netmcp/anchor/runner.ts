import { NetAgentError as Known, type NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import { subjectTokenEnds } from '../auth/resource.ts';
import type { Candidate } from '../client/choice.ts';
import { ERROR_NOT_OWNER, ERROR_OVERLOADED } from '../schema/index.ts';
import { pause } from '../session/line.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { CallToolResult, Identity, RequestContext } from '../session/server-session.ts';
import type { Caller } from '../toolserver/caller.ts';
import type { Shelf } from '../toolserver/shelf.ts';
import type { Peers } from './peers.ts';

export interface RoutedCall {
  identity: Identity;
  tool: string;
  arguments: Record<string, unknown>;
  serverId?: string | undefined;
  serviceArea?: string | undefined;
  /** `_meta` for the tool server: key, execution, context, trace. */
  meta: Record<string, unknown>;
  deadlineMs: number;
  signal: AbortSignal;
  /** Where an earlier anchor began it: it may have been executed there. */
  begunAt?: string | undefined;
  /** Told before the call goes to a server; what it throws ends the call. */
  begin?(serverId: string): void;
}

export interface Routed {
  server: string;
  result: CallToolResult;
}

/** Another anchor has the role. */
export class Fenced extends Error {}
/** The server is lost and the call may have been executed. */
export class Unknown extends Error {
  readonly server: string;
  constructor(server: string, message: string) {
    super(message);
    this.server = server;
  }
}

/** The token of the agent is good for nothing any more; `bound` is where the call may have been executed before. */
export class TokenEnded extends Error {
  readonly bound: string | undefined;
  constructor(bound: string | undefined, message: string) {
    super(message);
    this.bound = bound;
  }
}

/** Runs one call here or on a peer. @throws Fenced, Unknown, TokenEnded, RpcError, NetAgentError */
export type Runner = (call: RoutedCall) => Promise<Routed>;

/** Pauses before a server that was lost is asked again, ms. */
const RECLAIM = [100, 400, 1_600];
const MAX_WAITS = 5;
/** ms by which the clock of the authorisation server may be ahead. */
const CLOCKS_DIFFER = 5_000;

export function createRunner(options: {
  env: Env;
  serverId: string;
  shelf: Shelf;
  caller: Caller;
  peers: Peers;
}): Runner {
  const { env, serverId, shelf, caller, peers } = options;
  const { clock } = env;
  const here: Candidate = { serverId, url: '', endpoints: [], digest: '' };

  /** This server first: it costs no message. */
  async function choose(call: RoutedCall, tried: ReadonlySet<string>, fresh: boolean) {
    const wanted = (id: string) => call.serverId === undefined || call.serverId === id;
    if (wanted(serverId) && shelf.get(call.tool) !== undefined && !tried.has(serverId)) return here;
    if (call.serverId === serverId) return undefined;
    const { tool, serviceArea } = call;
    return peers.pick({ tool, serverId: call.serverId, serviceArea, tried, fresh });
  }

  async function send(to: Candidate, call: RoutedCall, left: number): Promise<CallToolResult> {
    const meta = { ...call.meta, deadline: left };
    if (to.serverId === serverId) {
      const request: RequestContext = {
        identity: call.identity,
        meta,
        signal: call.signal,
        progress: () => {},
      };
      return caller({ ...request, name: call.tool, arguments: call.arguments });
    }
    const session = peers.session(call.identity, to);
    const ended = peers.begin(to.serverId, call.tool);
    try {
      const options = { signal: call.signal, timeoutMs: left };
      const result = await session.call(call.tool, call.arguments, meta, options);
      ended('answered');
      return result;
    } catch (error) {
      const kind = error instanceof Error ? kindOf(error, call) : 'answer';
      if (call.signal.aborted || ['answer', 'fenced', 'token'].includes(kind)) ended('withdrawn');
      else ended(error instanceof Error && overload(error) !== undefined ? 'refused' : 'lost');
      throw error;
    }
  }

  /** A peer that was reached for the first time, after the token ended, could not be connected for want of one. */
  function kindOf(problem: Error, { identity }: RoutedCall): ReturnType<typeof readProblem> {
    const ends = subjectTokenEnds(identity);
    const over = ends !== undefined && ends <= clock.now() + CLOCKS_DIFFER;
    return over && wantsToken(problem) ? 'token' : readProblem(problem);
  }

  /** Whether executing it twice is like once, as whoever offers the tool says. */
  async function repeatable(call: RoutedCall): Promise<boolean> {
    const own = shelf.get(call.tool)?.definition;
    const definition = own ?? (await peers.tools(call.identity)).get(call.tool)?.definition;
    return definition?.annotations?.readOnlyHint === true || definition?.annotations?.idempotentHint === true;
  }

  return async (call) => {
    const until = clock.now() + call.deadlineMs;
    const tried = new Set<string>();
    let last: Error | null = null;
    let waits = 0;
    /** The server that may have executed it: only that one may be asked, by the same key. */
    let bound = call.begunAt;
    let reclaims = 0;

    for (;;) {
      const left = until - clock.now();
      if (call.signal.aborted)
        throw bound === undefined ? fail('NETMCP_CANCELLED', { tool: call.tool }) : lost(bound, 'cancelled');
      if (left <= 0) {
        if (bound !== undefined) throw lost(bound, 'it did not answer in time');
        throw last ?? fail('NETMCP_TIMEOUT', { server: 'any server', tool: call.tool });
      }
      const next: Candidate | undefined =
        bound === undefined
          ? await choose(call, tried, last !== null)
          : bound === serverId
            ? here
            : await peers.find(bound).catch(() => undefined);
      if (next === undefined && bound === undefined) {
        const retryAfterMs = last === null ? undefined : overload(last);
        if (retryAfterMs === undefined || waits >= MAX_WAITS) throw last ?? nobody(call);
        waits += 1;
        await pause(env, Math.min(left, retryAfterMs), call.signal);
        tried.clear();
        continue;
      }
      let problem: Error;
      if (next === undefined) problem = fail('NETMCP_NO_SERVER', { tool: call.tool, where: ` at ${bound}` });
      else {
        call.begin?.(next.serverId);
        try {
          return { server: next.serverId, result: await send(next, call, left) };
        } catch (error) {
          if (!(error instanceof Error)) throw error;
          problem = error;
        }
      }
      const kind = kindOf(problem, call);
      if (kind === 'fenced') throw new Fenced(problem.message);
      if (kind === 'token') throw new TokenEnded(bound, problem.message);
      if (kind === 'answer') throw problem;
      last = problem;
      const at = next?.serverId ?? (bound as string);
      if (kind === 'not-executed' && bound === undefined) {
        tried.add(at);
        continue;
      }
      // It may have been executed there: it is asked again by the same key, which runs nothing twice.
      bound = at;
      const wait = overload(problem) ?? RECLAIM[reclaims];
      if (overload(problem) === undefined) reclaims += 1;
      if (wait !== undefined && !call.signal.aborted) {
        await pause(env, Math.min(wait, Math.max(0, until - clock.now())), call.signal);
        continue;
      }
      if (call.signal.aborted || !(await repeatable(call).catch(() => false)))
        throw lost(bound, problem.message);
      tried.add(bound);
      bound = undefined;
    }
  };
}

const lost = (server: string, why: string) =>
  new Unknown(server, `${server} may or may not have executed it: ${why}`);

function nobody(call: RoutedCall): NetAgentError {
  const where = call.serverId ?? call.serviceArea;
  return fail('NETMCP_NO_SERVER', { tool: call.tool, where: where === undefined ? '' : ` in ${where}` });
}

/** `maybe`: no answer came, and the call may have been executed. */
function readProblem(error: Error): 'fenced' | 'answer' | 'token' | 'not-executed' | 'maybe' {
  if (error instanceof RpcError) {
    if (error.code === ERROR_NOT_OWNER) return 'fenced';
    return error.code === ERROR_OVERLOADED || error.code === INVALID_PARAMS ? 'not-executed' : 'answer';
  }
  if (!(error instanceof Known)) return 'maybe';
  switch (error.code) {
    case 'NETMCP_REJECTED':
      return error.details.rpcCode === ERROR_NOT_OWNER ? 'fenced' : 'answer';
    case 'NETMCP_UNAUTHORISED':
      return 'token';
    case 'NETMCP_FORBIDDEN':
      return 'answer';
    case 'NETMCP_OVERLOADED':
    case 'NETMCP_UNREACHABLE':
    case 'NETMCP_NO_SERVER':
      return 'not-executed';
    case 'NETMCP_LOST':
      return error.details.executed === 'no' ? 'not-executed' : 'maybe';
    default:
      return 'maybe';
  }
}

const wantsToken = (error: Error): boolean =>
  error instanceof Known &&
  error.code === 'NETMCP_UNREACHABLE' &&
  error.cause instanceof Known &&
  error.cause.code === 'NETMCP_UNAUTHORISED';

function overload(error: Error): number | undefined {
  if (error instanceof RpcError && error.code === ERROR_OVERLOADED) {
    const { retryAfterMs } = (error.data ?? {}) as { retryAfterMs?: number };
    return retryAfterMs ?? 1_000;
  }
  return error instanceof Known && error.code === 'NETMCP_OVERLOADED'
    ? (error.retryAfterMs ?? 1_000)
    : undefined;
}
