/** What every piece of outside work of a task is given. */
export interface FunctionContext {
  /** Aborts when the task is left: the instance was cancelled, or its time is over. */
  signal: AbortSignal;
  instanceId: string;
  /** JSON Pointer of the task. */
  pointer: string;
  /** The same for every start of the same attempt of the same step of the same instance, also after a restart. */
  idempotencyKey: string;
  meta: Record<string, unknown>;
  /**
   * Waits for what is not this task's own work: a human, another workflow. The instance counts as waiting so long, and
   * network time may go on.
   */
  waiting?<T>(work: () => Promise<T>): Promise<T>;
  /** Tells a piece of progress; part of the instance's story. */
  progress?(text: string, data?: unknown): void;
}

/** A function of the runtime's own catalogue, called as `NAME:1.0.0@default`. */
export type RuntimeFunction = (input: unknown, context: FunctionContext) => Promise<unknown>;
