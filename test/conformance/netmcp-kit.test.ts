import { afterEach, describe, expect, test } from 'vitest';
import type { Finding } from '../../src/conformance/index.ts';
import { conformanceNetMcp, startManagementServer, startToolServer } from '../../src/netmcp/index.ts';
import { createEnv } from '../../src/runtime/env.ts';
import { create, fakeSbi, ok, read } from '../netmcp/support/tools.ts';
import { runCli } from '../scenario/run-cli.ts';
import { type Fault, wrongServer } from './wrong-server.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const kit = (url: string, patienceMs = 2_000) => conformanceNetMcp({ url, patienceMs });
const failed = (findings: Finding[]) =>
  findings.filter(({ outcome }) => outcome === 'fail').map(({ id, detail }) => `${id}: ${detail}`);

async function ours() {
  const env = createEnv({ level: 'silent' });
  const management = await startManagementServer({ env, host: '127.0.0.1', port: 0 });
  closers.push(management.close);
  const tools = await startToolServer({
    env,
    host: '127.0.0.1',
    port: 0,
    id: 'kit-tools',
    management: management.url,
    nrf: fakeSbi(() => ok({ value: 42 })).port,
    tools: [create, read],
    life: { threshold: 0 },
  });
  closers.push(tools.close);
  return { management: management.url, tools: tools.url };
}

test('our tool server and our management server conform, and every check applies', async () => {
  const { management, tools } = await ours();
  for (const url of [management, tools]) {
    const findings = await kit(url);
    expect(failed(findings)).toEqual([]);
    expect(findings.filter(({ outcome }) => outcome === 'skip')).toEqual([]);
  }
});

/** Each fault and the check that has to find it. */
const TOOL_FAULTS: Partial<Record<Fault, string>> = {
  'no-extension': 'negotiation.netmcp',
  'invents-features': 'negotiation.features',
  'wants-netmcp': 'negotiation.plain-client',
  'takes-any-version': 'negotiation.no-common-version',
  'dies-of-offers': 'negotiation.malformed-offer',
  'any-method': 'negotiation.absent-feature',
  'any-origin': 'door.origin',
  'any-host': 'door.host',
  'sessions-live-on': 'door.session',
  'malformed-is-internal': 'door.malformed',
  'name-twice': 'tools.names',
  'schema-broken': 'tools.schemas',
  'definition-huge': 'tools.size',
  'meta-broken': 'tools.meta',
  'rule-broken': 'tools.constraints',
  'hint-wrong': 'tools.annotations',
  'order-random': 'tools.order',
  'mute-tools': 'tools.descriptions',
  'no-chain': 'call.result',
  'output-wrong': 'call.result',
  'unknown-is-result': 'call.unknown-tool',
  'no-verification': 'call.schema-refusal',
  'dry-run-executes': 'call.dry-run',
  'never-replays': 'call.idempotency',
  'key-for-all': 'call.idempotency',
  'any-meta': 'call.malformed-meta',
  'trace-breaks': 'call.trace',
  'meta-needed': 'call.plain',
  'no-fence': 'route.stale-epoch',
};
const MANAGEMENT_FAULTS: Partial<Record<Fault, string>> = {
  'serves-unnamed': 'negotiation.unnamed-feature',
  'endless-report': 'management.register',
  'finds-everything': 'management.discover',
  'flat-load': 'management.load-bands',
  'any-load': 'management.false-load',
  silent: 'management.subscribe',
  'drains-at-full-weight': 'management.drain',
  'any-lease': 'management.unknown-lease',
  'twice-the-same': 'management.same-id',
  'no-plain-tools': 'management.plain',
};

describe('the kit finds', () => {
  const find = async (manages: boolean, fault?: Fault) => {
    const server = await wrongServer(manages, fault);
    closers.push(server.stop);
    return kit(server.url, 150);
  };

  test('nothing in servers without a fault', async () => {
    expect(failed(await find(false))).toEqual([]);
    expect(failed(await find(true))).toEqual([]);
  });

  test.each(Object.entries(TOOL_FAULTS) as Array<[Fault, string]>)('%s', async (fault, check) => {
    expect((await find(false, fault)).find(({ id }) => id === check)?.outcome).toBe('fail');
  });

  test.each(Object.entries(MANAGEMENT_FAULTS) as Array<[Fault, string]>)(
    '%s, of a management server',
    async (fault, check) => {
      expect((await find(true, fault)).find(({ id }) => id === check)?.outcome).toBe('fail');
    },
  );
});

test('from the command line: a table, a last line of JSON, and the exit code', async () => {
  const { tools } = await ours();
  const good = await runCli(['conformance', 'netmcp', '--url', tools]);
  expect(good.stdout).toContain('ok    negotiation.netmcp');
  expect(good.code).toBe(0);
  const wrong = await wrongServer(false, 'no-extension');
  closers.push(wrong.stop);
  const bad = await runCli(['conformance', 'netmcp', '--url', wrong.url, '--json']);
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    type: 'result',
    kit: 'netmcp',
    conformant: false,
  });
  const nowhere = await runCli(['conformance', 'netmcp', '--url', 'http://127.0.0.1:1/mcp']);
  expect(nowhere.stderr).toMatch(/^error\[CONFORMANCE_NO_SERVER\]/);
  expect((await runCli(['conformance', 'netmcp'])).code).toBe(2);
});
