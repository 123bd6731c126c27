import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { Finding } from '../../src/conformance/index.ts';
import {
  conformanceNetMcp,
  type LifeOptions,
  startManagementServer,
  startToolServer,
} from '../../src/netmcp/index.ts';
import { tool } from '../../src/netmcp/tools/types.ts';
import { createEnv } from '../../src/runtime/env.ts';
import { create, fakeSbi, ok, read } from '../netmcp/support/tools.ts';
import { runCli } from '../scenario/run-cli.ts';
import { type Fault, wrongServer } from './wrong-server/server.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const kit = (url: string, patienceMs = 2_000, only?: string[]) =>
  conformanceNetMcp({ url, patienceMs, only });
const failed = (findings: Finding[]) =>
  findings.filter(({ outcome }) => outcome === 'fail').map(({ id, detail }) => `${id}: ${detail}`);

/** Has an argument, which the checks of the anchor refer to. */
const lookUp = tool({
  name: 'test_look_up',
  title: 'Look up a kind of thing',
  description: 'Looks up how the things of one kind are.',
  category: 'sensing',
  kind: 'status perception',
  labels: ['status'],
  effects: 'read',
  nf: [{ type: 'PCF', operations: ['read'] }],
  input: z.strictObject({ of: z.enum(['cells', 'slices']) }),
  output: z.object({ of: z.string() }),
  execute: async (args) => args,
});

async function ours(life: LifeOptions = {}) {
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
    tools: [create, read, lookUp],
    life: { threshold: 0, ...life },
  });
  closers.push(tools.close);
  return { management: management.url, tools: tools.url };
}
const skipped = (findings: Finding[]) =>
  findings.filter(({ outcome }) => outcome === 'skip').map(({ id }) => id);

test('our tool server and our management server conform, and every check applies', async () => {
  const { management, tools } = await ours();
  for (const url of [management, tools]) {
    const findings = await kit(url);
    expect(failed(findings)).toEqual([]);
    expect(skipped(findings)).toEqual([]);
  }
});

