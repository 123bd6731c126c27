import { randomUUID } from 'node:crypto';
import { type AgentExecutor, STATE_HEADERS_KEY } from '@a2a-js/sdk/server';
import { CompactEncrypt, exportJWK, generateKeyPair, type JWK } from 'jose';
import { beforeAll, expect, test } from 'vitest';
import type { Outgoing } from '../../broker/a2a/link.ts';
import { Ubsp } from '../../broker/a2a/security/ubsp.ts';
import { AGENT, ASKER, between, type Hand } from './between.ts';
import { env, recorder, request } from './support.ts';

/** What a broker that is not trusted can try with messages that it cannot read. */

type Key = JWK & { kid: string };
let keys: Record<string, Key>;
beforeAll(async () => {
  const make = async (kid: string): Promise<Key> => {
    const { privateKey } = await generateKeyPair('ECDH-ES', { crv: 'P-256', extractable: true });
    return { ...(await exportJWK(privateKey)), kid };
  };
  keys = { [AGENT]: await make('a'), [ASKER]: await make('b') };
});
const open = (agent: string): JWK => {
  const { d: _, ...key } = keys[agent] as Key;
  return key;
};
const sealing = (self: string) =>
  new Ubsp(self, { key: keys[self] as Key, keyOf: async (agent) => open(agent), required: true }, env);

const retold = (message: Outgoing, more: Record<string, string>): Outgoing => ({
  ...message,
  properties: {
    ...message.properties,
    userProperties: { ...message.properties?.userProperties, ...more },
  },
});

/** The items of one stream, with these replies meddled with (by number, from 1). */
async function streamed(meddle: Record<number, Hand>): Promise<unknown[]> {
  let n = 0;
  const reply: Hand = (message) => {
    n += 1;
    return meddle[n]?.(message) ?? message;
  };
  const { client } = between({ executor: recorder(), reply, ubsp: [sealing(ASKER), sealing(AGENT)] });
  const items: unknown[] = [];
  for await (const { payload } of (await client).sendMessageStream(request('x'))) items.push(payload?.$case);
  return items;
}
const WHOLE = ['task', 'statusUpdate', 'artifactUpdate', 'statusUpdate'];

/** Made with no more than public keys. */
const forge = async (text: string) =>
  new CompactEncrypt(Buffer.from(text))
    .setProtectedHeader({
      alg: 'ECDH-ES',
      enc: 'A256GCM',
      iss: AGENT,
      aud: ASKER,
      exp: Math.floor(env.clock.now() / 1_000) + 60,
      jti: randomUUID(),
      a2a: { 'a2a-stream-end': 'true' },
    } as never)
    .encrypt(open(ASKER));

test.each([
  ['nothing', ''],
  ['no id', '{"jsonrpc":"2.0"}'],
  ['a guessed id', '{"jsonrpc":"2.0","id":1}'],
])('a stream is not ended by a forged marker that says %s', async (_what, text) => {
  const marker: Hand = async (message) => [
    retold({ ...message, payload: await forge(text) }, { 'a2a-stream-end': 'true' }),
    message,
  ];
  expect(await streamed({ 3: marker })).toEqual(WHOLE);
});

test('an item that was taken away is missed, however the others are numbered', async () => {
  const renumber: Hand = (message) => retold(message, { 'a2a-seq': '3' });
  expect(await streamed({ 3: () => [], 4: renumber })).toEqual(WHOLE);
});

test('no item ends the stream because the broker says so', async () => {
  expect(await streamed({ 2: (message) => retold(message, { 'a2a-stream-end': 'true' }) })).toEqual(WHOLE);
});

test('a request is served by the properties that its sender gave it', async () => {
  const headers: unknown[] = [];
  const inner = recorder();
  const executor: AgentExecutor = {
    execute: (context, bus) => {
      headers.push(context.context.state.get(STATE_HEADERS_KEY));
      return inner.execute(context, bus);
    },
    cancelTask: (id, bus) => inner.cancelTask(id, bus),
  };
  const meddled: Hand = (message) =>
    retold(message, { 'a2a-version': '0.3', 'x-given': 'other', 'x-new': 'y' });
  const { client } = between({ executor, request: meddled, ubsp: [sealing(ASKER), sealing(AGENT)] });
  await (await client).sendMessage(request('x'), { serviceParameters: { 'x-given': 'kept' } });
  expect(headers).toMatchObject([{ 'a2a-version': '1.0', 'x-given': 'kept' }]);
  expect(headers[0]).not.toHaveProperty('x-new');
});
