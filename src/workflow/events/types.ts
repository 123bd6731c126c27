/** CloudEvents 1.0, JSON format; extension attributes stand beside the others. */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  time?: string;
  subject?: string;
  datacontenttype?: string;
  dataschema?: string;
  data?: unknown;
  [extension: string]: unknown;
}

export interface EventBus {
  /**
   * Gives an event to everybody who listens; resolves when each has taken it over (durably, where the listener
   * is durable). The same `source` and `id` may come again after a restart: listeners tell by these.
   * @throws WORKFLOW_EVENT_INVALID
   */
  publish(event: CloudEvent): Promise<void>;
  /** A listener that rejects is logged and does not keep the others from the event. */
  subscribe(listener: (event: CloudEvent) => void | Promise<void>): () => void;
}

/** What expressions of filters and strategies are evaluated with. */
export interface EventScope {
  /** One expression, with or without its `${ }`. */
  evaluate(expression: string, data: unknown, variables: Record<string, unknown>): Promise<unknown>;
  /** The task's transformed input; null for a schedule or a trigger. */
  input: unknown;
  variables: Record<string, unknown>;
}

/** How a consumed event is shown to the workflow (DSL 1.0.3, `listen.read`). */
export type ReadAs = 'data' | 'envelope' | 'raw';
