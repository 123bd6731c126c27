import { type Task, TaskState } from '@a2a-js/sdk';
import { STATE_HEADERS_KEY } from '@a2a-js/sdk/server';
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { agentCard, type JoinOptions, type TokenPolicy } from '../../broker/index.ts';
import type { Log } from '../../machines/ports.ts';
import { env, join, newBus, recorder, request } from './support.ts';

const ID = 'org/unit/agent';
const ISSUER = 'https://issuer.example';

let keys: Awaited<ReturnType<typeof generateKeyPair>>;
let others: typeof keys;
let policy: TokenPolicy;

beforeAll(async () => {
  keys = await generateKeyPair('ES256', { extractable: true });
  others = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' };
  policy = {
    keys: { keys: [jwk] },
    issuer: ISSUER,
    audience: ID,
    scopes: { SendMessage: ['tasks:write'], '*': ['tasks:read'] },
  };
});

interface Minted {
  issuer?: string;
  audience?: string;
  expiresInS?: number;
  notBeforeInS?: number;
  scope?: string;
  claims?: JWTPayload;
  key?: CryptoKey | Uint8Array;
  alg?: string;
}

const mint = (given: Minted = {}) => {
  const now = Math.floor(env.clock.now() / 1_000);
  return new SignJWT({ scope: given.scope ?? 'tasks:read tasks:write', ...given.claims })
    .setProtectedHeader({ alg: given.alg ?? 'ES256', kid: 'k1' })
    .setIssuer(given.issuer ?? ISSUER)
    .setAudience(given.audience ?? ID)
    .setSubject('user-7')
    .setNotBefore(now + (given.notBeforeInS ?? -10))
    .setExpirationTime(now + (given.expiresInS ?? 300))
    .sign((given.key ?? keys.privateKey) as CryptoKey);
};

async function pair(token: JoinOptions['token'], more: Partial<JoinOptions> = {}) {
  const bus = await newBus();
  const executor = recorder();
  const agent = await join(bus, ID, executor, { tokens: policy, ...more });
  const asker = await join(bus, 'org/unit/asker', undefined, token === undefined ? {} : { token });
  onTestFinished(async () => {
    await asker.close();
    await agent.close();
    await bus.close();
  });
  return { client: await asker.client(ID), executor, bus };
}

test('a request with a good token is served, in the name of the agent and the subject of the token', async () => {
  const { client, executor } = await pair(() => mint());
  const task = (await client.sendMessage(request('hello'))) as Task;
  expect(executor.seen).toEqual([{ text: 'hello', user: 'org/unit/asker user-7' }]);
  expect((await client.getTask({ tenant: '', id: task.id, historyLength: undefined })).id).toBe(task.id);
});

