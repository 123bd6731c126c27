import { expect, test } from 'vitest';
import { testEnv } from './support/env.ts';
import { client, counting, eventually, passing, toolServer } from './support/life.ts';
import { countingPcf, realNrf } from './support/nfs.ts';

const NAME = 'policy_count_things';

async function setting() {
  const env = testEnv();
  const nrf = await realNrf(env);
  const [a, b] = [await countingPcf(nrf, 1, 3), await countingPcf(nrf, 2, 4)];
  // One is there before the tool server looks.
  await a.publish([counting()]);
  const made = await toolServer(
    { watchNrf: true, times: { maxFailures: 1, graceMs: 500, memoryMs: 10_000 } },
    { env, nrf: nrf.url },
  );
  const agent = await client(made.server.url);
  const state = (wanted: string, providers?: number) =>
    eventually(
      () => made.life.tools()[0],
      (tool) => tool?.state === wanted && (providers === undefined || tool.providers.length === providers),
    );
  await state('available');
  const count = async () => (await passing(env, agent.callTool(NAME, { supi: 'a' }))).output;
  return { ...made, nrf, a, b, agent, state, count };
}

test('tools that NFs publish in their profiles appear, move to a redundant NF, and go with the last one', async () => {
  const { env, a, b, agent, state, count, life } = await setting();
  await eventually(agent.names, (names) => names.includes(NAME));
  expect(await count()).toEqual({ count: 3 });
  await b.publish([counting()]);
  await state('available', 2);
  await a.leave();
  expect((await state('available', 1))?.providers).toEqual([b.id]);
  // The client did nothing, and the next call is answered by the other NF.
  expect(await count()).toEqual({ count: 4 });
  await b.leave();
  expect(await state('deprecated')).toMatchObject({ reason: 'it is no longer registered in the NRF' });
  env.pass(500);
  expect(life.tools()).toMatchObject([{ state: 'withdrawn' }]);
  await eventually(agent.names, (names) => !names.includes(NAME));
  await a.publish([counting()]);
  await state('available');
  expect(await count()).toEqual({ count: 3 });
});

test('an NF whose process is gone, though registered, makes room for the redundant one', async () => {
  const { a, b, count, state, life } = await setting();
  await b.publish([counting()]);
  await state('available', 2);
  expect(await count()).toEqual({ count: 3 });
  await a.stop();
  expect(await count()).toEqual({ count: 4 });
  expect(life.tools()).toMatchObject([{ state: 'available', providers: [b.id] }]);
});

test('probes find an NF that answers with errors, and take it up again when it works', async () => {
  const { a, count, life } = await setting();
  a.state.works = false;
  await life.check();
  expect(life.tools()).toMatchObject([{ state: 'deprecated', reason: `${a.id} fails its probes` }]);
  a.state.works = true;
  await life.check();
  expect(life.tools()).toMatchObject([{ state: 'available' }]);
  expect(await count()).toEqual({ count: 3 });
});

test('an update of the profile changes the tools: new version taken, left out ones removed', async () => {
  const { a, agent, state, life } = await setting();
  await a.publish([
    counting({ description: 'Counts the things of a subscriber, exactly.' }, { version: '1.1' }),
  ]);
  await eventually(
    () => life.tools()[0]?.version,
    (version) => version === '1.1',
  );
  await a.publish([]);
  expect(await state('withdrawn')).toMatchObject({ reason: 'removed by its provider' });
  expect(await agent.text(NAME, { supi: 'a' })).toContain('was withdrawn');
});

test('an NF binds tools to itself only, and one bad tool does not stop the others', async () => {
  const { env, b, life } = await setting();
  const foreign = counting({ name: 'policy_drop', binding: { ...counting().binding, nf: 'AMF' } });
  await b.publish([foreign, { nonsense: true }, counting()]);
  await eventually(
    () => life.tools()[0]?.providers.length,
    (providers) => providers === 2,
  );
  expect(life.tools().map(({ name }) => name)).toEqual([NAME]);
  const refused = env.lines.filter(({ message }) => message === 'published tool is not valid');
  expect(refused.map(({ fields }) => JSON.stringify(fields))).toEqual([
    expect.stringContaining('cannot bind a tool to AMF'),
    expect.stringContaining('name'),
  ]);
});

test('an NF that misses its heart-beats is suspended by the NRF, and its tool deprecated', async () => {
  const { env, a, state } = await setting();
  await a.publish([counting()], { heartBeatTimer: 1 });
  env.pass(2_000);
  expect(await state('deprecated')).toMatchObject({ reason: 'its status in the NRF is SUSPENDED' });
});

test('a subscription that the NRF has lost is made anew at the next look at everything', async () => {
  const { a, nrf, life, state } = await setting();
  await nrf.client.request({
    nf: 'NRF',
    base: nrf.url,
    method: 'DELETE',
    path: '/nnrf-nfm/v1/subscriptions/sub1',
  });
  await a.leave();
  expect(life.tools()).toMatchObject([{ state: 'available' }]);
  await life.check();
  await state('deprecated');
  await a.publish([counting()]);
  await state('available');
});
