import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { JoinOptions } from '../../broker/index.ts';
import { domainMachine } from '../../machines/index.ts';
import { openStore } from '../../src/durable/index.ts';
import type { NetMcpClient } from '../../src/netmcp/index.ts';
import { createAgentHost, taskExecutor } from '../../src/runtime/actors/index.ts';
import type { AgentServices, RunProgress } from '../../src/runtime/agents/api.ts';
import { ask, CALL_KEY } from '../../src/runtime/agents/ask.ts';
import { STEP_KEY } from '../../src/runtime/agents/delegated.ts';
import { domainAgent } from '../../src/runtime/agents/domain.ts';
import { type AgentLinks, workflowFunctions, workflowRunner } from '../../src/runtime/agents/workflows.ts';
import { NetworkTime } from '../../src/runtime/network-time.ts';
import { compileWorkflow, createEngine } from '../../src/workflow/index.ts';
import { type Cuttable, cuttable } from '../bus/cuttable.ts';
import { env, join, newBus } from '../bus/support.ts';

const CALLER = 'netagent/core/central';
const timers = { firstReplyTimeoutMs: 150, streamIdleTimeoutMs: 100, maxAttempts: 2, backoffMs: [20] };

const skill = compileWorkflow(`
document: { dsl: 1.0.3, namespace: ran, name: prepare, version: 1.0.0 }
do:
  - reserve: { call: netmcp:1.0.0@default, with: { tool: reserve, arguments: { supi: "\${ .supi }" } } }
  - confirm: { call: netmcp:1.0.0@default, with: { tool: confirm, arguments: { policyId: "\${ .policyId }" } } }
`);
const whole = compileWorkflow(`
document: { dsl: 1.0.3, namespace: central, name: step, version: 1.0.0 }
do:
  - ask: { call: agent:1.0.0@default, with: { agent: "\${ .agents }", skill: prepare, input: { supi: imsi-1 } } }
`);

/** Tools with receipts, as a tool server has them; `confirm` waits while it is held. */
function toolServer() {
  const receipts = new Map<string, Record<string, unknown>>();
  const effects: string[] = [];
  let open: () => void = () => undefined;
  let gate = Promise.resolve();
  let started: () => void = () => undefined;
  const stopped = Promise.withResolvers<void>();
  const callTool: NetMcpClient['callTool'] = async (tool, _, { idempotencyKey = '', signal } = {}) => {
    if (tool === 'confirm') {
      started();
      signal?.addEventListener('abort', () => stopped.resolve());
      await gate;
      signal?.throwIfAborted();
    }
    const key = `${tool} ${idempotencyKey}`;
    if (!receipts.has(key)) {
      effects.push(tool);
      receipts.set(key, { policyId: `p-${effects.length}` });
    }
    return { output: receipts.get(key) ?? null, isError: false, text: '', server: 's', chain: [] };
  };
  return {
    callTool,
    effects,
    hold() {
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return new Promise<void>((resolve) => {
        started = resolve;
      });
    },
    release: () => open(),
    /** Resolves when a call that is held is told to stop. */
    stopped: stopped.promise,
  };
}

const networkTime = () => {
  const time = new NetworkTime({
    start: 0,
    advance: async () => undefined,
    mode: 'lockstep',
    wall: env.clock,
    onError: () => undefined,
  });
  onTestFinished(() => time.close());
  return time;
};

/** A runner of workflows as the runtime makes one; `links` says how the agent reaches others. */
function runner(links: AgentLinks, template: typeof skill, limits = { acceptMs: 1_000, deadlineMs: 20_000 }) {
  const time = networkTime();
  const engine = createEngine({ env, functions: workflowFunctions([], { env, time, limits }) });
  onTestFinished(() => engine.close());
  return workflowRunner({ engine, time, links, templates: new Map([[template.name, template]]) });
}

async function world(limits?: { acceptMs: number; deadlineMs: number }) {
  const bus = await newBus();
  onTestFinished(() => bus.close());
  const tools = toolServer();
  const dir = mkdtempSync(path(tmpdir(), 'delegated-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const none = async () => Promise.reject(new Error('asks nobody'));

  /** A domain agent behind a cable; `kill` ends it as a killed process does, without a word. */
  async function domain(id: string, ledgerDir: string, more: Partial<JoinOptions> = {}) {
    const cable: Cuttable = await cuttable(bus.mqttUrl);
    const store = openStore({ dir: ledgerDir, durability: 'write' });
    const links = {
      agent: id,
      netmcp: async () => tools as unknown as NetMcpClient,
      ask: none,
      cancel: none,
    };
    const manifest = { name: id, skills: [{ id: 'prepare' }] };
    const services = { manifest, runWorkflow: runner(links, skill) } as unknown as AgentServices;
    const host = createAgentHost({ env, id, machine: domainMachine, effects: domainAgent.create(services) });
    const member = await join(cable.url, id, taskExecutor(host), {
      ledger: store.tasks(id),
      timers,
      ...more,
    });
    let gone = false;
    const kill = async () => {
      if (gone) return;
      gone = true;
      cable.cut();
      host.stop();
      store.close();
      await member.close();
      await cable.close();
    };
    onTestFinished(kill);
    return { cable, kill };
  }

  const caller = await join(bus, CALLER, undefined, { timers, patienceMs: 500 });
  onTestFinished(() => caller.close());
  const cancelled: string[] = [];
  const run = runner(
    {
      agent: 'central',
      netmcp: none as never,
      ask: async (to, data, { callId, step, ids, ...options }) => {
        const metadata = { [CALL_KEY]: callId, [STEP_KEY]: step };
        return ask(await caller.client(to), { data, metadata, ...ids }, { ids: env.ids, ...options });
      },
      async cancel(to, id) {
        cancelled.push(to);
        await (await caller.client(to)).cancelTask({ tenant: '', id, metadata: undefined });
      },
    },
    whole,
    limits,
  );
  const heard: RunProgress[] = [];
  const listeners = new Set<() => void>();
  const hears = (type: RunProgress['type']) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (heard.some((event) => event.type === type)) resolve();
      };
      listeners.add(look);
      look();
    });
  const onProgress = (event: RunProgress) => {
    heard.push(event);
    for (const look of listeners) look();
  };
  const start = (agents: string[], signal = new AbortController().signal) =>
    run('step', { agents }, { signal, onProgress });
  return { tools, domain, start, heard, hears, cancelled, dir };
}

