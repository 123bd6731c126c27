import {
  type Artifact,
  type Message,
  Role,
  type StreamResponse,
  TaskState,
  type TaskStatus,
} from '@a2a-js/sdk';
import type { Client } from '@a2a-js/sdk/client';
import type { Ids } from '../../../machines/ports.ts';

/** Key in a message's metadata that links the callee's waiting to the caller's (see `NetworkTime`). */
export const CALL_KEY = 'netagent/call';

export interface Ask {
  text?: string;
  data?: unknown;
  /** Continues this task, which waits for input; or the id for a new one. */
  taskId?: string;
  /** Given where the same message may be sent again by a later life of its sender. */
  messageId?: string;
  contextId?: string;
  metadata?: Record<string, unknown>;
}

export interface Answer {
  state: 'completed' | 'failed' | 'rejected' | 'canceled' | 'input-required' | 'auth-required';
  taskId: string;
  contextId: string;
  /** Text of the final status, else of the artifacts. */
  text: string;
  /** Data of the final status, if it carries any. */
  statusData: unknown;
  /** Data part of the last artifact. */
  data: unknown;
}

export interface StatusNote {
  taskId: string;
  text: string;
  data: unknown;
}

export interface AskOptions {
  signal?: AbortSignal;
  /** The agent has the task. */
  onAccepted?: (taskId: string) => void;
  onStatus?: (note: StatusNote) => void;
}

const STATES: Partial<Record<TaskState, Answer['state']>> = {
  [TaskState.TASK_STATE_COMPLETED]: 'completed',
  [TaskState.TASK_STATE_FAILED]: 'failed',
  [TaskState.TASK_STATE_REJECTED]: 'rejected',
  [TaskState.TASK_STATE_CANCELED]: 'canceled',
  [TaskState.TASK_STATE_INPUT_REQUIRED]: 'input-required',
  [TaskState.TASK_STATE_AUTH_REQUIRED]: 'auth-required',
};

/**
 * Sends one message and follows the task's stream to its end.
 * @throws what the transport throws; an answer of the agent, also a refusal, is returned.
 */
export async function ask(client: Client, request: Ask, options: AskOptions & { ids: Ids }): Promise<Answer> {
  const stream = client.sendMessageStream(
    {
      tenant: '',
      message: userMessage(request, options.ids),
      configuration: undefined,
      metadata: undefined,
    },
    options.signal === undefined ? undefined : { signal: options.signal },
  );
  const answer: Answer = {
    state: 'failed',
    taskId: request.taskId ?? '',
    contextId: request.contextId ?? '',
    text: '',
    statusData: undefined,
    data: undefined,
  };
  for await (const event of stream) {
    if (event.payload?.$case === 'task') options.onAccepted?.(event.payload.value.id);
    take(answer, event, options.onStatus);
  }
  return answer;
}

/** A message of role USER with a text part, a data part, or both. */
export function userMessage(request: Ask, ids: Ids): Message {
  const part = (content: Message['parts'][number]['content'], mediaType: string) => ({
    content,
    metadata: undefined,
    filename: '',
    mediaType,
  });
  return {
    messageId: request.messageId ?? ids.uuid(),
    contextId: request.contextId ?? '',
    taskId: request.taskId ?? '',
    role: Role.ROLE_USER,
    parts: [
      ...(request.text === undefined ? [] : [part({ $case: 'text', value: request.text }, 'text/plain')]),
      ...(request.data === undefined
        ? []
        : [part({ $case: 'data', value: request.data }, 'application/json')]),
    ],
    metadata: request.metadata,
    extensions: [],
    referenceTaskIds: [],
  };
}

function take(answer: Answer, event: StreamResponse, onStatus?: (note: StatusNote) => void): void {
  const payload = event.payload;
  if (payload?.$case === 'message') {
    answer.state = 'completed';
    Object.assign(answer, contentOf(payload.value.parts));
  } else if (payload?.$case === 'task') {
    answer.taskId = payload.value.id;
    answer.contextId = payload.value.contextId;
    for (const artifact of payload.value.artifacts) takeArtifact(answer, artifact);
    takeStatus(answer, payload.value.status, onStatus);
  } else if (payload?.$case === 'artifactUpdate') {
    if (payload.value.artifact) takeArtifact(answer, payload.value.artifact);
  } else if (payload?.$case === 'statusUpdate') {
    takeStatus(answer, payload.value.status, onStatus);
  }
}

function takeArtifact(answer: Answer, artifact: Artifact): void {
  const content = contentOf(artifact.parts);
  if (content.data !== undefined) answer.data = content.data;
  if (content.text !== '') answer.text = content.text;
}

function takeStatus(
  answer: Answer,
  status: TaskStatus | undefined,
  onStatus?: (note: StatusNote) => void,
): void {
  const content = contentOf(status?.message?.parts ?? []);
  const state = status === undefined ? undefined : STATES[status.state];
  if (state === undefined) {
    if (content.text !== '' || content.data !== undefined) {
      onStatus?.({ taskId: answer.taskId, ...content });
    }
    return;
  }
  answer.state = state;
  if (content.text !== '') answer.text = content.text;
  answer.statusData = content.data;
}

/** Text parts joined by line, and the last data part. */
export function contentOf(parts: Message['parts']): { text: string; data: unknown } {
  const texts: string[] = [];
  let data: unknown;
  for (const { content } of parts) {
    if (content?.$case === 'text') texts.push(content.value);
    if (content?.$case === 'data') data = content.value;
  }
  return { text: texts.join('\n'), data };
}
