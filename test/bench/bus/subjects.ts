import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { Role, type SendMessageRequest, TaskState } from '@a2a-js/sdk';
import { ClientFactory } from '@a2a-js/sdk/client';
import { AgentEvent, type AgentExecutor, DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import mqtt, { MqttClient } from 'mqtt';
import { agentCard, type Bus, joinBus, type TaskLedger } from '../../../broker/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import type { Subject } from './load.ts';

/** About the size of a sentence of the white paper. */
const TEXT = 'I will fly to Shanghai tomorrow afternoon and have a video conference in the evening. '.repeat(
  4,
);

const part = (value: string) => ({
  content: { $case: 'text' as const, value },
  metadata: undefined,
  filename: '',
  mediaType: 'text/plain',
});

const request = (): SendMessageRequest => ({
  tenant: '',
  message: {
    messageId: randomUUID(),
    contextId: '',
    taskId: '',
    role: Role.ROLE_USER,
    parts: [part(TEXT)],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  },
  configuration: undefined,
  metadata: undefined,
});

/** Takes the task, gives it an artifact, ends it: what the smallest useful agent does. */
const executor: AgentExecutor = {
  async execute({ taskId, contextId, userMessage }, bus) {
    const status = (state: TaskState) => ({ state, message: undefined, timestamp: new Date().toISOString() });
    bus.publish(
      AgentEvent.task({
        id: taskId,
        contextId,
        status: status(TaskState.TASK_STATE_SUBMITTED),
        artifacts: [],
        history: [userMessage],
        metadata: undefined,
      }),
    );
    const artifact = {
      artifactId: 'answer',
      name: '',
      description: '',
      parts: [part('done')],
      metadata: undefined,
      extensions: [],
    };
    bus.publish(
      AgentEvent.artifactUpdate({
        taskId,
        contextId,
        artifact,
        append: false,
        lastChunk: true,
        metadata: undefined,
      }),
    );
    const completed = status(TaskState.TASK_STATE_COMPLETED);
    bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: completed, metadata: undefined }));
    bus.finished();
  },
  async cancelTask() {},
};

export type Via = Bus | string;
export type Closing = Subject & { close(): Promise<unknown> };

const env = createEnv({ level: 'error' });
const urlOf = (via: Via) => (typeof via === 'string' ? via : via.mqttUrl);

/** A task over our binding. */
export async function ours(name: string, via: Via, unit: string, ledger?: TaskLedger): Promise<Closing> {
  const join = (agent: string, more: object) => {
    const id = `bench/${unit}/${agent}`;
    const card = agentCard({
      id,
      name: agent,
      description: '-',
      version: '1',
      skills: [],
      mqttUrl: urlOf(via),
    });
    return joinBus({ id, via, card, env, ...more });
  };
  const agent = await join('agent', { executor, ...(ledger === undefined ? {} : { ledger }) });
  const asker = await join('asker', {});
  const client = await asker.client(agent.id);
  return {
    name,
    ask: () => client.sendMessage(request()),
    close: async () => {
      await asker.close();
      await agent.close();
    },
  };
}

/** A round trip of the same payload with nothing of A2A: response topic, QoS 1, the same client library. */
export async function raw(name: string, via: Via, unit: string): Promise<Closing> {
  const connect = async (agent: string) => {
    const options = { clientId: `bench/${unit}/${agent}`, protocolVersion: 5 as const, log: () => undefined };
    if (typeof via === 'string') {
      const client = await mqtt.connectAsync(via, options);
      (client.stream as Socket).setNoDelay(true);
      return client;
    }
    const client = new MqttClient(() => via.connectInProcess(), { ...options, keepalive: 0 });
    await new Promise<void>((resolve) => client.once('connect', () => resolve()));
    return client;
  };
  const server = await connect('raw-agent');
  const client = await connect('raw-asker');
  const requests = `$a2a/v1/request/bench/${unit}/raw-agent`;
  const replies = `$a2a/v1/reply/bench/${unit}/raw-asker/1`;
  await server.subscribeAsync(requests, { qos: 1 });
  await client.subscribeAsync(replies, { qos: 1 });
  server.on('message', (_topic, payload, { properties }) => {
    const { responseTopic, correlationData } = properties ?? {};
    server.publish(responseTopic as string, payload, {
      qos: 1,
      properties: { contentType: 'application/json', correlationData: correlationData as Buffer },
    });
  });
  const waiting = new Map<string, () => void>();
  client.on('message', (_topic, _payload, { properties }) => {
    const id = properties?.correlationData?.toString('latin1') ?? '';
    waiting.get(id)?.();
    waiting.delete(id);
  });
  const payload = JSON.stringify({ jsonrpc: '2.0', id: '1', method: 'SendMessage', params: { text: TEXT } });
  return {
    name,
    ask: () =>
      new Promise<void>((resolve) => {
        const id = randomUUID();
        waiting.set(id, resolve);
        client.publish(requests, payload, {
          qos: 1,
          properties: {
            contentType: 'application/json',
            responseTopic: replies,
            correlationData: Buffer.from(id, 'latin1'),
          },
        });
      }),
    close: () => Promise.all([server.endAsync(), client.endAsync()]),
  };
}

/** The same task with the SDK alone, over HTTP. */
export async function http(name: string): Promise<Closing> {
  const app = express();
  const server = createServer(app);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const base = agentCard({
    id: 'bench/http/agent',
    name: 'http',
    description: '-',
    version: '1',
    skills: [],
    mqttUrl: 'mqtt://-',
  });
  const card = {
    ...base,
    supportedInterfaces: [
      { url: `${url}/a2a`, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' },
    ],
  };
  const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
  app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: handler }));
  app.use(
    '/a2a',
    express.json(),
    jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }),
  );
  const client = await new ClientFactory().createFromUrl(url);
  return {
    name,
    ask: () => client.sendMessage(request()),
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
