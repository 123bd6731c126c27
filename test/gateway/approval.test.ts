import { expect, onTestFinished, test, vi } from 'vitest';
import { Admission } from '../../broker/index.ts';
import { env, recorder } from '../bus/support.ts';
import { CENTRAL, OTHER, stage } from './support.ts';

const JSON_TYPE = { 'content-type': 'application/json' };

async function manual() {
  const own = (id: string) => id === CENTRAL;
  const at = await stage(recorder(), {
    admission: new Admission({ clock: env.clock, approval: 'manual', own }),
  });
  onTestFinished(() => at.close());
  await at.add(OTHER, recorder());
  await vi.waitFor(() => expect(at.door.agents().map(({ id }) => id)).toContain(OTHER));
  const decide = (path: string, headers: Record<string, string> = JSON_TYPE) =>
    fetch(`${at.gateway.url}/approvals/${path}`, { method: 'POST', headers, body: '{}' });
  const ask = (id: string) =>
    fetch(`${at.gateway.url}/agents/${id}/a2a`, {
      method: 'POST',
      headers: { ...JSON_TYPE, 'a2a-version': '1.0' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'GetTask', params: { id: 'none' } }),
    }).then((response) => response.text());
  return { at, decide, ask };
}

test('over HTTP nothing reaches an agent before the operator lets it in', async () => {
  const { at, decide, ask } = await manual();
  const listed = (await (await fetch(`${at.gateway.url}/agents`)).json()) as Array<Record<string, unknown>>;
  expect(listed.find(({ id }) => id === OTHER)).toMatchObject({ approval: 'registered', trust: 'unsigned' });
  expect(await ask(OTHER)).toContain('is not approved');
  const answer = await decide(`${OTHER}/approve`);
  expect(await answer.json()).toMatchObject({ id: OTHER, approval: 'approved' });
  expect(await ask(OTHER)).toContain('-32001');
  await decide(`${OTHER}/revoke`);
  expect(await ask(OTHER)).toContain('is not approved');
  expect(await ask(CENTRAL)).toContain('-32001');
});

test('a web page cannot let an agent in, and nobody one that was never seen', async () => {
  const { at, decide } = await manual();
  expect((await decide(`${OTHER}/approve`, { 'content-type': 'text/plain' })).status).toBe(403);
  expect((await decide(`${OTHER}/approve`, { ...JSON_TYPE, origin: 'http://evil.example' })).status).toBe(
    403,
  );
  expect((await decide('netagent/test/unseen/approve')).status).toBe(404);
  expect((await decide(`${OTHER}/delete`)).status).toBe(404);
  expect(at.door.standing(OTHER)?.approval).toBe('registered');
});
