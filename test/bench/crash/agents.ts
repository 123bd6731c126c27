import { Role, TaskState } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor } from '@a2a-js/sdk/server';
import { abortSignalOf, agentCard, type BusMember, joinBus, startBus } from '../../../broker/index.ts';
import { openStore } from '../../../src/durable/index.ts';
import { childId } from '../../../src/runtime/agents/child-id.ts';
import { createEnv } from '../../../src/runtime/env.ts';

/**
 * The process that is killed: broker, and two agents with durable tasks. `crash/unit/front` asks
 * `crash/unit/back`, which does one thing to the outside world for it. Arguments: port, data folder, URL of
 * the world.
 */
const [port, data, world] = process.argv.slice(2) as [string, string, string];
const env = createEnv({ level: 'error' });
const store = openStore({ dir: data });
const bus = await startBus({ env, host: '127.0.0.1', tcpPort: Number(port), wsPort: 0 });

const join = (agent: string, executor: AgentExecutor): Promise<BusMember> => {
  const id = `crash/unit/${agent}`;
  const card = agentCard({
    id,
    name: agent,
    description: '-',
    version: '1',
    skills: [],
    mqttUrl: bus.mqttUrl,
  });
  return joinBus({ id, via: bus, card, executor, env, ledger: store.tasks(id), recovery: () => 'rerun' });
};
const completed = (taskId: string, contextId: string) =>
  AgentEvent.statusUpdate({
    taskId,
    contextId,
    status: { state: TaskState.TASK_STATE_COMPLETED, message: undefined, timestamp: undefined },
    metadata: undefined,
  });
const textOf = (message: { parts: Array<{ content?: { $case: string; value: unknown } | undefined }> }) =>
  String(message.parts[0]?.content?.value ?? '');

await join('back', {
  async execute(context, events) {
    const { taskId, contextId, userMessage } = context;
    const body = JSON.stringify({ key: taskId, what: textOf(userMessage) });
    const answer = await fetch(world, { method: 'POST', body, signal: abortSignalOf(context) });
    if (!answer.ok) throw new Error(`the world answered ${answer.status}`);
    events.publish(completed(taskId, contextId));
  },
  async cancelTask() {},
});
const front: BusMember = await join('front', {
  async execute({ taskId, contextId }, events) {
    const client = await front.client('crash/unit/back');
    const part = {
      content: { $case: 'text' as const, value: taskId },
      metadata: undefined,
      filename: '',
      mediaType: '',
    };
    const message = {
      messageId: childId(taskId, 'message'),
      contextId: '',
      taskId: childId(taskId, 'back'),
      role: Role.ROLE_USER,
      parts: [part],
      metadata: undefined,
      extensions: [],
      referenceTaskIds: [],
    };
    const request = { tenant: '', message, configuration: undefined, metadata: undefined };
    for await (const _ of client.sendMessageStream(request));
    events.publish(completed(taskId, contextId));
  },
  async cancelTask() {},
});
process.stdout.write('ready\n');
