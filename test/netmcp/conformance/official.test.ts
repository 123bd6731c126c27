import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';

/** The official suite (MCP 2025-11-25) against our server and our client, as the processes that it asks for. */
const ROOT = resolve(import.meta.dirname, '../../..');
const SUITE = join(ROOT, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const FIXTURES = import.meta.dirname;

const listed = z.array(z.strictObject({ scenario: z.string().min(1), reason: z.string().min(20) })).max(64);
const expected = z
  .strictObject({ server: listed, client: listed })
  .parse(parse(readFileSync(join(FIXTURES, 'expected-failures.yaml'), 'utf8')));

const folder = mkdtempSync(join(tmpdir(), 'netagent-conformance-'));
const baseline = join(folder, 'baseline.yaml');
let fixture: ChildProcess;
let url = '';

beforeAll(async () => {
  const names = (side: 'server' | 'client') => expected[side].map(({ scenario }) => scenario);
  writeFileSync(baseline, stringify({ server: names('server'), client: names('client') }));
  fixture = spawn(process.execPath, [join(FIXTURES, 'fixture-server.ts')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  url = await new Promise((done, reject) => {
    fixture.stdout?.once('data', (line: Buffer) => done(line.toString().trim()));
    fixture.once('exit', (code) => reject(new Error(`the fixture ended with ${code}`)));
  });
});
afterAll(() => {
  fixture.kill();
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<{ code: number | null; out: string }> {
  return new Promise((done) => {
    // Results of the suite land in its working folder.
    const child = spawn(process.execPath, [SUITE, ...args], { cwd: folder });
    let out = '';
    const take = (part: Buffer) => {
      out += part.toString();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.on('close', (code) => done({ code, out }));
  });
}

/** Scenarios in the summary: none was left out. */
const scenarios = (out: string) => out.split('\n').filter((line) => /^[✓✗]/.test(line)).length;

test('our server passes every scenario that is not listed, and every listed one still fails', async () => {
  const { code, out } = await run('server', '--url', url, '--suite', 'all', '--expected-failures', baseline);
  expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' });
  expect(scenarios(out)).toBe(32);
}, 60_000);

const CLIENT = ['client', '--command', `${process.execPath} ${join(FIXTURES, 'fixture-client.ts')}`];

/** The suite's own groups start all clients at once, which a small machine answers with time-outs. */
const AT_ONCE = 3;

test('our client passes every scenario that is not listed, and every listed one still fails', async () => {
  const { out: list } = await run('list');
  const names = [...list.slice(list.indexOf('Client scenarios')).matchAll(/^ {2}- (\S+)/gm)].map(
    ([, name]) => name as string,
  );
  expect(names).toHaveLength(26);
  const one = (name: string) =>
    run(...CLIENT, '--scenario', name, '--timeout', '60000', '--expected-failures', baseline);
  const waiting = [...names];
  const wrong = new Map<string, string>();
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      let end = await one(name);
      // One measures 500 ms to within 200, and a client may be late on a busy machine.
      if (end.code !== 0 && (name === 'sse-retry' || end.out.includes('timed out'))) end = await one(name);
      if (end.code !== 0) wrong.set(name, end.out);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  expect(Object.fromEntries(wrong)).toEqual({});
}, 300_000);

test('a listed scenario that passes fails the run', async () => {
  const stale = join(folder, 'stale.yaml');
  writeFileSync(stale, stringify({ server: ['ping'], client: [] }));
  const { code, out } = await run('server', '--url', url, '--scenario', 'ping', '--expected-failures', stale);
  expect(code).not.toBe(0);
  expect(out.toLowerCase()).toContain('stale');
});
