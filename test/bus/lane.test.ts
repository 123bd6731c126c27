import { expect, onTestFinished, test, vi } from 'vitest';
import { openLink } from '../../broker/a2a/link.ts';
import { type Bus, startBus } from '../../broker/index.ts';
import { env, join, newBus, recorder, request } from './support.ts';

const AGENT = 'org/unit/agent';
const REQUESTS = `$a2a/v1/request/${AGENT}`;
const REPLIES = '$a2a/v1/reply/org/unit/asker/1';

/** A bus that notes the bytes of the streams of its links. */
function watching(bus: Bus) {
  const bytes: string[] = [];
  const streams: Array<{ destroy(): unknown }> = [];
  const watched: Bus = {
    ...bus,
    connectInProcess(role) {
      const stream = bus.connectInProcess(role);
      streams.push(stream);
      stream.on('data', (chunk: Buffer) => bytes.push(chunk.toString('latin1')));
      const write = stream.write.bind(stream);
      stream.write = ((chunk: Buffer, ...rest: never[]) => {
        bytes.push(Buffer.from(chunk).toString('latin1'));
        return write(chunk, ...rest);
      }) as typeof stream.write;
      return stream;
    },
  };
  return { watched, bytes, streams };
}

async function started(limits: Partial<Parameters<typeof startBus>[0]> = {}) {
  const bus = await startBus({ env, host: '127.0.0.1', tcpPort: 0, wsPort: 0, ...limits });
  onTestFinished(() => bus.close());
  return bus;
}

async function linked(via: Bus, clientId: string, filters: string[] = []) {
  const link = openLink({ clientId, via, will: undefined, log: env.log });
  onTestFinished(() => link.end());
  const got: string[] = [];
  link.onMessage(({ payload }) => got.push(payload.toString()));
  await new Promise<void>((resolve) => link.onState(({ type }) => type === 'CONNECTED' && resolve()));
  if (filters.length > 0) await link.subscribe(filters);
  return { link, got };
}

const ask = (payload: string) => ({
  topic: REQUESTS,
  payload,
  properties: { responseTopic: REPLIES, correlationData: Buffer.from('1') },
});

test('requests, replies and cards of members in one process are never bytes', async () => {
  const bus = await newBus();
  onTestFinished(() => bus.close());
  const { watched, bytes } = watching(bus);
  const executor = recorder();
  const agent = await join(watched, AGENT, executor);
  const asker = await join(watched, 'org/unit/asker');
  const answer = await (await asker.client(AGENT)).sendMessage(request('unwritten'));
  expect(JSON.stringify(answer)).toContain('UNWRITTEN');
  expect(executor.stamps).toEqual(['org/unit/asker']);
  await asker.close();
  await agent.close();
  const wire = bytes.join('');
  expect(wire).toContain(REQUESTS); // the SUBSCRIBE
  expect(wire).not.toMatch(/unwritten|a2a-client-id|a2a-status-source agent/i);
});

test('the guard judges a message that is no bytes as any other', async () => {
  const bus = await started({ maxPacketBytes: 10_000 });
  const { got } = await linked(bus, AGENT, [REQUESTS]);
  const { link } = await linked(bus, 'org/unit/asker');
  await expect(link.publish({ topic: '$a2a/v1/event/org/unit/other', payload: '{}' })).rejects.toThrow(
    'BUS_REFUSED',
  );
  await expect(link.publish({ ...ask('x'), properties: { responseTopic: REQUESTS } })).rejects.toThrow(
    'BUS_REFUSED',
  );
  await expect(link.publish(ask('x'.repeat(10_001)))).rejects.toThrow('too large');
  await link.publish(ask('taken'));
  await vi.waitFor(() => expect(got).toEqual(['taken']));
  expect(Object.fromEntries(bus.refusals())).toMatchObject({
    'foreign-topic': 1,
    'response-topic-foreign': 1,
  });
});

test('what is delivered when the connection is lost waits for the next one, in order', async () => {
  const bus = await started();
  const { watched, streams } = watching(bus);
  const { got } = await linked(watched, AGENT, [REQUESTS]);
  const { link } = await linked(bus, 'org/unit/asker');
  await link.publish(ask('1'));
  await vi.waitFor(() => expect(got).toEqual(['1']));
  const sent = ['2', '3', '4', '5'].map((payload, i) => {
    if (i === 2) streams[0]?.destroy();
    return link.publish(ask(payload));
  });
  await Promise.all(sent);
  await vi.waitFor(() => expect(got).toEqual(['1', '2', '3', '4', '5']), 3_000);
  expect(streams).toHaveLength(2);
});

test('what is published before there is a connection waits for it; after the end it is refused', async () => {
  const bus = await started();
  const { got } = await linked(bus, AGENT, [REQUESTS]);
  const link = openLink({ clientId: 'org/unit/asker', via: bus, will: undefined, log: env.log });
  const early = [link.publish(ask('1')), link.publish(ask('2'))];
  await Promise.all(early);
  await vi.waitFor(() => expect(got).toEqual(['1', '2']));
  await link.end();
  await expect(link.publish(ask('3'))).rejects.toMatchObject({ code: 'BUS_CLOSED' });
  const never = openLink({ clientId: 'no id', via: bus, will: undefined, log: env.log });
  await expect(never.publish(ask('4'))).rejects.toMatchObject({ code: 'BUS_CLOSED' });
});
