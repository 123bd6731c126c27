import { type Message, Role, type Task, TaskState } from '@a2a-js/sdk';
import {
  AgentEvent,
  type AgentExecutor,
  type ExecutionEventBus,
  type RequestContext,
} from '@a2a-js/sdk/server';
import type { Ids, PublishedStatus } from '../../../machines/index.ts';
import type { AgentHost, TaskSink } from './host.ts';

const STATES: Record<PublishedStatus['state'], TaskState> = {
  working: TaskState.TASK_STATE_WORKING,
  completed: TaskState.TASK_STATE_COMPLETED,
  failed: TaskState.TASK_STATE_FAILED,
  rejected: TaskState.TASK_STATE_REJECTED,
  canceled: TaskState.TASK_STATE_CANCELED,
  'input-required': TaskState.TASK_STATE_INPUT_REQUIRED,
};

/**
 * The agent as an executor of the A2A SDK: messages and cancellations become events of its root machine,
 * what its tasks publish becomes events of the execution bus. `execute` resolves when the turn is over.
 */
export function taskExecutor(host: AgentHost): AgentExecutor {
  return {
    async execute(context, bus) {
      const { taskId, contextId, userMessage } = context;
      const turn = Promise.withResolvers<void>();
      const sink = busSink({ host, bus, taskId, contextId, done: turn.resolve });
      const request = requestOf(context);
      const waits = host.tasks().find((task) => task.taskId === taskId);
      if (waits !== undefined && waits.state !== 'inputRequired') {
        // The bus is that of the turn at work: a second `task` event would break its stream, and returning
        // early would close it. The message is not taken; its sender sees how that turn ends.
        host.env.log.warn({ agent: host.id, taskId }, 'message to a task at work was not taken');
        if (host.join(taskId, () => turn.resolve())) await turn.promise;
        return;
      }
      // The SDK wants a task as the first event of every turn, also of a later one.
      bus.publish(AgentEvent.task(firstEvent(context, host)));
      if (waits !== undefined) {
        host.proceed(taskId, request, sink);
      } else {
        // Also a task whose chart went with the process that it waited in: what was said before is history.
        host.begin({ taskId, contextId, ...request, history: historyOf(context, userMessage) }, sink);
      }
      await turn.promise;
    },
    async cancelTask(taskId, bus) {
      const turn = Promise.withResolvers<void>();
      const open = host.tasks().find((task) => task.taskId === taskId);
      const silent = { status: () => undefined, artifact: () => undefined };
      const publisher = busSink({ host, bus, taskId, contextId: '', done: turn.resolve });
      // While a turn is open its own sink publishes on this same bus.
      const sink = open?.state === 'inputRequired' ? publisher : { ...silent, settle: () => turn.resolve() };
      if (host.cancel(taskId, sink)) await turn.promise;
      else publisher.settle({ taskId, contextId: '', state: 'canceled', text: 'Cancelled.' });
    },
  };
}

function busSink(options: {
  host: AgentHost;
  bus: ExecutionEventBus;
  taskId: string;
  contextId: string;
  done: () => void;
}): TaskSink {
  const { host, bus, taskId, done } = options;
  const { ids, clock } = host.env;
  const publish = (status: PublishedStatus) => {
    const contextId = status.contextId || options.contextId;
    bus.publish(
      AgentEvent.statusUpdate({
        taskId,
        contextId,
        status: {
          state: STATES[status.state],
          message: agentMessage(status, contextId, ids),
          timestamp: new Date(clock.now()).toISOString(),
        },
        metadata: undefined,
      }),
    );
  };
  return {
    status: publish,
    artifact({ name, text, data }) {
      bus.publish(
        AgentEvent.artifactUpdate({
          taskId,
          contextId: options.contextId,
          artifact: {
            artifactId: ids.uuid(),
            name,
            description: '',
            parts: partsOf(text, data),
            metadata: undefined,
            extensions: [],
          },
          append: false,
          lastChunk: true,
          metadata: undefined,
        }),
      );
    },
    settle(status) {
      publish(status);
      done();
    },
  };
}

function firstEvent({ task, taskId, contextId, userMessage }: RequestContext, host: AgentHost): Task {
  return {
    id: taskId,
    contextId,
    artifacts: task?.artifacts ?? [],
    history: task?.history ?? [userMessage],
    metadata: task?.metadata,
    status: {
      state: TaskState.TASK_STATE_SUBMITTED,
      message: undefined,
      timestamp: new Date(host.env.clock.now()).toISOString(),
    },
  };
}

function requestOf({ userMessage, request, context }: RequestContext) {
  const { text, data } = contentOf(userMessage.parts);
  return {
    text,
    data,
    caller: context.user?.userName ?? '',
    metadata: { ...request.metadata, ...userMessage.metadata },
  };
}

/** Texts of the user's messages before this one. */
function historyOf({ task }: RequestContext, current: Message): string[] {
  return (task?.history ?? [])
    .filter(({ role, messageId }) => role === Role.ROLE_USER && messageId !== current.messageId)
    .map(({ parts }) => contentOf(parts).text)
    .filter((text) => text !== '');
}

function contentOf(parts: Message['parts']): { text: string; data: unknown } {
  const texts: string[] = [];
  let data: unknown;
  for (const { content } of parts) {
    if (content?.$case === 'text') texts.push(content.value);
    if (content?.$case === 'data') data = content.value;
  }
  return { text: texts.join('\n'), data };
}

function agentMessage(
  { taskId, text, data }: PublishedStatus,
  contextId: string,
  ids: Ids,
): Message | undefined {
  const parts = partsOf(text, data);
  if (parts.length === 0) return undefined;
  return {
    messageId: ids.uuid(),
    contextId,
    taskId,
    role: Role.ROLE_AGENT,
    parts,
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  };
}

function partsOf(text: string, data: unknown): Message['parts'] {
  const rest = { metadata: undefined, filename: '' };
  return [
    ...(text === ''
      ? []
      : [{ content: { $case: 'text' as const, value: text }, mediaType: 'text/plain', ...rest }]),
    ...(data === undefined
      ? []
      : [{ content: { $case: 'data' as const, value: data }, mediaType: 'application/json', ...rest }]),
  ];
}
