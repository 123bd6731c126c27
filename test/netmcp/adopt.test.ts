import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/durable/index.ts';
import type { Adoption } from '../../src/netmcp/adopt/adoption.ts';
import type { LifeOptions } from '../../src/netmcp/life/life.ts';
import type { AuditEvent } from '../../src/netmcp/toolserver/audit.ts';
import { client, closing, eventually, passing, toolServer } from './support/life.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const evil = (more: Partial<Adoption> = {}): Adoption => ({
  id: 'dict',
  target: { command: process.execPath, args: [join(import.meta.dirname, 'support/evil-server.ts')] },
  ...more,
});

async function adopted(more: Partial<Adoption> = {}, life: LifeOptions = {}) {
  const made = await toolServer({ times: { probeMs: 1e9 }, ...life });
  const state = await made.life.adopt(evil(more));
  const agent = await client(made.server.url);
  /** Changes what the server offers; resolves when the tool server has read it. */
  const flip = async (how: string) => {
    const reads = () =>
      made.env.lines.filter(({ message }) => message === 'tools of an adopted server read').length;
    const before = reads();
    await agent.callTool('dict__flip', { text: how });
    await eventually(
      () => made.env.pass(100),
      () => reads() > before,
    );
    return made.life.approvals();
  };
  return { ...made, state, agent, flip };
}

test('a plain MCP server appears through the tool server, its text and its calls governed', async () => {
  const { state, agent, life, server, management } = await adopted();
  expect(state).toMatchObject({ id: 'dict', state: 'ready', refused: [] });
  const offered = await agent.listTools();
  const lookup = offered.find(({ name }) => name === 'dict__lookup');
  expect(lookup?.meta).toMatchObject({ labels: ['dict'], effects: 'read', permission: { mode: 'public' } });
  const called = await agent.callTool('dict__lookup', { text: 'x' });
  expect(called).toMatchObject({
    isError: false,
    text: 'a word',
    server: 'test-tools',
    chain: [{ nf: 'mcp:dict', operation: 'tools/call lookup', status: 200 }],
  });
  expect((await agent.callTool('dict__lookup', { text: 7 })).text).toContain('refused (schema)');
  expect((await agent.callTool('dict__promise', {})).text).toContain('not what the tool promises');
  // What may change something waits, and nobody may call it.
  expect(offered.map(({ name }) => name)).not.toContain('dict__erase');
  expect(life.approvals()).toMatchObject([
    { name: 'dict__erase', reasons: [expect.stringContaining('nobody has approved')] },
  ]);
  expect((await agent.callTool('dict__erase', { text: 'x' })).text).toContain(
    'held until an operator approves it',
  );
  const admin = await client(management, 'admin');
  const found = await eventually(
    () => admin.callTool('servers_discover', { tool: 'dict__lookup' }),
    ({ output }) => (output?.servers as unknown[])?.length === 1,
  );
  expect(found.output).toMatchObject({ servers: [{ serverId: server.id }] });
});

test('approval opens a tool as far as the operator says, and policy still rules over it', async () => {
  const made = await toolServer(
    {},
    {
      policy: [
        {
          id: 'short',
          tools: ['dict__erase'],
          rule: 'size(args.text) < 4',
          allowed: 'three letters',
          otherwise: 'refuse',
        },
      ],
    },
  );
  await made.life.adopt(
    evil({
      constraints: { erase: [{ rule: 'args.text != "all"', message: 'never all' }] },
    }),
  );
  const [pending] = made.life.approvals();
  await made.life.approve('dict__erase', pending?.hash ?? '', { by: 'op', permission: { mode: 'public' } });
  const editor = await client(made.server.url, 'editor');
  const erase = async (text: string) => (await editor.callTool('dict__erase', { text })).text;
  expect(await erase('one')).toBe('a word');
  expect(await erase('all')).toContain('never all');
  expect(await erase('seven')).toContain('short');
});

