import { type Artifact, type Message, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';

/** A task is the fold of its events (A2A 1.0, 4.1). Pure; nothing is changed in place. */

const TERMINAL: ReadonlySet<TaskState> = new Set([
  TaskState.TASK_STATE_COMPLETED,
  TaskState.TASK_STATE_FAILED,
  TaskState.TASK_STATE_CANCELED,
  TaskState.TASK_STATE_REJECTED,
]);
const INTERRUPTED: ReadonlySet<TaskState> = new Set([
  TaskState.TASK_STATE_INPUT_REQUIRED,
  TaskState.TASK_STATE_AUTH_REQUIRED,
]);

export const isTerminal = (state: TaskState | undefined) => state !== undefined && TERMINAL.has(state);
/** The task does nothing more by itself: it is over, or waits for the other side. */
export const isAtRest = (state: TaskState | undefined) =>
  state !== undefined && (TERMINAL.has(state) || INTERRUPTED.has(state));

/** Whether this item ends its correlation; a task may go on under another one (profile 0.1). */
export function endsStream({ payload }: StreamResponse): boolean {
  if (payload?.$case === 'message') return true;
  if (payload?.$case === 'statusUpdate') return isAtRest(payload.value.status?.state);
  return payload?.$case === 'task' && isTerminal(payload.value.status?.state);
}

export function fold(task: Task, { payload }: StreamResponse): Task {
  switch (payload?.$case) {
    case 'task':
      return payload.value;
    case 'statusUpdate': {
      const { status, metadata } = payload.value;
      return {
        ...task,
        status,
        history: withMessage(task.history, status?.message),
        metadata: metadata === undefined ? task.metadata : { ...task.metadata, ...metadata },
      };
    }
    case 'artifactUpdate': {
      const { artifact, append } = payload.value;
      return artifact === undefined
        ? task
        : { ...task, artifacts: withArtifact(task.artifacts, artifact, append) };
    }
    case 'message':
      // A direct answer: the task behind it is over and shows the answer as its last message.
      return {
        ...task,
        status: {
          state: TaskState.TASK_STATE_COMPLETED,
          message: payload.value,
          timestamp: task.status?.timestamp,
        },
        history: withMessage(task.history, payload.value),
      };
    default:
      return task;
  }
}

function withMessage(history: Message[], message: Message | undefined): Message[] {
  if (message === undefined || history.some(({ messageId }) => messageId === message.messageId)) {
    return history;
  }
  return [...history, message];
}

function withArtifact(artifacts: Artifact[], artifact: Artifact, append: boolean): Artifact[] {
  const index = artifacts.findIndex(({ artifactId }) => artifactId === artifact.artifactId);
  const known = artifacts[index];
  if (known === undefined) return [...artifacts, artifact];
  const next = append
    ? {
        ...known,
        name: artifact.name || known.name,
        description: artifact.description || known.description,
        parts: [...known.parts, ...artifact.parts],
        metadata:
          artifact.metadata === undefined ? known.metadata : { ...known.metadata, ...artifact.metadata },
      }
    : artifact;
  return artifacts.with(index, next);
}

/** A task as `historyLength` wants it: unset all, 0 none, n the newest n (A2A 3.2.4). */
export function withHistory(task: Task, length: number | undefined): Task {
  if (length === undefined || task.history.length <= length) return task;
  return { ...task, history: length === 0 ? [] : task.history.slice(-length) };
}
