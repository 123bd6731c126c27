import { afterEach, expect, test } from 'vitest';
import type { BusMember } from '../../broker/index.ts';
import { bearerUsers } from '../../src/gateway/index.ts';
import { Doors } from '../../src/gateway/users.ts';
import { join, type Recorder, recorder, request } from '../bus/support.ts';
import { clientFor, rpc, type Stage, stage } from './support.ts';

let at: Stage;
let executor: Recorder;
afterEach(() => at?.close());

const users = bearerUsers(async (token) => {
  if (!token.startsWith('good-')) throw new Error('not ours');
  return { subject: token.slice(5), issuer: 'https://issuer.example' };
});
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const getTask = (id: string) => ({ jsonrpc: '2.0', id: 1, method: 'GetTask', params: { id } });
const sendText = {
  jsonrpc: '2.0',
  id: 1,
  method: 'SendMessage',
  params: { message: { messageId: 'm', role: 'ROLE_USER', parts: [{ text: 'hi' }] } },
};

test('without a valid token: 401 and the way to get in, but the card is for everybody', async () => {
  executor = recorder();
  at = await stage(executor, { users });
  const { url } = at.gateway;
  for (const headers of [{}, bearer('bad'), { authorization: 'Basic eDp5' }, bearer('good-')]) {
    const refused = await rpc(`${url}/a2a`, sendText, headers as Record<string, string>);
    expect(refused.status).toBe(401);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(refused.body.error?.data?.[0]?.reason).toBe('GATEWAY_UNAUTHENTICATED');
  }
  expect((await fetch(`${url}/v1/tasks`, { headers: { 'a2a-version': '1.0' } })).status).toBe(401);
  const card = await fetch(`${url}/.well-known/agent-card.json`, { headers: { 'a2a-version': '1.0' } });
  expect(await card.json()).toMatchObject({
    securitySchemes: { gateway: { httpAuthSecurityScheme: { scheme: 'bearer' } } },
    securityRequirements: [{ schemes: { gateway: {} } }],
  });
  const old = await fetch(`${url}/.well-known/agent-card.json`);
  expect(await old.json()).toMatchObject({
    securitySchemes: { gateway: { type: 'http', scheme: 'bearer' } },
    security: [{ gateway: [] }],
  });
  const grpc = await clientFor(url, 'GRPC');
  await expect(grpc.sendMessage(request('hi'))).rejects.toThrow(/UNAUTHENTICATED|who is asking/);
  expect(executor.seen).toHaveLength(0);
});

test('each user owns its tasks; on the bus it is a member of its own, which nobody is shown', async () => {
  executor = recorder();
  at = await stage(executor, { users });
  const { url } = at.gateway;
  const sent = await rpc(`${url}/a2a`, sendText, bearer('good-ada'));
  const id = sent.body.result?.task?.id ?? '';
  expect((await rpc(`${url}/a2a`, getTask(id), bearer('good-ada'))).body.result).toMatchObject({ id });
  expect((await rpc(`${url}/a2a`, getTask(id), bearer('good-bob'))).body.error?.code).toBe(-32001);
  const grpc = await clientFor(url, 'GRPC');
  const serviceParameters = { authorization: 'Bearer good-ada' };
  expect((await grpc.getTask({ tenant: '', id }, { serviceParameters })).id).toBe(id);
  expect(executor.seen[0]?.user).toMatch(/^netagent\/gateway\/user-[0-9a-f]{32}$/);
  const list = (await (await fetch(`${url}/agents`)).json()) as Array<{ id: string }>;
  expect(list.map((agent) => agent.id)).toEqual(['netagent/gateway/http', 'netagent/test/central']);
  const member = executor.seen[0]?.user;
  expect((await fetch(`${url}/agents/${member}/.well-known/agent-card.json`)).status).toBe(404);
});

test.each([false, true])('credentials are passed on only where that is configured: %s', async (forward) => {
  const properties: unknown[] = [];
  executor = recorder();
  const execute = executor.execute;
  executor.execute = (context, bus) => {
    properties.push((context.context.state.get('headers') as Record<string, string>)['a2a-authorization']);
    properties.push((context.context.state.get('headers') as Record<string, string>).authorization);
    return execute(context, bus);
  };
  at = await stage(executor, { users, forwardAuthorization: forward });
  await rpc(`${at.gateway.url}/a2a`, sendText, bearer('good-ada'));
  expect(properties).toEqual([forward ? 'Bearer good-ada' : undefined, undefined]);
});

test('the members of users are bounded: the idle one leaves, and its user comes back with the same id', async () => {
  executor = recorder();
  at = await stage(executor);
  const joined: string[] = [];
  const doors = new Doors({
    own: at.door,
    limit: 2,
    join: (agent): Promise<BusMember> => {
      joined.push(agent);
      return join(at.bus, `netagent/gateway/${agent}`);
    },
  });
  const user = (id: string) => ({ id, authenticated: true });
  const ada = await doors.take(user('ada'));
  const bob = await doors.take(user('bob'));
  expect((await doors.take(user('ada'))).member).toBe(ada.member);
  await expect(doors.take(user('eve'))).rejects.toMatchObject({ code: 'GATEWAY_TOO_MANY_USERS' });
  bob.release();
  const eve = await doors.take(user('eve'));
  eve.release();
  const again = await doors.take(user('bob'));
  expect(again.member.id).toBe(bob.member.id);
  expect(joined).toHaveLength(4);
  expect((await doors.take({ id: '', authenticated: false })).member).toBe(at.door);
  await doors.close();
  await expect(doors.take(user('ada'))).rejects.toMatchObject({ class: 'retryable' });
});