const bad: Array<[string, () => Promise<string | undefined>, RegExp]> = [
  ['no token', async () => undefined, /a bearer token is needed/],
  ['of another audience', () => mint({ audience: 'org/unit/other' }), /claim aud/],
  ['of another issuer', () => mint({ issuer: 'https://evil.example' }), /claim iss/],
  ['that has expired', () => mint({ expiresInS: -61 }), /expired/],
  ['that is not valid yet', () => mint({ notBeforeInS: 120 }), /claim nbf/],
  ['of a lower scope', () => mint({ scope: 'tasks:read' }), /lacks the scope tasks:write/],
  ['signed by somebody else', () => mint({ key: others.privateKey }), /cannot be verified/],
  ['that is no token', async () => 'abc', /cannot be verified/],
  [
    'signed with the public key as a secret',
    () => mint({ alg: 'HS256', key: new TextEncoder().encode(JSON.stringify(policy.keys.keys[0])) }),
    /cannot be verified/,
  ],
  [
    'without a signature',
    async () => {
      const [, payload] = (await mint()).split('.');
      return `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    },
    /cannot be verified|is needed/,
  ],
];

test.each(bad)(
  'a request with a token %s is refused, and the refusal does not show it',
  async (_name, token, why) => {
    const lines: string[] = [];
    const note = (...words: unknown[]) => void lines.push(JSON.stringify(words));
    const log: Log = { debug: note, info: note, warn: note, error: note };
    const given = await token();
    const { client, executor } = await pair(async () => given, { env: { ...env, log } });
    const asked = client.sendMessage(request('hello'));
    await expect(asked).rejects.toMatchObject({ code: 'BUS_BINDING_REFUSED' });
    const problem = await asked.catch((error: Error) => `${error.message} ${JSON.stringify(error)}`);
    expect(problem).toMatch(why);
    expect(executor.seen).toEqual([]);
    if (given !== undefined && given.length > 10) {
      for (const part of given.split('.').filter((text) => text.length > 10)) {
        expect(problem).not.toContain(part);
        expect(lines.join('\n')).not.toContain(part);
      }
    }
  },
);

test('clocks may differ by the leeway, and not by more', async () => {
  const { client } = await pair(() => mint({ expiresInS: -30 }));
  await expect(client.sendMessage(request('hello'))).resolves.toBeDefined();
  const far = await pair(() => mint({ expiresInS: -600 }), { tokens: { ...policy, leewayS: 1e9 } });
  await expect(far.client.sendMessage(request('hello'))).rejects.toThrow(/expired/);
});

test('the token is not handed to whoever works on the task', async () => {
  const seen: string[] = [];
  const inner = recorder();
  const { client } = await pair(() => mint(), {
    executor: {
      execute(context, bus) {
        seen.push(JSON.stringify([...context.context.state.values()]));
        seen.push(JSON.stringify(context.context.state.get(STATE_HEADERS_KEY)));
        return inner.execute(context, bus);
      },
      cancelTask: (id, bus) => inner.cancelTask(id, bus),
    },
  });
  await client.sendMessage(request('hello'));
  expect(seen).toHaveLength(2);
  expect(seen.join()).not.toMatch(/Bearer|eyJ/);
});

test('two subjects behind one agent do not see tasks of each other', async () => {
  let sub = 'user-7';
  const { client } = await pair(() =>
    mint({ claims: {} }).then(async (token) => (sub === 'user-7' ? token : other())),
  );
  const other = () =>
    new SignJWT({ scope: 'tasks:read tasks:write' })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer(ISSUER)
      .setAudience(ID)
      .setSubject('user-8')
      .setExpirationTime('5m')
      .sign(keys.privateKey);
  const task = (await client.sendMessage(request('hello'))) as Task;
  sub = 'user-8';
  await expect(client.getTask({ tenant: '', id: task.id, historyLength: undefined })).rejects.toMatchObject({
    envelopeCode: -32001,
  });
  const all = {
    tenant: '',
    contextId: '',
    status: TaskState.TASK_STATE_UNSPECIFIED,
    pageToken: '',
    statusTimestampAfter: undefined,
  };
  expect((await client.listTasks(all)).tasks).toEqual([]);
});

test('the extended card is only for requests with a token', async () => {
  const card = agentCard({
    id: ID,
    name: 'a',
    description: 'a',
    version: '1',
    skills: [],
    mqttUrl: 'mqtt://127.0.0.1',
  });
  const offers = {
    card: { ...card, capabilities: { ...card.capabilities, extendedAgentCard: true } } as typeof card,
    extendedCard: () => ({ ...card, description: 'With more skills.' }),
  };
  const { client } = await pair(() => mint(), offers);
  expect((await client.getAgentCard()).description).toBe('With more skills.');
  const { tokens: _, ...open } = { tokens: policy, ...offers };
  const bus = await newBus();
  const agent = await join(bus, ID, recorder(), open);
  const asker = await join(bus, 'org/unit/asker');
  onTestFinished(async () => {
    await asker.close();
    await agent.close();
    await bus.close();
  });
  await expect((await asker.client(ID)).getAgentCard()).rejects.toMatchObject({
    code: 'BUS_BINDING_REFUSED',
  });
});
