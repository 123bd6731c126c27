import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { Role, type Task, TaskState } from '@a2a-js/sdk';
import { type Client, ClientFactory } from '@a2a-js/sdk/client';
import { expect, onTestFinished, test } from 'vitest';
import { freshDataDir, NOW, ROOT, SENTENCE } from './run-cli.ts';

/** A runtime in a process of its own, and its address when it is ready. */
async function started(data: string): Promise<{ child: ChildProcess; a2a: string }> {
  const child = spawn(
    process.execPath,
    [
      'src/cli/main.ts',
      ...['start', '--json', '--seed', '1', '--now', NOW, '--timezone', 'Asia/Shanghai'],
      ...['--data', data, '--port', '0', '--mqtt-port', '0', '--ws-port', '0'],
    ],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout! })) {
    const { ready } = JSON.parse(line) as { ready?: boolean; console: string };
    if (ready) return { child, a2a: (JSON.parse(line) as { console: string }).console };
  }
  throw new Error('the runtime ended before it was ready');
}

const ask = () => ({
  tenant: '',
  message: {
    messageId: 'm1',
    contextId: '',
    taskId: '',
    role: Role.ROLE_USER,
    parts: [
      {
        content: { $case: 'text' as const, value: SENTENCE },
        metadata: undefined,
        filename: '',
        mediaType: '',
      },
    ],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  },
  configuration: undefined,
  metadata: undefined,
});

const outcome = async (client: Client, id: string): Promise<Task> => {
  let task = await client.getTask({ tenant: '', id });
  if (
    task.status?.state === TaskState.TASK_STATE_WORKING ||
    task.status?.state === TaskState.TASK_STATE_SUBMITTED
  ) {
    for await (const _ of client.resubscribeTask({ tenant: '', id }));
    task = await client.getTask({ tenant: '', id });
  }
  return task;
};

test('a journey whose runtime is killed ends after the restart, under its id and once', async () => {
  const data = freshDataDir();
  const first = await started(data);
  const client = await new ClientFactory().createFromUrl(first.a2a);
  let id = '';
  for await (const { payload } of client.sendMessageStream(ask())) {
    if (payload?.$case === 'task') id = payload.value.id;
    const text =
      payload?.$case === 'statusUpdate' ? payload.value.status?.message?.parts[0]?.content?.value : '';
    if (String(text).startsWith('Plan of')) break;
  }
  const gone = new Promise((resolve) => first.child.once('exit', resolve));
  first.child.kill('SIGKILL');
  await gone;
  const second = await started(data);
  const again = await new ClientFactory().createFromUrl(second.a2a);
  const task = await outcome(again, id);
  expect(task.status?.state).toBe(TaskState.TASK_STATE_COMPLETED);
  expect(task.artifacts).toHaveLength(1);
  expect(task.history.filter(({ role }) => role === Role.ROLE_USER)).toHaveLength(1);
  const ended = new Promise((resolve) => second.child.once('exit', resolve));
  second.child.kill('SIGTERM');
  expect(await ended).toBe(0);
}, 120_000);
