import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkAudit } from '../../src/netmcp/index.ts';
import { type Runtime, startRuntime } from '../../src/runtime/index.ts';
import { freshDataDir, NOW, ROOT, runCli } from './run-cli.ts';

const CLIENT = 'acme/ops/planner';
const dataDir = freshDataDir();
const file = (name: string, text: string) => {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, name);
  writeFileSync(path, text);
  return path;
};
const shared = randomBytes(4).toString('hex');
const folder = join(dataDir, 'shared');
let runtime: Runtime;
let secret = '';

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  const credential = await runCli(['credential', CLIENT, '--json']);
  const { role, hash, password } = JSON.parse(credential.stdout) as Record<string, string>;
  secret = password ?? '';
  runtime = await startRuntime({
    seed: 1,
    host: '127.0.0.1',
    ports: { http: 0, mqtt: 0, ws: 0 },
    dataDir,
    home: 'Hangzhou',
    timeZone: 'Asia/Shanghai',
    logLevel: 'silent',
    now: Date.parse(NOW),
    netmcp: {
      managers: 2,
      learn: true,
      policy: file(
        'policy.yaml',
        'rules:\n  - id: forty\n    tools: [ran_reserve_prbs]\n    rule: args.ratio <= 40.0\n    allowed: at most 40 percent\n',
      ),
      adopt: [
        {
          id: 'files',
          target: { command: join(ROOT, 'node_modules/.bin/mcp-server-filesystem'), args: [folder] },
        },
      ],
      auth: {
        port: 0,
        clients: file('clients.yaml', `clients:\n  - id: ${CLIENT}\n    scopes: [netmcp:use]\n`),
        credentials: file('credentials.yaml', `${CLIENT}: { role: ${role}, hash: '${hash}' }\n`),
      },
    },
  });
}, 60_000);
afterAll(() => runtime?.close());

const tools = (...args: string[]) =>
  runCli(['tools', ...args, '--client', CLIENT, '--to', runtime.ready.console], {
    env: { NETAGENT_SECRET: secret },
  });

test('who has no token is told where to get one; who has one is served, and refused beyond the limits', async () => {
  const bare = await runCli(['tools', 'handover', '--to', runtime.ready.console]);
  expect(bare.code).toBe(2);
  expect(bare.stderr).toContain(runtime.ready.netmcp.issuer);
  const found = await tools('move a call to the other network where it is weak');
  expect(found.stdout).toMatch(/ran_(preset_handover|switch_network)/);
  const args = { supi: 'imsi-001010000000001', cellIds: ['00600d001'], ratio: 50 };
  const refused = await tools('call', 'ran_reserve_prbs', '--args', JSON.stringify(args));
  expect(`${refused.stdout}${refused.stderr}`).toContain('forty');
});

test('an adopted tool that may change something waits for the operator, then works, and is in the audit log', async () => {
  const to = ['--to', runtime.ready.console];
  const write = () =>
    tools(
      'call',
      'files__write_file',
      '--args',
      JSON.stringify({ path: join(folder, 'x.txt'), content: shared }),
    );
  const held = JSON.parse((await runCli(['tools', 'held', '--json', ...to])).stdout) as Array<{
    name: string;
    hash: string;
  }>;
  const one = held.find(({ name }) => name === 'files__write_file');
  expect((await write()).code).toBe(1);
  expect((await runCli(['tools', 'approve', 'files__write_file', one?.hash ?? '', ...to])).code).toBe(0);
  expect((await write()).code).toBe(0);
  expect(readdirSync(folder)).toEqual(['x.txt']);
  const check = checkAudit(join(dataDir, 'audit', 'adopted-tools.jsonl'));
  expect(check).toMatchObject({ ok: true });
  expect(check.lines).toBeGreaterThanOrEqual(2);
});