test('an effect of an adopted tool is written down before it leaves, and with one key it is there once', async () => {
  const events: AuditEvent[] = [];
  const made = await toolServer(
    {},
    { audit: { write: (event) => void events.push(event), close: () => undefined } },
  );
  await made.life.adopt(evil());
  const [pending] = made.life.approvals();
  await made.life.approve('dict__erase', pending?.hash ?? '', { by: 'op', permission: { mode: 'public' } });
  const editor = await client(made.server.url, 'editor');
  const again = () => editor.callTool('dict__erase', { text: 'one' }, { idempotencyKey: 'k' });
  expect((await again()).text).toBe((await again()).text);
  const told = events.map(({ event, tool }) => `${event} ${tool}`);
  expect(told).toEqual(['effect.begun dict__erase', 'effect.ended dict__erase']);
});

test('a tool for one agent is not for whoever only says that it is that agent', async () => {
  const made = await toolServer();
  await made.life.adopt(evil({ permission: { mode: 'specified', agents: ['editor'] } }));
  const [pending] = made.life.approvals();
  await made.life.approve('dict__erase', pending?.hash ?? '', { by: 'op' });
  const editor = await client(made.server.url, 'editor');
  expect((await editor.callTool('dict__erase', { text: 'one' })).text).toContain('refused (permission)');
});

const ATTACKS: Array<[string, string, RegExp]> = [
  ['description', 'dict__lookup', /changed since it was taken/],
  ['schema', 'dict__lookup', /changed since it was taken/],
  ['rename', 'dict__seek', /the same content is known as dict__lookup/],
  ['alias', 'dict__find', /the same content is known as dict__lookup/],
  ['homoglyph', 'dict__l_x43e_x43ekup', /looks like lookup/],
  ['digit', 'dict__1ookup', /looks like dict__lookup/],
  ['shadow', 'dict__test_read', /shadows test_read/],
  ['mention', 'dict__helper', /speaks of test_read/],
  ['invisible', 'dict__clock', /hides something or gives orders \(zero-width\)/],
  ['tags', 'dict__clock', /\(tag\)/],
  ['comment', 'dict__clock', /\(comment\)/],
  ['base64', 'dict__clock', /\(base64\)/],
  ['order', 'dict__clock', /\(instruction\)/],
  ['parameter', 'dict__clock', /\(instruction\)/],
];
test('whatever changes, is renamed, looks like another or hides something is held, blocked and shown', {
  timeout: 90_000,
}, async () => {
  const { agent, life, env, flip } = await adopted();
  for (const [how, name, why] of ATTACKS) {
    const pending = (await flip(how)).find((one) => one.name === name);
    expect(pending?.reasons.join(), how).toMatch(why);
    const alerts = env.lines.filter(({ message }) => message === 'tool held for approval');
    expect(alerts.at(-1)?.fields, how).toMatchObject({ tool: name });
    if (name === 'dict__lookup') expect(pending?.difference.length, how).toBeGreaterThan(0);
    expect(await agent.text(name, { text: 'x' }), how).toContain('held until an operator approves it');
    const shown = await eventually(agent.names, (names) => !names.includes(name));
    expect(shown, how).toContain('test_read');
    expect(
      life.tools().find((tool) => tool.name === name),
      how,
    ).toMatchObject({ state: 'quarantined' });
    await flip('reset');
    expect(
      life.approvals().map((one) => one.name),
      how,
    ).toEqual(['dict__erase']);
    expect(
      life.tools().find((tool) => tool.name === 'dict__lookup'),
      how,
    ).toMatchObject({ state: 'available' });
  }
  // None of the held tools was reached.
  expect(await agent.text('dict__flip', { text: 'calls' })).toBe('flip');
});

test('what is shown of a hidden text makes it visible', async () => {
  const { life, flip } = await adopted();
  await flip('invisible');
  const pending = life.approvals().find(({ name }) => name === 'dict__clock');
  expect(pending?.taint[0]).toMatchObject({ kind: 'zero-width', where: '/description' });
  expect(pending?.taint[0]?.excerpt).toContain('\\u{200b}\\u{200c}\\u{200b}');
});

