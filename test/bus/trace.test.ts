import { STATE_HEADERS_KEY } from '@a2a-js/sdk/server';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { childOf, isTraceparent } from '../../broker/a2a/trace.ts';
import { join, newBus, recorder, request } from './support.ts';

const GIVEN = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

async function chain() {
  const bus = await newBus();
  const heard: Array<string | undefined> = [];
  const listening = () => {
    const inner = recorder();
    return {
      execute(context: Parameters<typeof inner.execute>[0], out: Parameters<typeof inner.execute>[1]) {
        const headers = context.context.state.get(STATE_HEADERS_KEY) as Record<string, string>;
        heard.push(headers.traceparent);
        return inner.execute(context, out);
      },
      cancelTask: inner.cancelTask,
    };
  };
  const far = await join(bus, 'org/unit/far', listening());
  const near = listening();
  const middle = await join(bus, 'org/unit/middle', {
    async execute(context, out) {
      // Asks another agent, as one that works on a task does.
      await (await middle.client('org/unit/far')).sendMessage(request('onward'));
      await near.execute(context, out);
    },
    cancelTask: near.cancelTask,
  });
  const asker = await join(bus, 'org/unit/asker');
  onTestFinished(async () => {
    for (const member of [asker, middle, far]) await member.close();
    await bus.close();
  });
  return { client: await asker.client('org/unit/middle'), heard };
}

const traceOf = (text: string | undefined) => text?.split('-')[1];
const spanOf = (text: string | undefined) => text?.split('-')[2];

test('one trace goes through all agents, each request a span of its own', async () => {
  const { client, heard } = await chain();
  await client.sendMessage(request('hello'), { serviceParameters: { traceparent: GIVEN } });
  const [far, middle] = heard;
  expect(middle).toBe(GIVEN);
  expect(traceOf(far)).toBe(traceOf(GIVEN));
  expect(spanOf(far)).not.toBe(spanOf(GIVEN));
});

test('without one, or with a malformed one, a request begins a trace', async () => {
  const { client, heard } = await chain();
  await client.sendMessage(request('hello'));
  await client.sendMessage(request('hello'), { serviceParameters: { traceparent: 'nonsense' } });
  expect(heard).toHaveLength(4);
  for (const each of heard) expect(isTraceparent(each)).toBe(true);
  expect(traceOf(heard[0])).toBe(traceOf(heard[1]));
  expect(traceOf(heard[2])).toBe(traceOf(heard[3]));
  expect(traceOf(heard[0])).not.toBe(traceOf(heard[2]));
});

test.each([
  ['', false],
  [GIVEN, true],
  [`${GIVEN}-more`, false],
  [`01${GIVEN.slice(2)}-more`, true],
  [`ff${GIVEN.slice(2)}`, false],
  [GIVEN.toUpperCase(), false],
  ['00-00000000000000000000000000000000-00f067aa0ba902b7-01', false],
  ['00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01', false],
])('traceparent %j: %s', (text, good) => {
  expect(isTraceparent(text)).toBe(good);
});

test('a child is well-formed whatever its parent was', () => {
  fc.assert(
    fc.property(fc.string(), fc.uuid({ version: 4 }), (parent, uuid) => {
      expect(isTraceparent(childOf(parent, uuid))).toBe(true);
    }),
  );
});
