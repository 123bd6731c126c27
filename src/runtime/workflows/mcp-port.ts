import type { Env } from '../../../machines/ports.ts';
import { NetAgentError } from '../../errors.ts';
import { connectPlain, type NetMcpClient } from '../../netmcp/index.ts';
import { type McpPort, type McpSession, PeerError, standardError } from '../../workflow/calls/index.ts';

export interface McpPortOptions {
  env: Env;
  /** The network's own tool servers for `netmcp://NAME`, by what the run was given; without it there are none. */
  netmcp?: (meta: Record<string, unknown>, name: string) => Promise<NetMcpClient>;
}

/** MCP for workflows by the project's own sessions: a server that speaks NetMCP is given key and deadline. */
export function mcpPort({ env, netmcp }: McpPortOptions): McpPort {
  return {
    async open({ transport, protocolVersion, client, signal, meta }) {
      signal.throwIfAborted();
      if (transport.kind === 'netmcp') {
        if (netmcp === undefined) {
          throw standardError('configuration', 'There are no tool servers of the network here');
        }
        return overNetwork(await netmcp(meta, transport.name));
      }
      const connecting = connectPlain({
        env,
        target:
          transport.kind === 'http'
            ? { url: transport.url, fetch: transport.fetch }
            : { command: transport.command, args: transport.args, env: transport.environment },
        clientInfo: client,
        protocolVersion,
      });
      // A session that stands after its call was given up is nobody's.
      const plain = await unlessAborted(connecting, signal, (late) => void late.close()).catch(wayFailed);
      return {
        request: (method, params, { timeoutMs, idempotencyKey, onProgress, signal: left }) =>
          plain
            .ask(method, params, {
              deadlineMs: timeoutMs,
              idempotencyKey,
              signal: left,
              onProgress: (progress) => onProgress(progress.message ?? method, progress),
            })
            .catch(peerFailed),
        close: () => plain.close(),
      };
    },
  };
}

/** Calls of tools on whichever server of the network is best for them. */
function overNetwork(client: NetMcpClient): McpSession {
  return {
    async request(method, params, { signal, timeoutMs, idempotencyKey }) {
      if (method !== 'tools/call') {
        throw new PeerError(`the tool servers of the network are asked for tools/call here, not ${method}`);
      }
      const args = (params.arguments ?? {}) as Record<string, unknown>;
      const outcome = await client
        .callTool(String(params.name), args, { signal, deadlineMs: timeoutMs, idempotencyKey })
        .catch(peerFailed);
      return {
        content: [{ type: 'text', text: outcome.text }],
        ...(outcome.output !== null && { structuredContent: outcome.output }),
        isError: outcome.isError,
      };
    },
    // The client is its agent's.
    close: async () => {},
  };
}

/** What the server answered, as against what became of the way to it. */
function peerFailed(error: unknown): never {
  if (error instanceof NetAgentError && error.code === 'NETMCP_REJECTED') {
    const { rpcCode, problem } = error.details as { rpcCode?: number; problem?: string };
    throw new PeerError(problem ?? error.message, { code: rpcCode ?? null });
  }
  return wayFailed(error);
}

const STATUS: Readonly<Record<string, number>> = {
  NETMCP_UNAUTHORISED: 401,
  NETMCP_FORBIDDEN: 403,
  NETMCP_TIMEOUT: 504,
};

function wayFailed(error: unknown): never {
  if (!(error instanceof NetAgentError)) throw error;
  // A refusal of the policy is what it is, also where it came up inside of a session.
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause) {
    if ('fault' in cause) throw cause;
  }
  throw standardError('communication', error.message, {
    status: STATUS[error.code] ?? 503,
    detail: error.code,
  });
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal, discard: (late: T) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      reject(signal.reason);
      work.then(discard, () => {});
    };
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
