import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { expect, test } from 'vitest';
import { checkAudit, openAudit, planHash, signApproval } from '../../src/netmcp/index.ts';
import { testEnv } from './support/env.ts';
import { atEnd, oneServer } from './support/one-server.ts';
import { ok } from './support/tools.ts';

/** Attack 26: an approval is for one plan, by a known human, in its time, once. */

const keys = async (name: string) => {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { extractable: true });
  return { name, key: await exportJWK(publicKey), secret: await exportJWK(privateKey) };
};

const ask = [
  {
    id: 'limit',
    tools: ['test_create'],
    rule: 'args.share <= 50.0',
    allowed: 'share <= 50',
    otherwise: 'ask' as const,
  },
];
const agent = 'netagent/test';
const args = { share: 60 };
const plan = planHash({ agent, tool: 'test_create', args });

async function world() {
  const env = testEnv();
  // Not at 1970: tokens count seconds.
  env.pass(1_800_000_000_000);
  const kim = await keys('kim');
  const folder = mkdtempSync(join(tmpdir(), 'netagent-audit-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'audit.log');
  const audit = openAudit({ file, clock: env.clock });
  const one = await oneServer(
    {
      policy: ask,
      approvers: [
        { name: kim.name, key: kim.key },
        { name: agent, key: kim.key },
      ],
      audit,
      answer: () => ok(),
    },
    env,
  );
  const client = await one.client();
  const call = (approval: string, more: { share?: number; idempotencyKey?: string } = {}) =>
    client.callTool(
      'test_create',
      { share: more.share ?? 60 },
      { approval, ...(more.idempotencyKey !== undefined && { idempotencyKey: more.idempotencyKey }) },
    );
  const sign = (more: Partial<Parameters<typeof signApproval>[0]> = {}) =>
    signApproval({ env, approver: 'kim', key: kim.secret, agent, plan, ...more });
  const events = () =>
    readFileSync(file, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; detail?: string; plan: string });
  return { ...one, env, kim, file, audit, client, call, sign, events };
}

test('an approval signed for the plan that the refusal named lets the call through, and is audited', async () => {
  const { client, call, sign, sbi, events } = await world();
  const refused = await client.callTool('test_create', args);
  expect(refused.text).toContain('no human could be asked');
  expect(refused.approval).toEqual({ plan, question: 'no human could be asked' });
  expect((await call(await sign())).isError).toBe(false);
  expect(sbi.requests).toHaveLength(1);
  expect(events().map(({ event, detail }) => [event, detail])).toEqual([
    ['approval.asked', 'netagent/test asks for test_create beyond share <= 50 (limit)'],
    ['call.refused', 'human: approval'],
    ['approval.given', 'kim'],
    ['effect.begun', undefined],
    ['effect.ended', 'succeeded'],
  ]);
  expect(events().every((event) => event.plan === plan)).toBe(true);
});

test('forged: an unknown key, a known name with a foreign key, no signature, a public key as secret', async () => {
  const { call, sign, kim, sbi, events } = await world();
  const mallory = await keys('mallory');
  const forged = (header: object, key: Awaited<ReturnType<typeof importJWK>>, alg: string) =>
    new SignJWT({ plan })
      .setProtectedHeader({ ...header, alg })
      .setIssuer('kim')
      .setSubject(agent)
      .setAudience('netmcp/approval')
      .setJti('00000000-forged')
      .setIssuedAt(1_800_000_000)
      .setExpirationTime(1_800_000_600)
      .sign(key);
  const good = await sign();
  const [, payload] = good.split('.');
  const none = `${Buffer.from(JSON.stringify({ alg: 'none', kid: 'kim', typ: 'approval+jwt' })).toString('base64url')}.${payload}.`;
  const attempts = [
    await sign({ approver: 'mallory', key: mallory.secret }),
    await sign({ key: mallory.secret }),
    none,
    await forged(
      { kid: 'kim', typ: 'approval+jwt' },
      Buffer.from(JSON.stringify(kim.key).padEnd(64)),
      'HS256',
    ),
    // A token of another kind by the right key.
    await forged({ kid: 'kim', typ: 'JWT' }, await importJWK(kim.secret, 'EdDSA'), 'EdDSA'),
    `${good.slice(0, -4)}AAAA`,
    'nonsense',
    '',
  ];
  for (const attempt of attempts) {
    const { text, isError } = await call(attempt);
    expect(isError).toBe(true);
    expect(text).toContain('the approval is not genuine');
  }
  expect(sbi.requests).toEqual([]);
  expect(events().filter(({ event }) => event === 'approval.refused')).toHaveLength(attempts.length);
});

test('late, made to last, by the agent itself, for other arguments, another agent or another tool', async () => {
  const { call, sign, env, sbi } = await world();
  const other = (change: object) => planHash({ agent, tool: 'test_create', args, ...change });
  for (const [token, text] of [
    [await sign({ validMs: 86_400_000 }), 'last longer'],
    [await sign({ approver: agent }), 'cannot approve its own call'],
    [await sign({ plan: other({ args: { share: 61 } }) }), 'another plan'],
    [await sign({ plan: other({ tool: 'test_delete' }) }), 'another plan'],
    [await sign({ agent: 'netagent/other' }), 'another plan'],
  ] as const) {
    expect((await call(token)).text).toContain(text);
  }
  const token = await sign();
  // Approved for 60, used for 61.
  expect((await call(token, { share: 61 })).text).toContain('another plan');
  env.pass(601_000);
  expect((await call(token)).text).toContain('over its time');
  expect(sbi.requests).toEqual([]);
});

test('given twice: one approval executes once, also for calls at once; the same key brings the first result', async () => {
  const { call, sign, sbi } = await world();
  const token = await sign();
  const ends = await Promise.all([call(token), call(token), call(token)]);
  expect(ends.filter(({ isError }) => !isError)).toHaveLength(1);
  expect(ends.find(({ isError }) => isError)?.text).toContain('used before');
  expect(sbi.requests).toHaveLength(1);
  const second = await sign();
  const [a, b] = [await call(second, { idempotencyKey: 'k' }), await call(second, { idempotencyKey: 'k' })];
  expect(b.output).toEqual(a.output);
  expect((await call(second, { idempotencyKey: 'k2' })).text).toContain('used before');
  expect(sbi.requests).toHaveLength(2);
});

test('a dry run checks an approval and does not spend it', async () => {
  const { client, call, sign } = await world();
  const approval = await sign();
  const dry = await client.callTool('test_create', args, { approval, dryRun: true });
  expect(dry.isError).toBe(false);
  expect(dry.text).toContain('verified and allowed');
  expect((await call(approval)).isError).toBe(false);
});

/** Attack 31: what was written is as it was written, or the check says where not. */
const event = (detail: string) => ({
  event: 'approval.given' as const,
  server: 's',
  agent,
  tool: 't',
  plan,
  detail,
});

function log(key?: string) {
  const folder = mkdtempSync(join(tmpdir(), 'netagent-audit-'));
  atEnd(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'deep', 'audit.log');
  const { clock } = testEnv();
  const open = () => openAudit({ file, clock, ...(key !== undefined && { key }) });
  const audit = open();
  for (const name of ['a', 'b', 'c', 'd']) audit.write(event(name));
  audit.close();
  const lines = readFileSync(file, 'utf8').trim().split('\n');
  const rewrite = (changed: string[]) => writeFileSync(file, changed.map((line) => `${line}\n`).join(''));
  return { file, open, lines, rewrite };
}

test('an audit log that nobody touched is whole, and goes on after a restart', () => {
  const { file, open } = log();
  expect(checkAudit(file)).toEqual({ ok: true, lines: 4 });
  const audit = open();
  audit.write(event('e'));
  audit.close();
  expect(checkAudit(file)).toEqual({ ok: true, lines: 5 });
});

test.each<[string, (lines: string[]) => string[], number]>([
  ['a word is changed', (lines) => lines.map((line) => line.replace('"b"', '"x"')), 2],
  ['a line is deleted', (lines) => lines.toSpliced(1, 1), 2],
  ['the first line is deleted', (lines) => lines.slice(1), 1],
  ['the last line is deleted', (lines) => lines.slice(0, -1), 4],
  ['every line is deleted', () => [], 1],
  ['two lines change places', ([a, b, c, d]) => [a, c, b, d] as string[], 2],
  ['a line is doubled', ([a, b, c, d]) => [a, b, b, c, d] as string[], 3],
  ['a line is made of nothing', (lines) => [...lines.slice(0, 2), '{}', ...lines.slice(2)], 3],
])('%s: the check names the line, and the log is not gone on with', (_, change, line) => {
  const { file, open, lines, rewrite } = log();
  rewrite(change(lines));
  expect(checkAudit(file)).toMatchObject({ ok: false, problem: { line } });
  expect(open).toThrow(expect.objectContaining({ code: 'AUDIT_BROKEN' }));
});

test('a chain written anew by somebody without the key is found', () => {
  const { file, rewrite } = log('secret');
  expect(checkAudit(file, 'secret')).toMatchObject({ ok: true });
  const forged = log();
  rewrite(forged.lines);
  writeFileSync(`${file}.head`, readFileSync(`${forged.file}.head`));
  expect(checkAudit(file, 'secret')).toMatchObject({
    ok: false,
    problem: { line: 1, what: 'it was changed' },
  });
});

test('a line that a killed process left half-written is cut off; one written before its head is kept', () => {
  const { file, open, lines, rewrite } = log();
  appendFileSync(file, '{"seq":5,"at"');
  const repaired = open();
  repaired.write(event('e'));
  repaired.close();
  expect(checkAudit(file)).toEqual({ ok: true, lines: 5 });
  const behind = readFileSync(`${file}.head`, 'utf8');
  const again = open();
  again.write(event('f'));
  again.close();
  writeFileSync(`${file}.head`, behind);
  open().close();
  expect(checkAudit(file)).toEqual({ ok: true, lines: 6 });
  rewrite(lines.slice(0, 2));
  expect(open).toThrow(expect.objectContaining({ code: 'AUDIT_BROKEN' }));
});
