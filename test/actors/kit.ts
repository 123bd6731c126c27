import { type AgentCard, type Message, type StreamResponse, type Task, TaskState } from '@a2a-js/sdk';
import {
  DefaultRequestHandler,
  defaultServerCallContextBuilder,
  InMemoryTaskStore,
} from '@a2a-js/sdk/server';
import { SimulatedClock } from 'xstate';
import {
  type AgentRoleMachine,
  type Clock,
  domainMachine,
  type Env,
  type Log,
} from '../../machines/index.ts';
import {
  type AgentEffects,
  type AgentHostOptions,
  createAgentHost,
  taskExecutor,
} from '../../src/runtime/actors/index.ts';
import { userMessage } from '../../src/runtime/agents/ask.ts';

export const START = Date.UTC(2026, 0, 5);

/** A clock that only `increment` moves. */
export class VirtualClock implements Clock {
  readonly #clock = new SimulatedClock();
  now = () => START + this.#clock.now();
  setTimeout = (fn: () => void, ms: number): unknown => this.#clock.setTimeout(fn, ms);
  clearTimeout = (id: unknown) => this.#clock.clearTimeout(id as number);
  increment = (ms: number) => this.#clock.increment(ms);
}

export function testEnv() {
  const clock = new VirtualClock();
  const logged: { level: string; fields: object; message: string }[] = [];
  const at = (level: string) => (fields: object, message: string) => {
    logged.push({ level, fields, message });
  };
  const log: Log = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
  let count = 0;
  const env: Env = {
    clock,
    ids: { uuid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}` },
    random: { next: () => 0.5 },
    log,
  };
  return { env, clock, logged };
}

const CARD: AgentCard = {
  name: 'test',
  description: 'test',
  version: '1.0.0',
  supportedInterfaces: [],
  provider: undefined,
  documentationUrl: '',
  iconUrl: '',
  capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false, extensions: [] },
  securitySchemes: {},
  securityRequirements: [],
  defaultInputModes: ['text/plain'],
  defaultOutputModes: ['text/plain'],
  skills: [],
  signatures: [],
};

/** An agent behind the SDK's request handler, all in memory. */
export function serve(
  effects: AgentEffects,
  options: Partial<AgentHostOptions> & { machine?: AgentRoleMachine } = {},
) {
  const { env, clock, logged } = testEnv();
  const host = createAgentHost({
    env,
    id: 'netagent/domains/ran',
    machine: domainMachine,
    effects,
    ...options,
  });
  const store = new InMemoryTaskStore();
  const handler = new DefaultRequestHandler(CARD, store, taskExecutor(host));
  const context = defaultServerCallContextBuilder({
    extensions: [],
    user: { isAuthenticated: true, userName: 'netagent/core/central' },
    headers: {},
    requestedVersion: '1.0',
    tenant: '',
  });
  const request = (message: Message) => ({
    tenant: '',
    message,
    configuration: undefined,
    metadata: undefined,
  });
  return {
    host,
    clock,
    logged,
    handler,
    context,
    message: (ask: Parameters<typeof userMessage>[0]) => userMessage(ask, env.ids),
    stream: (ask: Parameters<typeof userMessage>[0]) =>
      handler.sendMessageStream(request(userMessage(ask, env.ids)), context),
    send: (ask: Parameters<typeof userMessage>[0]) =>
      handler.sendMessage(request(userMessage(ask, env.ids)), context),
    task: (id: string) => handler.getTask({ tenant: '', id, historyLength: undefined }, context),
    cancel: (id: string) => handler.cancelTask({ tenant: '', id, metadata: undefined }, context),
  };
}

/** One line for each event of a stream: `task submitted`, `status working text`, `artifact name`. */
export function lineOf({ payload }: StreamResponse): string {
  const textOf = (parts: Message['parts'] = []) =>
    parts.flatMap(({ content }) => (content?.$case === 'text' ? [content.value] : [])).join(' ');
  switch (payload?.$case) {
    case 'task':
      return `task ${stateOf(payload.value.status?.state)}`;
    case 'statusUpdate': {
      const { status } = payload.value;
      return `status ${stateOf(status?.state)} ${textOf(status?.message?.parts)}`.trim();
    }
    case 'artifactUpdate':
      return `artifact ${payload.value.artifact?.name} ${textOf(payload.value.artifact?.parts)}`.trim();
    default:
      return payload?.$case ?? 'nothing';
  }
}

export function stateOf(state: TaskState | undefined): string {
  return (TaskState[state ?? TaskState.UNRECOGNIZED] ?? '').replace('TASK_STATE_', '').toLowerCase();
}

export async function linesOf(stream: AsyncIterable<StreamResponse>): Promise<string[]> {
  const lines: string[] = [];
  for await (const event of stream) lines.push(lineOf(event));
  return lines;
}

/** Lets everything that is ready run: settled promises and what they start. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** The task that a stream begins with. */
export async function firstTask(stream: AsyncGenerator<StreamResponse, void, undefined>): Promise<Task> {
  const { value } = await stream.next();
  if (value?.payload?.$case !== 'task') throw new Error('the stream does not begin with a task');
  return value.payload.value;
}
