import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { canonicalizeAgentCard, verifyAgentCardSignature } from '@a2a-js/sdk';
import fc from 'fast-check';
import { exportJWK, FlattenedSign, generateKeyPair, importJWK, type JWK } from 'jose';
import mqtt from 'mqtt';
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { cardJson } from '../../broker/a2a/card.ts';
import { canonical, judgeCard, signedText } from '../../broker/a2a/security/card-signature.ts';
import {
  Admission,
  type AdmissionOptions,
  agentCard,
  type BusMember,
  joinBus,
  type Registration,
  signCard,
  startDispatcher,
  type TrustedKey,
} from '../../broker/index.ts';
import { env, join, newBus, recorder, request } from './support.ts';

const ID = 'org/unit/agent';
const SOON = { timeout: 10_000, interval: 5 };
const NOW = env.clock.now();

let key: JWK;
let trusted: TrustedKey;
let stranger: JWK;

beforeAll(async () => {
  const make = async (kid: string) => {
    const pair = await generateKeyPair('ES256', { extractable: true });
    return {
      key: { ...(await exportJWK(pair.privateKey)), kid, alg: 'ES256' },
      trusted: { ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' },
    };
  };
  ({ key, trusted } = await make('ops-1'));
  ({ key: stranger } = await make('evil-1'));
});

const plain = (more: object = {}) =>
  agentCard({
    id: ID,
    name: 'agent',
    description: 'Does – things.',
    version: '1.0.0',
    skills: [{ id: 's', name: 'S', description: 'A skill.', tags: ['t'] }],
    mqttUrl: 'mqtt://127.0.0.1:1883',
    ...more,
  });

/** The card as another member reads it from the bus. */
const overTheBus = async (signing?: JWK) => {
  const card = signing === undefined ? plain() : await signCard(plain(), signing);
  return JSON.parse(JSON.stringify(cardJson(card))) as Record<string, unknown> & { signatures: unknown[] };
};
const judge = (card: Record<string, unknown>, keys: TrustedKey[] = [trusted], id = ID) =>
  judgeCard(id, card, new Map(keys.map((each) => [each.kid, each])), NOW);

test('a signed card is trusted after its way over the bus, and the SDK verifies it too', async () => {
  const card = await overTheBus(key);
  expect(await judge(card)).toEqual({ trust: 'trusted', reason: 'signed by ops-1', kid: 'ops-1' });
  expect(signedText(card)).toBe(canonicalizeAgentCard(card as never));
  await verifyAgentCardSignature(async () => (await importJWK(trusted, 'ES256')) as never)(card as never);
  expect((await judge(await overTheBus())).trust).toBe('unsigned');
});

test('a canonical text has one order of names, whatever the order was', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const shuffled = JSON.parse(JSON.stringify(value), (_, each) =>
        each !== null && typeof each === 'object' && !Array.isArray(each)
          ? Object.fromEntries(Object.entries(each).reverse())
          : each,
      );
      expect(canonical(shuffled)).toBe(canonical(JSON.parse(JSON.stringify(value))));
      expect(JSON.parse(canonical(value))).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

const header = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64url');

const forged: Array<[string, () => Promise<Record<string, unknown>>, TrustedKey[]?]> = [
  ['changed after it was signed', async () => ({ ...(await overTheBus(key)), description: 'Does worse.' })],
  ['with its skills gone', async () => ({ ...(await overTheBus(key)), skills: [] })],
  ['signed by a key that nobody knows', () => overTheBus(stranger)],
  ['signed by a stranger under a known name', () => overTheBus({ ...stranger, kid: 'ops-1' })],
  [
    'that says alg none',
    async () => ({
      ...(await overTheBus()),
      signatures: [{ protected: header({ alg: 'none', kid: 'ops-1', typ: 'JOSE' }), signature: '' }],
    }),
  ],
  [
    'signed with the public key as a secret (HS256)',
    async () => {
      const card = await overTheBus();
      const secret = new TextEncoder().encode(JSON.stringify(trusted));
      const jws = await new FlattenedSign(new TextEncoder().encode(signedText(card)))
        .setProtectedHeader({ alg: 'HS256', kid: 'ops-1', typ: 'JOSE' })
        .sign(secret);
      return { ...card, signatures: [{ protected: jws.protected, signature: jws.signature }] };
    },
  ],
  [
    'with signatures that are none',
    async () => ({ ...(await overTheBus()), signatures: [null, 7, {}, 'x'] }),
  ],
];

test.each(forged)('a card %s is not trusted', async (_name, make) => {
  expect(await judge(await make())).toMatchObject({ trust: 'untrusted' });
});

test.each([
  ['is no longer good', { exp: NOW / 1_000 - 1 }],
  ['is not good yet', { nbf: NOW / 1_000 + 60 }],
  ['is for other agents', { agents: ['org/other/*', 'org/unit/b'] }],
])('a card is not trusted when its key %s', async (_name, limits) => {
  expect((await judge(await overTheBus(key), [{ ...trusted, ...limits }])).trust).toBe('untrusted');
});

test('a key for a unit signs for its agents', async () => {
  expect((await judge(await overTheBus(key), [{ ...trusted, agents: ['org/unit/*'] }])).trust).toBe(
    'trusted',
  );
});

test('the address of a key in a card is never called', async () => {
  let calls = 0;
  const server = createServer((_request, response) => {
    calls += 1;
    response.end('{"keys":[]}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const jku = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  const card = await overTheBus();
  const jws = await new FlattenedSign(new TextEncoder().encode(signedText(card)))
    .setProtectedHeader({ alg: 'ES256', kid: 'evil-1', typ: 'JOSE', jku })
    .sign(await importJWK(stranger, 'ES256'));
  const signatures = [{ protected: jws.protected, signature: jws.signature }];
  expect((await judge({ ...card, signatures })).trust).toBe('untrusted');
  expect(calls).toBe(0);
});

async function onBus(options: Omit<AdmissionOptions, 'clock'>) {
  const bus = await newBus();
  const closing: Array<{ close(): Promise<void> }> = [];
  onTestFinished(async () => {
    await Promise.all(closing.map((each) => each.close()));
    await bus.close();
  });
  const admission = new Admission({ clock: env.clock, ...options });
  const add = async <T extends { close(): Promise<void> }>(member: Promise<T>): Promise<T> => {
    closing.push(await member);
    return member;
  };
  const asker: BusMember = await add(join(bus, 'org/unit/asker', undefined, { admission }));
  const agent = (more: object = {}) =>
    add(
      joinBus({
        id: ID,
        via: bus,
        card: plain({ mqttUrl: bus.mqttUrl }),
        executor: recorder(),
        env,
        ...more,
      }),
    );
  const seen = () => vi.waitFor(() => expect(asker.agents().map(({ id }) => id)).toContain(ID), SOON);
  return { bus, admission, asker, agent, seen, add };
}

test('where signatures are required an unsigned agent is listed and not asked, a signed one is', async () => {
  const { asker, agent, seen, bus } = await onBus({ keys: [trusted], signatures: 'require' });
  const unsigned = await agent();
  await seen();
  expect(asker.standing(ID)).toMatchObject({ trust: 'unsigned' });
  await expect(asker.client(ID)).rejects.toMatchObject({ code: 'BUS_AGENT_UNTRUSTED' });
  await unsigned.close();
  await agent({ cardKey: key });
  await vi.waitFor(() => expect(asker.standing(ID)).toMatchObject({ trust: 'trusted' }), SOON);
  const client = await asker.client(ID);
  await expect(client.sendMessage(request('hello'))).resolves.toBeDefined();

  // The signature is stripped by who can write the card.
  const other = await mqtt.connectAsync(bus.mqttUrl, { clientId: 'org/unit/thief', protocolVersion: 5 });
  await other.publishAsync('$a2a/v1/discovery/org/unit/thief', JSON.stringify(await overTheBus()), {
    qos: 1,
    retain: true,
  });
  await vi.waitFor(() => expect(asker.standing('org/unit/thief')?.trust).toBe('unsigned'), SOON);
  await expect(asker.client('org/unit/thief')).rejects.toMatchObject({ code: 'BUS_AGENT_UNTRUSTED' });
  await other.endAsync();
});

test('an agent is seen before it is let in, and nothing is routed to it until then, nor after it is shut out', async () => {
  const kept = new Map<string, Registration>();
  const store = {
    put: (id: string, value: Registration) => void kept.set(id, value),
    list: () => [...kept].map(([id, value]) => ({ id, value })),
  };
  const { asker, agent, seen, admission } = await onBus({ approval: 'manual', store });
  await agent();
  await seen();
  expect(asker.standing(ID)?.approval).toBe('registered');
  await expect(asker.client(ID)).rejects.toMatchObject({ code: 'BUS_AGENT_UNAPPROVED' });
  expect(admission.approve(ID)).toBe(true);
  const client = await asker.client(ID);
  await expect(client.sendMessage(request('hello'))).resolves.toBeDefined();
  // Known again after a restart, also before its card is.
  expect(new Admission({ clock: env.clock, approval: 'manual', store }).standing(ID).approval).toBe(
    'approved',
  );
  admission.revoke(ID);
  await expect(asker.client(ID)).rejects.toMatchObject({ code: 'BUS_AGENT_UNAPPROVED' });
  expect(admission.approve('org/unit/nobody')).toBe(false);
});

test('a changed card without a key has to be let in again; one signed by the same key has not', async () => {
  const { asker, agent, seen, admission } = await onBus({ approval: 'manual', keys: [trusted] });
  const member = await agent();
  await seen();
  admission.approve(ID);
  const changed = { ...plain(), description: 'Now does more.' };
  member.updateCard(changed);
  await vi.waitFor(() => expect(asker.standing(ID)?.approval).toBe('registered'), SOON);
  await member.close();
  await agent({ cardKey: key });
  await vi.waitFor(() => expect(asker.standing(ID)?.trust).toBe('trusted'), SOON);
  admission.approve(ID);
  const signed = await agentsMember(agent);
  signed.updateCard(changed);
  await vi.waitFor(
    () => expect(asker.agents().find(({ id }) => id === ID)?.card.description).toBe(changed.description),
    SOON,
  );
  expect(asker.standing(ID)?.approval).toBe('approved');
});

/** The member that `agent` made last takes the id over. */
const agentsMember = (agent: (more: object) => Promise<BusMember>) => agent({ cardKey: key });

test('a pool gives no work to a member that is not let in', async () => {
  const { bus, asker, agent, seen, admission, add } = await onBus({ approval: 'manual' });
  await add(startDispatcher({ id: 'netagent/bus/dispatcher', via: bus, env, admission }));
  await agent({ card: plain({ mqttUrl: bus.mqttUrl, pools: ['radio'] }) });
  await seen();
  const quick = await add(join(bus, 'org/unit/other', undefined, { admission, patienceMs: 50 }));
  await expect(quick.client('org/unit/pool/radio')).rejects.toMatchObject({ code: 'BUS_AGENT_UNKNOWN' });
  admission.approve(ID);
  const client = await asker.client('org/unit/pool/radio');
  await expect(client.sendMessage(request('hello'))).resolves.toBeDefined();
});
