import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { mosquitto } from './brokers.ts';
import { join, newBus, recorder, request } from './support.ts';

const run = promisify(execFile);
const has = (tool: string) => spawnSync(tool, ['--help']).error === undefined;
const noClients =
  has('mosquitto_sub') && has('mosquitto_rr') ? false : 'the Mosquitto clients are not installed';
const noBroker = has('mosquitto') ? false : 'Mosquitto is not installed';

test('mosquitto_sub lists the agents, mosquitto_rr gets an answer', async ({ skip }) => {
  if (noClients) return skip(noClients);
  const bus = await newBus();
  const agents = [await join(bus, 'netagent/test/one', recorder()), await join(bus, 'netagent/test/two')];
  const port = new URL(bus.mqttUrl).port;
  const common = ['-V', '5', '-h', '127.0.0.1', '-p', port, '-W', '10'];
  try {
    const listed = await run('mosquitto_sub', [
      ...common,
      '-t',
      '$a2a/v1/discovery/+/+/+',
      '-F',
      '%t %P',
      '-C',
      '2',
    ]);
    expect(listed.stdout.trim().split('\n').sort()).toEqual([
      '$a2a/v1/discovery/netagent/test/one a2a-status:online a2a-status-source:agent',
      '$a2a/v1/discovery/netagent/test/two a2a-status:online a2a-status-source:agent',
    ]);
    const taskId = randomUUID();
    const message = { messageId: 'm1', taskId, role: 'ROLE_USER', parts: [{ text: 'hello' }] };
    const answer = await run('mosquitto_rr', [
      ...common,
      ...['-q', '1', '-i', 'netagent/test/rr'],
      ...['-t', '$a2a/v1/request/netagent/test/one', '-e', '$a2a/v1/reply/netagent/test/rr/1'],
      ...['-D', 'publish', 'correlation-data', 'c1'],
      ...['-m', JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { message } })],
    ]);
    const body = JSON.parse(answer.stdout);
    expect(body).toMatchObject({
      id: 1,
      result: { task: { id: taskId, status: { state: 'TASK_STATE_COMPLETED' } } },
    });
    expect(body.result.task.artifacts[0].parts[0].text).toBe('HELLO');
  } finally {
    for (const agent of agents) await agent.close();
    await bus.close();
  }
});

test('Mosquitto as the broker: who asks is named by its reply topic, and presence is told', async ({
  skip,
}) => {
  if (noBroker) return skip(noBroker);
  const broker = await mosquitto();
  try {
    const executor = recorder();
    const agent = await join(broker.url, 'netagent/test/agent', executor);
    const asker = await join(broker.url, 'netagent/test/asker');
    const client = await asker.client('netagent/test/agent');
    await client.sendMessage(request('over'));
    expect(executor.seen.map(({ user }) => user)).toEqual(['netagent/test/asker']);
    const offline = new Promise<string>((resolve) => {
      asker.onPresence(({ id, status, source }) => status === 'offline' && resolve(`${id} ${source}`));
    });
    await agent.close();
    expect(await offline).toBe('netagent/test/agent agent');
    await asker.close();
  } finally {
    await broker.close();
  }
});
