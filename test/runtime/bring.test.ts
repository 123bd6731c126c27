import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AgentCard, Task } from '@a2a-js/sdk';
import { TaskState } from '@a2a-js/sdk';
import { DefaultRequestHandler, InMemoryTaskStore } from '@a2a-js/sdk/server';
import { agentCardHandler, jsonRpcHandler, UserBuilder } from '@a2a-js/sdk/server/express';
import express from 'express';
import { expect, onTestFinished, test, vi } from 'vitest';
import { Admission, agentCard } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import { openStore } from '../../src/durable/index.ts';
import { bringAll } from '../../src/runtime/bring.ts';
import { env, join, newBus, recorder, request } from '../bus/support.ts';
import { temporaryFolder } from '../bus/task-support.ts';

const ID = 'partners/remote/echo';

/** Pauses between tries are short here; what limits an answer is not. */
const hasty: Env = {
  ...env,
  clock: { ...env.clock, setTimeout: (fn, ms) => setTimeout(fn, ms < 9_000 ? ms / 200 : ms) },
};

async function remote() {
  const app = express();
  const server = createServer(app);
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const base = agentCard({ id: ID, name: 'Echo', description: '-', version: '1', skills: [], mqttUrl: '' });
  const card: AgentCard = {
    ...base,
    supportedInterfaces: [
      { url: `${url}/rpc`, protocolBinding: 'JSONRPC', protocolVersion: '1.0', tenant: '' },
    ],
  };
  const inner = recorder();
  const executor = {
    ...inner,
    execute: (context: Parameters<typeof inner.execute>[0], bus: Parameters<typeof inner.execute>[1]) => {
      context.context.state.set('headers', {});
      return inner.execute(context, bus);
    },
  };
  const handler = new DefaultRequestHandler(card, new InMemoryTaskStore(), executor);
  app.use('/.well-known/agent-card.json', agentCardHandler({ agentCardProvider: handler }));
  app.use('/rpc', jsonRpcHandler({ requestHandler: handler, userBuilder: UserBuilder.noAuthentication }));
  app.use('/moved', (_request, response) => response.redirect(`${url}/.well-known/agent-card.json`));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  return { url, port, listen, stop };
}

async function scene(url: string) {
  const bus = await newBus();
  const store = openStore({ dir: temporaryFolder() });
  const asker = await join(bus, 'org/unit/asker', undefined, { patienceMs: 5_000 });
  const brought = bringAll({
    env: hasty,
    bus: { via: bus, mqttUrl: bus.mqttUrl },
    store,
    admission: new Admission({ clock: env.clock }),
    agents: [{ url, id: ID }],
  });
  onTestFinished(async () => {
    await brought.close();
    await asker.close();
    await bus.close();
    store.close();
  });
  return { asker };
}

test('an agent elsewhere that is down at the start is on the bus when it is back, and does its work', async () => {
  const { url, port, listen, stop } = await remote();
  onTestFinished(() => stop().catch(() => undefined));
  await stop();
  const { asker } = await scene(url);
  expect(asker.agents().map(({ id }) => id)).not.toContain(ID);
  await listen(port);
  const task = (await (await asker.client(ID)).sendMessage(request('hello'))) as Task;
  expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
  expect(JSON.stringify(task.artifacts)).toContain('HELLO');
});

test('nobody is followed to another address', async () => {
  const { url, stop } = await remote();
  onTestFinished(stop);
  const asked = vi.spyOn(globalThis, 'fetch');
  onTestFinished(() => asked.mockRestore());
  const { asker } = await scene(`${url}/moved/card.json`);
  await vi.waitFor(() => expect(asked.mock.calls.length).toBeGreaterThan(2), { timeout: 10_000 });
  expect(asker.agents().map(({ id }) => id)).not.toContain(ID);
});
