import type { Fetch } from './outgoing.ts';

/** What of MCP and A2A is handed in: their libraries live elsewhere. */

/** An error that the peer answered, as against one of the way to it. */
export class PeerError extends Error {
  /** Of JSON-RPC, where the peer gave one. */
  readonly code: number | null;
  readonly data: unknown;

  constructor(message: string, { code = null, data }: { code?: number | null; data?: unknown } = {}) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

export type McpTransport =
  /** `fetch` carries headers, credentials and the policy. */
  | { kind: 'http'; url: string; fetch: Fetch }
  | { kind: 'stdio'; command: string; args: string[]; environment: Record<string, string> }
  /** The tool servers of this network, found by what is asked for. */
  | { kind: 'netmcp'; name: string };

export interface McpSession {
  /** @throws PeerError for what the server answered; anything else is of the way */
  request(
    method: string,
    params: Record<string, unknown>,
    options: {
      signal: AbortSignal;
      timeoutMs: number;
      idempotencyKey: string;
      onProgress(text: string, data: unknown): void;
    },
  ): Promise<unknown>;
  close(): Promise<void>;
}

export interface McpPort {
  /** Begins a session, `initialize` included. */
  open(options: {
    transport: McpTransport;
    protocolVersion: string;
    client: { name: string; version: string };
    signal: AbortSignal;
    /** What the run of the workflow was given. */
    meta: Record<string, unknown>;
  }): Promise<McpSession>;
}

/** Operations of A2A 1.0 (its section 3.1). */
export type A2aOperation =
  | 'SendMessage'
  | 'SendStreamingMessage'
  | 'GetTask'
  | 'ListTasks'
  | 'CancelTask'
  | 'SubscribeToTask'
  | 'CreateTaskPushNotificationConfig'
  | 'GetTaskPushNotificationConfig'
  | 'ListTaskPushNotificationConfigs'
  | 'DeleteTaskPushNotificationConfig'
  | 'GetExtendedAgentCard';

export type A2aTarget =
  /** The JSON of a card; its addresses are called by `fetch`, which carries the policy. */
  | { kind: 'card'; card: Record<string, unknown>; fetch: Fetch }
  /** JSON-RPC at this address. */
  | { kind: 'server'; url: string; fetch: Fetch }
  /** An agent of the bus: `org/unit/agent`, and the bus if the document names one. */
  | { kind: 'bus'; id: string; host: string | null };

export interface A2aAgent {
  /**
   * Parameters and results in the JSON of A2A 1.0; a stream gives one result after the other.
   * @throws PeerError for what the agent answered; anything else is of the way
   */
  request(
    operation: A2aOperation,
    params: Record<string, unknown>,
    options: { signal: AbortSignal },
  ): AsyncIterable<unknown>;
  close(): Promise<void>;
}

export interface A2aPort {
  open(options: { target: A2aTarget; signal: AbortSignal; meta: Record<string, unknown> }): Promise<A2aAgent>;
}
