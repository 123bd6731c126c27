import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { client, closing, toolServer } from './support/life.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const publicServer = (name: string, ...args: string[]) => ({
  command: process.execPath,
  args: [join(ROOT, `node_modules/@modelcontextprotocol/${name}/dist/index.js`), ...args],
});

test('server-everything: its read-only tools work through us, all content kinds pass', async () => {
  const { server, life } = await toolServer();
  const state = await life.adopt({
    id: 'every',
    target: publicServer('server-everything'),
    trustReadHints: true,
  });
  expect(state.state).toBe('ready');
  expect(state.tools.length + state.refused.length).toBeGreaterThan(8);
  for (const { name, hash } of life.approvals()) await life.approve(name, hash, { by: 'op' });
  const agent = await client(server.url);
  expect(await agent.names()).toEqual(expect.arrayContaining(['every__echo', 'every__get-tiny-image']));
  expect(await agent.text('every__echo', { message: 'hello' })).toBe('Echo: hello');
  expect(await agent.text('every__get-tiny-image')).toContain('[image]');
  const structured = await agent.callTool('every__get-structured-content', { location: 'New York' });
  expect(structured).toMatchObject({ isError: false, output: { temperature: expect.any(Number) } });
}, 20_000);

test('server-filesystem: reading is open, writing waits for approval, foreign folders stay shut', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'netagent-files-'));
  closing(async () => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'a.txt'), 'plain words');
  const { server, life } = await toolServer();
  const state = await life.adopt({
    id: 'files',
    category: 'storage',
    target: publicServer('server-filesystem', dir),
  });
  expect(state.refused).toEqual([]);
  const agent = await client(server.url);
  expect(await agent.text('files__read_text_file', { path: join(dir, 'a.txt') })).toBe('plain words');
  expect((await agent.callTool('files__read_text_file', { path: '/etc/passwd' })).isError).toBe(true);
  const write = { path: join(dir, 'b.txt'), content: 'new' };
  expect(await agent.text('files__write_file', write)).toContain('held');
  const pending = life.approvals().find(({ name }) => name === 'files__write_file');
  await life.approve('files__write_file', pending?.hash ?? '', { by: 'op' });
  expect((await agent.callTool('files__write_file', write)).isError).toBe(false);
  expect(await agent.text('files__read_text_file', { path: join(dir, 'b.txt') })).toBe('new');
}, 20_000);

test('a server is adopted by URL as well, and its chain names it', async () => {
  const behind = await toolServer({}, { id: 'behind' });
  const { server, life } = await toolServer();
  expect(await life.adopt({ id: 'behind', target: { url: behind.server.url } })).toMatchObject({
    state: 'ready',
  });
  // A tool of a foreign server must not pass for one of this server.
  const read = life.approvals().find(({ name }) => name === 'behind__test_read');
  expect(read?.reasons.join()).toContain('shadows test_read');
  await life.approve('behind__test_read', read?.hash ?? '', { by: 'op' });
  const agent = await client(server.url);
  const called = await agent.callTool('behind__test_read', {});
  expect(called).toMatchObject({ output: { value: 1 }, chain: [{ nf: 'mcp:behind', status: 200 }] });
});