test('our tool server conforms where it takes what the kit publishes', async () => {
  const { tools } = await ours({ publishers: ['netmcp-conformance'] });
  const findings = await kit(tools, 2_000, ['life']);
  expect(failed(findings)).toEqual([]);
  expect(skipped(findings)).toEqual(['life.held']);
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
  'resource-unreadable': 'mcp.resources',
  'resource-of-another-uri': 'mcp.resources',
  'any-resource': 'mcp.resources',
  'prompt-empty': 'mcp.prompts',
  'prompt-needs-nothing': 'mcp.prompts',
  'any-prompt': 'mcp.prompts',
  'finds-the-wrong-tool': 'discover.finds',
  'worst-first': 'discover.finds',
  'definition-differs': 'discover.finds',
  'over-limit': 'discover.limit',
  'over-budget': 'discover.budget',
  'tokens-miscounted': 'discover.budget',
  'any-question': 'discover.malformed',
  'route-forgets-key': 'route.call',
  'route-no-meta': 'route.call',
  'absent-tool-is-done': 'route.unknown-tool',
  'references-are-raw': 'route.execute',
  'references-to-nothing': 'route.reference',
  'references-lose-value': 'route.value',
  'default-before-value': 'route.value',
  'undoes-nothing': 'route.undo',
  'running-is-refused': 'route.join',
  'runs-as-given': 'route.execute',
  'answers-as-run': 'route.execute',
  'step-without-server': 'route.execute',
  'step-without-output': 'route.execute',
  'ignores-conditions': 'route.condition',
  'executes-anew': 'route.replay',
  'id-for-any-steps': 'route.replay',
  'any-plan': 'route.plan',
  'takes-circles': 'route.plan',
  'resumes-anything': 'route.resume',
  'one-secret': 'context.open',
  'short-secret': 'context.open',
  'value-mangled': 'context.values',
  'revision-stands': 'context.values',
  'undead-key': 'context.values',
  'no-compare': 'context.compare-and-set',
  'conflict-says-nothing': 'context.compare-and-set',
  'watch-ignores-prefix': 'context.watch',
  'watch-hides-deletions': 'context.watch',
  'watch-never-waits': 'context.watch',
  'subscribers-hear-nothing': 'context.notification',
  'notification-tells-value': 'context.notification',
  'last-message-first': 'context.queue',
  'delivers-once': 'context.queue',
  'attempt-stands': 'context.queue',
  'ack-in-vain': 'context.queue',
  'one-group': 'context.groups',
  'at-work-again': 'context.groups',
  'never-due': 'context.schedule',
  'cancels-twice': 'context.schedule',
  'schedules-without-time': 'context.schedule',
  'any-secret': 'context.secret',
  'secret-error-tells': 'context.secret',
  'secret-is-enough': 'context.stranger',
  'writes-reserved': 'context.reserved',
  'limit-is-malformed': 'context.limits',
  'limit-loses-value': 'context.limits',
  'closed-lives-on': 'context.close',
  'taken-not-listed': 'life.register',
  'takes-in-silence': 'life.register',
  'publishes-anything': 'life.malformed',
  'updates-in-vain': 'life.update',
  'updates-the-absent': 'life.update',
  'deprecates-in-vain': 'life.update',
  'removed-is-listed': 'life.remove',
  'removes-the-absent': 'life.remove',
  'strangers-remove': 'life.stranger',
  'loads-unknown-sets': 'life.toolsets',
  'loads-in-silence': 'life.toolsets',
  'unloads-in-vain': 'life.toolsets',
};
/** Of a server that holds what is published. */
const HOLDING_FAULTS: Partial<Record<Fault, string>> = {
  'held-is-listed': 'life.register',
  'held-without-reason': 'life.register',
  'held-is-executed': 'life.held',
};
const MANAGEMENT_FAULTS: Partial<Record<Fault, string>> = {
  'serves-unnamed': 'negotiation.unnamed-feature',
  'endless-report': 'management.register',
  'report-says-nothing': 'management.report',
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
  async function whole(manages: boolean, holds = false) {
    const server = await wrongServer(manages, undefined, holds);
    closers.push(server.stop);
    return kit(server.url);
  }
  /** What the check says of a server with the fault. */
  async function outcome(manages: boolean, fault: Fault, check: string, holds = false) {
    const server = await wrongServer(manages, fault, holds);
    closers.push(server.stop);
    const [finding] = await kit(server.url, 300, [check]);
    return { check: finding?.id, outcome: finding?.outcome };
  }
  test('nothing in servers without a fault, and leaves out only what cannot apply', async () => {
    const [takes, holds, manages] = [await whole(false), await whole(false, true), await whole(true)];
    expect([takes, holds, manages].flatMap(failed)).toEqual([]);
    expect(skipped(takes)).toEqual(['life.held']);
    expect(skipped(holds)).toEqual([]);
    expect(skipped(manages)).toEqual([]);
  });

  test('a fault by each of its checks', async () => {
    const seen = new Set([TOOL_FAULTS, HOLDING_FAULTS, MANAGEMENT_FAULTS].flatMap(Object.values<string>));
    const ids = [...(await whole(false)), ...(await whole(true))].map(({ id }) => id);
    expect(ids.filter((id) => !seen.has(id))).toEqual([]);
    expect([...seen].filter((id) => !ids.includes(id))).toEqual([]);
  });

  test.each(Object.entries(TOOL_FAULTS) as Array<[Fault, string]>)('%s', async (fault, check) => {
    expect(await outcome(false, fault, check)).toEqual({ check, outcome: 'fail' });
  });

  test.each(Object.entries(HOLDING_FAULTS) as Array<[Fault, string]>)(
    '%s, where tools are held',
    async (fault, check) => {
      expect(await outcome(false, fault, check, true)).toEqual({ check, outcome: 'fail' });
    },
  );

  test.each(Object.entries(MANAGEMENT_FAULTS) as Array<[Fault, string]>)(
    '%s, of a management server',
    async (fault, check) => {
      expect(await outcome(true, fault, check)).toEqual({ check, outcome: 'fail' });
    },
  );
});

test('from the command line: a table, a last line of JSON, and the exit code', async () => {
  const { tools } = await ours();
  const wrong = await wrongServer(false, 'no-extension');
  closers.push(wrong.stop);
  const run = (...args: string[]) => runCli(['conformance', 'netmcp', ...args]);
  const [good, bad, nowhere, unsaid] = await Promise.all([
    run('--url', tools),
    run('--url', wrong.url, '--json'),
    run('--url', 'http://127.0.0.1:1/mcp'),
    run(),
  ]);
  expect(good.stdout).toContain('ok    negotiation.netmcp');
  expect(good.code).toBe(0);
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    type: 'result',
    kit: 'netmcp',
    conformant: false,
  });
  expect(nowhere.stderr).toMatch(/^error\[CONFORMANCE_NO_SERVER\]/);
  expect(unsaid.code).toBe(2);
});

test('from the command line, only some checks: a group, a check, and a name that none has', async () => {
  const { tools } = await ours();
  const run = (...args: string[]) => runCli(['conformance', 'netmcp', '--url', tools, ...args]);
  const [some, none] = await Promise.all([
    run('--only', 'discover,call.trace', '--json'),
    run('--only', 'discover,cal'),
  ]);
  const findings = some.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { id?: string });
  const groups = new Set(
    findings.flatMap(({ id }) => (id === undefined ? [] : [id.replace(/^discover\..*/, 'discover')])),
  );
  expect([...groups].sort()).toEqual(['call.trace', 'discover']);
  expect(some.code).toBe(0);
  expect(none.stderr).toMatch(/^error\[CONFORMANCE_NO_CHECK\] .*called cal,/);
  expect(none.code).not.toBe(0);
});
