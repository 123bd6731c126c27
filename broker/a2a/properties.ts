import type { IPublishPacket } from 'mqtt';

export type UserProperties = NonNullable<NonNullable<IPublishPacket['properties']>['userProperties']>;

/** User properties of the profile and of this binding; names are compared in lower case. */
export const PROPERTY = {
  status: 'a2a-status',
  statusSource: 'a2a-status-source',
  contextId: 'a2a-context-id',
  version: 'a2a-version',
  extensions: 'a2a-extensions',
  /** Empty reply that ends a stream which had no final item. */
  streamEnd: 'a2a-stream-end',
  /** Number of a stream's item in the log of its task. */
  seq: 'a2a-seq',
  /** With SubscribeToTask: the last item that the requester has; the answer is what came after it. */
  lastSeq: 'a2a-last-seq',
  /** Caller's client id, written by the embedded broker over whatever the caller sent. */
  clientId: 'a2a-client-id',
  /** With a request: `Bearer` and a token (profile 0.1). Never logged, kept or handed on. */
  authorization: 'a2a-authorization',
  /** On a reply: the agent that has the task, for all that follows (profile 0.1, shared dispatch). */
  responder: 'a2a-responder-agent-id',
} as const;

/** Lower-cased names, last value of a repeated name wins; no prototype, so no name can be special. */
export function readProperties(properties: UserProperties | undefined): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(properties ?? {})) {
    const last = Array.isArray(value) ? value.at(-1) : value;
    if (last !== undefined) out[name.toLowerCase()] = last;
  }
  return out;
}