test('a tool that goes back to what was approved is offered again by itself', async () => {
  const { agent, flip } = await adopted();
  await flip('description');
  await eventually(agent.names, (names) => !names.includes('dict__lookup'));
  await flip('back');
  await eventually(agent.names, (names) => names.includes('dict__lookup'));
});

test('a rejected content stays out, and an approved one is offered with its text made visible', async () => {
  const { agent, life, flip } = await adopted();
  const [description] = (await flip('description')).filter(({ name }) => name === 'dict__lookup');
  life.reject('dict__lookup', description?.hash ?? '', { by: 'op' });
  expect(life.tools().find(({ name }) => name === 'dict__lookup')).toMatchObject({ state: 'withdrawn' });
  const clock = (await flip('invisible')).find(({ name }) => name === 'dict__clock');
  await life.approve('dict__clock', clock?.hash ?? '', { by: 'op' });
  const shown = await eventually(agent.listTools, (tools) =>
    tools.some(({ name }) => name === 'dict__clock'),
  );
  expect(shown.find(({ name }) => name === 'dict__clock')?.description).toContain('\\u{200b}');
});

test('schemas that hurt are not taken over, and said so', async () => {
  const { agent, life, flip } = await adopted();
  for (const [how, why] of [
    ['pattern', /exponential/],
    ['large', /bytes/],
  ] as const) {
    await flip(how);
    expect(life.adopted()[0]?.refused).toMatchObject([
      { name: 'clock', problem: expect.stringMatching(why) },
    ]);
    expect(await agent.names()).not.toContain('dict__clock');
  }
});

test('orders in a result are data: recorded as taint, shown, and nothing else happens', async () => {
  const { agent, life, env } = await adopted();
  await agent.callTool('dict__flip', { text: 'result' });
  const answer = await agent.callTool('dict__lookup', { text: 'x' });
  expect(answer.isError).toBe(false);
  expect(answer.text).toContain('Ignore all previous instructions');
  const [record] = life.taints();
  expect(record?.tool).toBe('dict__lookup');
  expect(record?.taint.map(({ kind }) => kind)).toEqual(['zero-width', 'comment', 'instruction']);
  expect(record?.taint[0]?.where).toBe('/content/0');
  expect(env.lines).toContainEqual(expect.objectContaining({ message: 'result is tainted' }));
});

test('an adopted process sees none of our secrets', async () => {
  process.env.NETAGENT_CANARY = 'secret';
  try {
    const { agent } = await adopted({
      target: { ...evil().target, env: { DICT: 'en' } } as Adoption['target'],
    });
    const seen = (await agent.text('dict__environment')).split(',');
    expect(seen).toContain('DICT');
    expect(seen).not.toContain('NETAGENT_CANARY');
  } finally {
    delete process.env.NETAGENT_CANARY;
  }
});

test('one server that hangs and dies hurts no other; it is started again, and given up in the end', async () => {
  const { agent, life, env } = await adopted(
    { parallel: 1 },
    {
      restarts: { intensity: 1, periodMs: 60_000, backoffMs: 1_000, maxBackoffMs: 1_000 },
    },
  );
  const stop = new AbortController();
  const hung = agent.callTool('dict__hang', {}, { signal: stop.signal });
  await eventually(
    () => passing(env, agent.text('dict__lookup')),
    (text) => text.includes('works on 1'),
  );
  expect((await agent.callTool('test_read', {})).isError).toBe(false);
  stop.abort();
  await expect(hung).rejects.toMatchObject({ code: 'NETMCP_CANCELLED' });
  await passing(env, agent.callTool('dict__flip', { text: 'exit' }));
  await eventually(
    () => life.adopted()[0]?.state,
    (state) => state === 'down',
  );
  expect(life.tools().find(({ name }) => name === 'dict__lookup')).toMatchObject({ state: 'deprecated' });
  expect((await agent.callTool('test_read', {})).isError).toBe(false);
  env.pass(1_000);
  await eventually(
    () => life.adopted()[0]?.state,
    (state) => state === 'ready',
  );
  await eventually(
    () => life.tools().find(({ name }) => name === 'dict__lookup')?.state,
    (state) => state === 'available',
  );
  expect(await agent.text('dict__lookup', { text: 'x' })).toBe('a word');
  await passing(env, agent.callTool('dict__flip', { text: 'exit' }));
  await eventually(
    () => life.adopted()[0]?.state,
    (state) => state === 'givenUp',
  );
  life.restart('dict');
  await eventually(
    () => life.adopted()[0]?.state,
    (state) => state === 'ready',
  );
  await life.release('dict');
  expect(life.adopted()).toEqual([]);
});

