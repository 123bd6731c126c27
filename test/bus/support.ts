import { randomUUID } from 'node:crypto';
import { Role, type SendMessageRequest, TaskState } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor, STATE_HEADERS_KEY } from '@a2a-js/sdk/server';
import {
  agentCard,
  type Bus,
  type BusMember,
  type JoinOptions,
  joinBus,
  startBus,
} from '../../broker/index.ts';
import type { Env, Log } from '../../machines/ports.ts';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export const env: Env = {
  clock: {
    now: () => Date.now(),
    setTimeout: (fn, ms) => setTimeout(fn, ms),
    clearTimeout: (id) => clearTimeout(id as NodeJS.Timeout),
  },
  ids: { uuid: () => randomUUID() },
  random: { next: () => 0.5 },
  log: silent,
};

export const newBus = () => startBus({ env, host: '127.0.0.1', tcpPort: 0, wsPort: 0 });

export function join(
  via: Bus | string,
  id: string,
  executor?: AgentExecutor,
  more: Partial<JoinOptions> = {},
): Promise<BusMember> {
  const mqttUrl = typeof via === 'string' ? via : via.mqttUrl;
  const card = agentCard({ id, name: id, description: 'For tests.', version: '1.0.0', skills: [], mqttUrl });
  return joinBus({ id, via, card, env, ...(executor === undefined ? {} : { executor }), ...more });
}

export function request(text: string, ids: { taskId?: string; contextId?: string; messageId?: string } = {}) {
  return {
    tenant: '',
    message: {
      messageId: ids.messageId ?? randomUUID(),
      contextId: ids.contextId ?? '',
      taskId: ids.taskId ?? '',
      role: Role.ROLE_USER,
      parts: [textPart(text)],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    },
    configuration: undefined,
    metadata: undefined,
  } satisfies SendMessageRequest;
}

export const textPart = (value: string) => ({
  content: { $case: 'text' as const, value },
  metadata: undefined,
  filename: '',
  mediaType: 'text/plain',
});

export interface Recorder extends AgentExecutor {
  /** Texts executed, with who asked. */
  seen: Array<{ text: string; user: string }>;
  /** What the broker wrote into `a2a-client-id`, by execution. */
  stamps: Array<string | undefined>;
  /** Lets tasks with the text `wait` go on. */
  release(): void;
}

/**
 * Answers with the text in capitals as an artifact; `wait` waits for `release` or cancel, `ask` waits for
 * input, `throw` throws, `message` answers without a task.
 */
export function recorder(): Recorder {
  const seen: Recorder['seen'] = [];
  const stamps: Recorder['stamps'] = [];
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const cancelled = new Map<string, () => void>();
  const status = (taskId: string, contextId: string, state: TaskState) =>
    AgentEvent.statusUpdate({
      taskId,
      contextId,
      status: { state, message: undefined, timestamp: undefined },
      metadata: undefined,
    });
  return {
    seen,
    stamps,
    release,
    async execute(context, bus) {
      const { taskId, contextId } = context;
      const content = context.userMessage.parts[0]?.content;
      const text = content?.$case === 'text' ? content.value : '';
      seen.push({ text, user: context.context.user?.userName ?? '' });
      const headers = context.context.state.get(STATE_HEADERS_KEY) as Record<string, string>;
      stamps.push(headers['a2a-client-id']);
      if (text === 'throw') throw new Error('thrown by the executor');
      if (text === 'message') {
        const reply = { ...request('direct').message, role: Role.ROLE_AGENT, contextId };
        bus.publish(AgentEvent.message(reply));
        return;
      }
      bus.publish(
        AgentEvent.task({
          id: taskId,
          contextId,
          status: { state: TaskState.TASK_STATE_SUBMITTED, message: undefined, timestamp: undefined },
          artifacts: [],
          history: [],
          metadata: undefined,
        }),
      );
      bus.publish(status(taskId, contextId, TaskState.TASK_STATE_WORKING));
      if (text === 'ask') {
        bus.publish(status(taskId, contextId, TaskState.TASK_STATE_INPUT_REQUIRED));
        return;
      }
      if (text === 'wait') {
        const stopped = new Promise<'stopped'>((resolve) => cancelled.set(taskId, () => resolve('stopped')));
        if ((await Promise.race([released, stopped])) === 'stopped') return;
      }
      bus.publish(
        AgentEvent.artifactUpdate({
          taskId,
          contextId,
          artifact: {
            artifactId: 'answer',
            name: '',
            description: '',
            parts: [textPart(text.toUpperCase())],
            metadata: undefined,
            extensions: [],
          },
          append: false,
          lastChunk: true,
          metadata: undefined,
        }),
      );
      bus.publish(status(taskId, contextId, TaskState.TASK_STATE_COMPLETED));
    },
    async cancelTask(taskId, bus) {
      bus.publish(status(taskId, '', TaskState.TASK_STATE_CANCELED));
      cancelled.get(taskId)?.();
    },
  };
}
