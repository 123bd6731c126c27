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
   */
  publish(event: CloudEvent): Promise<void>;
  /** A listener that rejects is logged and does not keep the others from the event. */
  subscribe(listener: (event: CloudEvent) => void | Promise<void>): () => void;
}
