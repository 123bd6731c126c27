import { type Task, TaskState } from '@a2a-js/sdk';
import mqtt from 'mqtt';
import { expect, onTestFinished, test, vi } from 'vitest';
import { agentCard } from '../../broker/index.ts';
import { join, newBus, recorder, request } from './support.ts';

const ID = 'org/unit/agent';
const TOPIC = `$a2a/v1/event/${ID}`;
const SOON = { timeout: 10_000, interval: 5 };

async function pair() {
  const bus = await newBus();
  const card = agentCard({
    id: ID,
    name: 'agent',
    description: '-',
    version: '1',
    skills: [],
    mqttUrl: bus.mqttUrl,
    pushNotifications: true,
  });
  const agent = await join(bus, ID, recorder(), { card, push: {} });
  const asker = await join(bus, 'org/unit/asker');
  const listener = await mqtt.connectAsync(bus.mqttUrl, {
    clientId: 'org/unit/listener',
    protocolVersion: 5,
  });
  onTestFinished(async () => {
    await listener.endAsync();
    await asker.close();
    await agent.close();
    await bus.close();
  });
  return { client: await asker.client(ID), listener, bus };
}

const told = (url: string, more: object = {}) => ({
  configuration: {
    acceptedOutputModes: [],
    taskPushNotificationConfig: {
      tenant: '',
      id: '',
      taskId: '',
      url,
      token: '',
      authentication: undefined,
      ...more,
    },
    historyLength: undefined,
    returnImmediately: false,
  },
});

test('a task can be followed on the event topic of its agent, by everybody whom it may concern', async () => {
  const { client, listener, bus } = await pair();
  const events: Array<{ type: unknown; seq: number; body: Record<string, unknown> }> = [];
  listener.on('message', (_topic, payload, { properties }) => {
    const user = { ...properties?.userProperties };
    events.push({
      type: user['a2a-event-type'],
      seq: Number(user['a2a-seq']),
      body: JSON.parse(String(payload)),
    });
    expect(user['a2a-task-id']).not.toBe('');
    expect(properties?.contentType).toBe('application/a2a+json');
  });
  await listener.subscribeAsync(TOPIC, { qos: 1 });
  const task = (await client.sendMessage({
    ...request('hello'),
    ...told(`${bus.mqttUrl}/${TOPIC}`),
  })) as Task;
  await vi.waitFor(() => expect(JSON.stringify(events)).toContain('TASK_STATE_COMPLETED'), SOON);
  const last = events.at(-1);
  expect(last?.type).toBe('task-status-update');
  expect(last?.body).toMatchObject({ statusUpdate: { taskId: task.id } });
  expect(events.map(({ type }) => type)).toContain('task-artifact-update');
  const numbers = events.map(({ seq }) => seq);
  expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
  expect(new Set(numbers).size).toBe(numbers.length);
});

test.each([
  ['the event topic of another agent', '$a2a/v1/event/org/unit/other', {}],
  ['a request topic', '$a2a/v1/request/org/unit/agent', {}],
  ['a token', TOPIC, { token: 'secret' }],
  ['credentials', TOPIC, { authentication: { scheme: 'Bearer', credentials: 'secret' } }],
])('%s is refused for events, and the work is not begun', async (_name, topic, more) => {
  const { client, bus } = await pair();
  const asked = { ...request('hello'), ...told(`${bus.mqttUrl}/${topic}`, more) };
  const { status, artifacts } = (await client.sendMessage(asked)) as Task;
  expect(status?.state).toBe(TaskState.TASK_STATE_REJECTED);
  expect(JSON.stringify(status?.message)).toContain('Push notifications do not go to this address');
  expect(JSON.stringify(status?.message)).not.toContain('"secret"');
  expect(artifacts).toEqual([]);
});
