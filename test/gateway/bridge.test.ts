import type { AgentCard } from '@a2a-js/sdk';
import { Client, type RequestOptions, type Transport } from '@a2a-js/sdk/client';
import { defaultServerCallContextBuilder } from '@a2a-js/sdk/server';
import { expect, test } from 'vitest';
import { agentCard, type BusMember } from '../../broker/index.ts';
import { bridgeTo } from '../../src/gateway/bridge.ts';
import { Call } from '../../src/gateway/call.ts';
import { StreamSlots } from '../../src/gateway/limits.ts';
import { Doors } from '../../src/gateway/users.ts';
import { env, request } from '../bus/support.ts';

const EXTENSION = 'https://example.com/extensions/tone/v1';

/** A bridge to an agent that writes down what it is asked. */
function scene() {
  const asked: Array<{ method: string; params: Record<string, unknown>; options: RequestOptions }> = [];
  const base = agentCard({
    id: 'a/b/c',
    name: 'c',
    description: '',
    version: '1',
    skills: [],
    mqttUrl: 'mqtt://127.0.0.1',
  });
  const card: AgentCard = {
    ...base,
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true, extensions: [] },
  };
  const answers: Record<string, unknown> = {
    sendMessage: {
      id: 't',
      contextId: 'c',
      status: undefined,
      artifacts: [],
      history: [],
      metadata: undefined,
    },
    getExtendedAgentCard: { ...card, description: 'More.' },
  };
  const transport = new Proxy({ protocolName: 'TEST', protocolVersion: '1.0' } as Transport, {
    get(target, method: string) {
      if (method in target) return target[method as keyof Transport];
      return (params: Record<string, unknown>, options: RequestOptions) => {
        asked.push({ method, params, options });
        if (/Stream|resubscribe/.test(method)) return (async function* () {})();
        return Promise.resolve(answers[method] ?? { from: method });
      };
    },
  });
  const member = { client: async () => new Client(transport, card) } as unknown as BusMember;
  const bridge = bridgeTo({
    env,
    wire: 'http',
    agent: 'a/b/c',
    card: () => card,
    doors: new Doors({ own: member, limit: 1 }),
    streams: new StreamSlots(1),
    requestMs: 60_000,
  });
  const call = new Call({
    user: { id: '', authenticated: false },
    address: '127.0.0.1',
    authorization: undefined,
    sink: { once: () => undefined, off: () => undefined },
    cut: () => undefined,
    clock: env.clock,
    slowReaderMs: 1,
  });
  const context = (tenant?: string) =>
    defaultServerCallContextBuilder({
      extensions: [EXTENSION],
      user: call,
      headers: { authorization: 'Bearer secret' },
      requestedVersion: '1.0',
      ...(tenant === undefined ? {} : { tenant }),
    });
  return { asked, bridge, context };
}

test('all eleven operations reach the agent with tenant, extensions and without credentials', async () => {
  const { asked, bridge, context } = scene();
  const one = { tenant: 'acme', taskId: 't', id: 'p' };
  const drain = async (stream: AsyncIterable<unknown>) => {
    for await (const _ of stream);
  };
  await bridge.sendMessage({ ...request('hi'), tenant: 'acme' }, context());
  await drain(bridge.sendMessageStream({ ...request('hi'), tenant: 'acme' }, context()));
  await bridge.getTask({ tenant: 'acme', id: 't', historyLength: 3 }, context());
  await bridge.cancelTask({ tenant: 'acme', id: 't', metadata: { why: 'test' } }, context());
  await drain(bridge.resubscribe({ tenant: 'acme', id: 't' }, context()));
  const list = {
    tenant: '',
    contextId: 'c',
    status: 2,
    pageSize: 7,
    pageToken: 'next',
    historyLength: 1,
    includeArtifacts: true,
    statusTimestampAfter: '2026-01-01T00:00:00Z',
  };
  await bridge.listTasks(list, context('acme'));
  const config = { ...one, url: 'https://example.com', token: 'x', authentication: undefined };
  await bridge.createTaskPushNotificationConfig(config, context());
  await bridge.getTaskPushNotificationConfig(one, context());
  await bridge.listTaskPushNotificationConfigs({ ...one, pageSize: 5, pageToken: '' }, context());
  await bridge.deleteTaskPushNotificationConfig(one, context());
  const extended = await bridge.getAuthenticatedExtendedAgentCard({ tenant: 'acme' }, context());
  expect(extended.description).toBe('More.');
  expect(asked.map(({ method }) => method)).toEqual([
    'sendMessage',
    'sendMessageStream',
    'getTask',
    'cancelTask',
    'resubscribeTask',
    'listTasks',
    'createTaskPushNotificationConfig',
    'getTaskPushNotificationConfig',
    'listTaskPushNotificationConfig',
    'deleteTaskPushNotificationConfig',
    'getExtendedAgentCard',
  ]);
  expect(asked.every(({ params }) => params.tenant === 'acme')).toBe(true);
  expect(asked.every(({ options }) => options.serviceParameters?.['A2A-Extensions'] === EXTENSION)).toBe(
    true,
  );
  expect(JSON.stringify(asked)).not.toContain('secret');
  expect(asked[2]?.params).toEqual({ tenant: 'acme', id: 't', historyLength: 3 });
  expect(asked[3]?.params.metadata).toEqual({ why: 'test' });
  expect(asked[5]?.params).toEqual({ ...list, tenant: 'acme' });
  expect(asked[6]?.params).toEqual(config);
});