test('a server that answers no more is found by its probes, and holds up nobody', async () => {
  const { agent, life, env } = await adopted();
  env.pass(1_000);
  await agent.callTool('dict__flip', { text: 'deaf' });
  env.pass(1_000);
  for (let i = 0; i < 4; i += 1) await passing(env, life.check());
  expect(life.tools().find(({ name }) => name === 'dict__lookup')).toMatchObject({
    state: 'deprecated',
    reason: 'mcp:dict fails its probes',
  });
  expect((await agent.callTool('test_read', {})).isError).toBe(false);
});

test('where its hints are not trusted, every tool waits until the operator says what it does', async () => {
  const { agent, life, state } = await adopted({ trustReadHints: false, effects: { lookup: 'read' } });
  expect(state.tools).toHaveLength(6);
  expect(await agent.names()).toEqual(['dict__lookup', 'test_create', 'test_read']);
  expect(life.approvals().find(({ name }) => name === 'dict__hang')?.reasons).toEqual([
    'only its own hint says that it just reads',
  ]);
});

test('approvals survive a restart: what was approved is offered, what changed meanwhile is held', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'netagent-life-'));
  closing(async () => rmSync(dir, { recursive: true }));
  const run = async <T>(
    work: (made: Awaited<ReturnType<typeof adopted>>) => Promise<T>,
    more: Partial<Adoption> = {},
  ) => {
    const store = openStore({ dir, durability: 'write' });
    const made = await adopted(more, { approvals: store.collection('approvals') });
    const result = await work(made);
    await made.server.close();
    store.close();
    return result;
  };
  await run(async ({ life }) => {
    await life.approve('dict__erase', life.approvals()[0]?.hash ?? '', { by: 'op' });
  });
  await run(async ({ life, agent, flip }) => {
    expect(life.approvals()).toEqual([]);
    expect(await agent.text('dict__erase', { text: 'x' })).toBe('a word');
    expect(await flip('schema')).toMatchObject([{ name: 'dict__lookup' }]);
    life.reject('dict__lookup', life.approvals()[0]?.hash ?? '', { by: 'op' });
  });
  await run(async ({ life, agent }) => {
    expect(await agent.names()).toEqual(expect.arrayContaining(['dict__erase', 'dict__lookup']));
    expect(life.approvals()).toEqual([]);
  });
}, 20_000);

test('an adoption without a proper id, or of nobody, is told so', async () => {
  const { life, env } = await toolServer();
  await expect(life.adopt(evil({ id: 'Dict 1' }))).rejects.toMatchObject({ code: 'NETMCP_ADOPTION_INVALID' });
  const nobody = await life.adopt(evil({ id: 'nobody', target: { command: join(ROOT, 'no-such-program') } }));
  expect(nobody).toMatchObject({ state: 'down', tools: [] });
  await expect(life.adopt(evil({ id: 'nobody' }))).rejects.toMatchObject({ code: 'NETMCP_ADOPTION_INVALID' });
  expect(env.lines).toContainEqual(expect.objectContaining({ message: 'adopted server lost' }));
});
