import { expect, test } from 'vitest';
import { client, counting, register, toolServer } from './support/life.ts';

test('a held tool that its publisher removes is withdrawn, and says so', async () => {
  const { server, life } = await toolServer();
  const [nf, agent] = [await client(server.url, 'nf-a'), await client(server.url)];
  await register(nf, counting());
  const held = await register(nf, counting({ description: 'Counts the things of a subscriber anew.' }));
  expect(held).toMatchObject({ state: 'quarantined', reason: expect.stringContaining('changed') });
  const removed = await nf.request('netmcp/tools/remove', {
    name: 'policy_count_things',
    replacedBy: 'test_read',
  });
  expect(removed).toMatchObject({ state: 'withdrawn', reason: 'removed by its provider' });
  expect(await agent.text('policy_count_things', { supi: 'a' })).toContain(
    'was withdrawn: removed by its provider. Use test_read instead.',
  );
  expect(life.approvals()).toEqual([]);
});

test('a publisher that only says who it is is warned of once, one that is not listed is not', async () => {
  const { env, server } = await toolServer();
  const warned = () => env.lines.filter(({ message }) => message.startsWith('publisher trusted by a name'));
  await register(await client(server.url, 'nf-x'), counting());
  expect(warned()).toEqual([]);
  const nf = await client(server.url, 'nf-a');
  await register(nf, counting({}, { version: '2.0' }));
  await register(nf, counting({}, { version: '3.0' }));
  expect(warned()).toMatchObject([{ fields: { server: 'test-tools', agent: 'nf-a' } }]);
});
