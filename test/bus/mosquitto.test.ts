import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { promisify } from 'node:util';
import type { Task } from '@a2a-js/sdk';
import { expect, test } from 'vitest';
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

test('Mosquitto as the broker: join by URL, ask, stream, presence', async ({ skip }) => {
  if (noBroker) return skip(noBroker);
  const folder = mkdtempSync(path(tmpdir(), 'mosquitto-'));
  const port = await freePort();
  const config = path(folder, 'mosquitto.conf');
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\n`);
  const broker = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
  try {
    const url = `mqtt://127.0.0.1:${port}`;
    const executor = recorder();
    const agent = await join(url, 'netagent/test/agent', executor);
    const asker = await join(url, 'netagent/test/asker');
    const client = await asker.client('netagent/test/agent');
    const task = (await client.sendMessage(request('over'))) as Task;
    expect(task.artifacts[0]?.parts[0]?.content).toEqual({ $case: 'text', value: 'OVER' });
    const seen: Array<string | undefined> = [];
    for await (const { payload } of client.sendMessageStream(request('again'))) seen.push(payload?.$case);
    expect(seen).toEqual(['task', 'statusUpdate', 'artifactUpdate', 'statusUpdate']);
    expect(executor.seen.map(({ user }) => user)).toEqual(['netagent/test/asker', 'netagent/test/asker']);
    const offline = new Promise<string>((resolve) => {
      asker.onPresence(({ id, status, source }) => status === 'offline' && resolve(`${id} ${source}`));
    });
    await agent.close();
    expect(await offline).toBe('netagent/test/agent agent');
    await asker.close();
  } finally {
    broker.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
