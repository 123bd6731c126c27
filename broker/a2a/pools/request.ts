import { TaskState } from '@a2a-js/sdk';
import {
  bindingErrorOf,
  endsStreamReply,
  ReplyEnvelope,
  RequestEnvelope,
  type RequestId,
} from '../envelope.ts';
import type { Message } from '../link.ts';
import { PROPERTY, readProperties } from '../properties.ts';
import { isAtRest, isTerminal } from '../tasks/fold.ts';

/** A request of a pool as far as its dispatcher reads it. All of it is text, so that it can be kept. */
export interface PooledRequest {
  id: RequestId;
  /** Empty when the payload is not to be read: encrypted, or broken, which a member then says. */
  method: string;
  /** Empty when the request is about no task. */
  taskId: string;
  payload: string;
  contentType: string | undefined;
  userProperties: Record<string, string>;
}

const STREAMING = new Set(['SendStreamingMessage', 'SubscribeToTask']);
const SENDING = new Set(['SendMessage', 'SendStreamingMessage']);

export const isStreaming = ({ method }: PooledRequest) => STREAMING.has(method);
export const isSending = ({ method }: PooledRequest) => SENDING.has(method);

export function readRequest({ payload, properties }: Message, requester: string): PooledRequest {
  const text = payload.toString();
  const common = {
    payload: text,
    contentType: properties.contentType,
    userProperties: { ...readProperties(properties.userProperties), [PROPERTY.clientId]: requester },
  };
  const parsed = RequestEnvelope.safeParse(jsonOf(text));
  if (!parsed.success) return { ...common, id: null, method: '', taskId: '' };
  const { id = null, method, params = {} } = parsed.data;
  const message = params.message as { taskId?: unknown } | null | undefined;
  const taskId = SENDING.has(method) ? message?.taskId : (params.taskId ?? params.id);
  return { ...common, id, method, taskId: typeof taskId === 'string' ? taskId : '' };
}

/** A request of the dispatcher itself, in the name of the requester of `about`. */
export function ownRequest(about: PooledRequest, method: 'SubscribeToTask' | 'CancelTask'): PooledRequest {
  const params = { id: about.taskId };
  return {
    ...about,
    id: 'pool',
    method,
    payload: JSON.stringify({ jsonrpc: '2.0', id: 'pool', method, params }),
  };
}

/** What a reply says of its task, and whether another reply of this correlation can come. */
export interface ReplyMeaning {
  task: 'RUNNING' | 'INTERRUPTED' | 'ENDED' | 'BUSY' | null;
  last: boolean;
}

export function meaningOf(request: PooledRequest, { payload, properties }: Message): ReplyMeaning {
  const streaming = isStreaming(request);
  const user = readProperties(properties.userProperties);
  // A chunk of a binary artifact, or the end marker of a stream.
  if (payload.length === 0 || user['a2a-event-type'] !== undefined) {
    return { task: null, last: user[PROPERTY.streamEnd] === 'true' };
  }
  const parsed = ReplyEnvelope.safeParse(jsonOf(payload.toString()));
  // Not to be read: then only its silence tells that it is over.
  if (!parsed.success) return { task: null, last: !streaming };
  if (parsed.data.error !== undefined) {
    if (bindingErrorOf(parsed.data) === 'responder_unavailable') return { task: 'BUSY', last: true };
    return { task: isSending(request) || request.id === 'pool' ? 'ENDED' : null, last: true };
  }
  const last = !streaming || endsStreamReply(parsed.data);
  return { task: stateOf(parsed.data.result), last };
}

type Shape = Partial<Record<'task' | 'statusUpdate', { status?: { state?: string } }>> & {
  message?: unknown;
  status?: { state?: string };
};

function stateOf(result: unknown): ReplyMeaning['task'] {
  if (typeof result !== 'object' || result === null) return null;
  const { task, statusUpdate, message, status } = result as Shape;
  if (message !== undefined && status === undefined) return 'ENDED';
  const name = (task ?? statusUpdate)?.status?.state ?? status?.state;
  const state = TaskState[name as keyof typeof TaskState] as TaskState | undefined;
  if (state === undefined) return null;
  if (isTerminal(state)) return 'ENDED';
  return isAtRest(state) ? 'INTERRUPTED' : 'RUNNING';
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