test('progress of the callee reaches the run of the caller', async () => {
  const { tools, domain, start, heard, dir } = await world();
  await domain('netagent/domains/ran', dir);
  const { output, actions } = await start(['netagent/domains/ran']);
  expect(output).toEqual({ policyId: 'p-2' });
  expect(actions.map(({ tool }) => tool)).toEqual(['reserve', 'confirm']);
  expect(tools.effects).toEqual(['reserve', 'confirm']);
  expect(heard.map(({ type, pointer, text, agent }) => [type, pointer, text, agent])).toEqual([
    ['task.started', '/do/0/ask', 'ask', undefined],
    ['task.progress', '/do/0/ask', 'confirm', 'netagent/domains/ran'],
    ['task.completed', '/do/0/ask', 'ask', undefined],
  ]);
});

test('a domain that is cut off and comes back goes on where it was: one task, each effect once', async () => {
  const { tools, domain, start, heard, hears, dir } = await world();
  const { cable } = await domain('netagent/domains/ran', dir);
  const confirming = tools.hold();
  const running = start(['netagent/domains/ran']);
  await Promise.all([confirming, hears('task.progress')]);
  cable.cut();
  await hears('task.exception');
  cable.mend();
  tools.release();
  expect((await running).output).toEqual({ policyId: 'p-2' });
  expect(tools.effects).toEqual(['reserve', 'confirm']);
  expect(heard.find(({ type }) => type === 'task.exception')?.text).toBe(
    'netagent/domains/ran cannot be reached now.',
  );
}, 15_000);

test('a domain that is killed and started again: its task failed, the step is done once more, each effect once', async () => {
  const { tools, domain, start, dir } = await world();
  const first = await domain('netagent/domains/ran', dir);
  const confirming = tools.hold();
  const running = start(['netagent/domains/ran']);
  await confirming;
  await first.kill();
  await domain('netagent/domains/ran', dir);
  tools.release();
  expect((await running).output).toEqual({ policyId: 'p-2' });
  expect(tools.effects).toEqual(['reserve', 'confirm']);
}, 15_000);

test('a domain that stays away: honest failure at the deadline, and what it may still do is taken back', async () => {
  const { tools, domain, start, hears, cancelled, dir } = await world({ acceptMs: 500, deadlineMs: 1_500 });
  const first = await domain('netagent/domains/ran', dir);
  const confirming = tools.hold();
  const running = start(['netagent/domains/ran']);
  const failed = expect(running).rejects.toThrow('No result came in time.');
  await Promise.all([confirming, hears('task.progress')]);
  await first.kill();
  await failed;
  expect(cancelled).toEqual(['netagent/domains/ran']);
  tools.release();
}, 15_000);

test('a step that is not wanted any more is cancelled at the domain', async () => {
  const { tools, domain, start, cancelled, dir } = await world();
  await domain('netagent/domains/ran', dir);
  const abort = new AbortController();
  const confirming = tools.hold();
  const running = start(['netagent/domains/ran'], abort.signal);
  const failed = expect(running).rejects.toThrow('cancelled');
  await confirming;
  abort.abort();
  await failed;
  await tools.stopped;
  tools.release();
  expect(cancelled).toEqual(['netagent/domains/ran']);
  expect(tools.effects).toEqual(['reserve']);
}, 15_000);

test('another agent does it where the first one never answers', async () => {
  const { tools, domain, start, dir } = await world({ acceptMs: 400, deadlineMs: 10_000 });
  const first = await domain('netagent/domains/ran', path(dir, 'a'));
  await domain('netagent/domains/ran-2', path(dir, 'b'));
  first.cable.cut();
  const { actions } = await start(['netagent/domains/ran', 'netagent/domains/ran-2']);
  expect(actions.map(({ agent }) => agent)).toEqual(['netagent/domains/ran-2', 'netagent/domains/ran-2']);
  expect(tools.effects).toEqual(['reserve', 'confirm']);
}, 15_000);
