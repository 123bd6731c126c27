import { type StreamResponse, TaskState } from '@a2a-js/sdk';
import { AgentEvent, type AgentExecutor } from '@a2a-js/sdk/server';
import { expect, test } from 'vitest';
import type { Outgoing } from '../../broker/a2a/link.ts';
import { between, type Hand } from './between.ts';
import { recorder, request } from './support.ts';

const executor: AgentExecutor = {
  async execute({ taskId, contextId }, bus) {
    const ids = { taskId, contextId, metadata: undefined };
    const status = (state: TaskState) =>
      AgentEvent.statusUpdate({ ...ids, status: { state, message: undefined, timestamp: undefined } });
    bus.publish(status(TaskState.TASK_STATE_WORKING));
    const content = { $case: 'raw' as const, value: Buffer.alloc(1_000, 7) };
    const part = { content, metadata: undefined, filename: '', mediaType: '' };
    const artifact = {
      artifactId: 'a',
      name: '',
      description: '',
      parts: [part],
      metadata: undefined,
      extensions: [],
    };
    bus.publish(AgentEvent.artifactUpdate({ ...ids, artifact, append: false, lastChunk: true }));
    bus.publish(status(TaskState.TASK_STATE_COMPLETED));
  },
  async cancelTask() {},
};
const isBytes = ({ properties }: Outgoing) => properties?.userProperties?.['a2a-event-type'] !== undefined;

async function streamed(agent: AgentExecutor, reply: Hand) {
  let requests = 0;
  const request_: Hand = (message) => {
    requests += 1;
    return message;
  };
  const { client } = between({ executor: agent, request: request_, reply, binaryArtifacts: true });
  const items: StreamResponse[] = [];
  const stream = async () => {
    for await (const item of (await client).sendMessageStream(request('x'))) items.push(item);
  };
  const failure = await stream().then(
    () => undefined,
    (error) => error.code,
  );
  return { items: items.map(({ payload }) => payload?.$case), failure, requests };
}

const WHOLE = ['task', 'statusUpdate', 'artifactUpdate', 'statusUpdate'];

test('an item that was lost comes when the rest is asked for', async () => {
  let lost = 0;
  const once: Hand = (message) => (isBytes(message) && lost++ === 0 ? [] : message);
  expect(await streamed(executor, once)).toEqual({ items: WHOLE, failure: undefined, requests: 2 });
  const all = Array.from({ length: 4 }, (_, n) => n + 1);
  for (const gone of all.slice(1, 3)) {
    let n = 0;
    const nth: Hand = (message) => {
      n += 1;
      return n === gone ? [] : message;
    };
    expect((await streamed(recorder(), nth)).items).toEqual(WHOLE);
  }
});

test('an item that never comes whole ends the stream, instead of being asked for without end', async () => {
  const never: Hand = (message) => (isBytes(message) ? [] : message);
  expect(await streamed(executor, never)).toEqual({
    items: WHOLE.slice(0, 2),
    failure: 'BUS_REPLY_INVALID',
    requests: 5,
  });
});
