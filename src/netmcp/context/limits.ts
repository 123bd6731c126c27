/** What one server allows of execution contexts. Times in ms, sizes in bytes of JSON. */
export interface ContextLimits {
  contexts: number;
  contextsOfAgent: number;
  /** Executions of one agent that are remembered; the oldest finished one goes. */
  executionsOfAgent: number;
  /** Life of a context for which none was asked. */
  ttlMs: number;
  maxTtlMs: number;
  valueBytes: number;
  contextBytes: number;
  keys: number;
  queues: number;
  /** Waiting in one queue. */
  messages: number;
  groups: number;
  /** Delivered to one group and not acknowledged. */
  inFlight: number;
  schedules: number;
  /** Long polls and subscriptions on one context. */
  watchers: number;
}

export const CONTEXT_LIMITS: ContextLimits = {
  contexts: 1_000,
  contextsOfAgent: 64,
  executionsOfAgent: 256,
  ttlMs: 3_600_000,
  maxTtlMs: 86_400_000,
  valueBytes: 65_536,
  contextBytes: 4_194_304,
  keys: 1_000,
  queues: 32,
  messages: 1_000,
  groups: 16,
  inFlight: 1_000,
  schedules: 100,
  watchers: 64,
};
