import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';
import { openStore } from '../../../../src/durable/index.ts';
import { fail } from '../../../../src/errors.ts';
import { connectNetMcp, memoryContextStore, type NetMcpClient } from '../../../../src/netmcp/index.ts';
import { startNetwork } from '../../../../src/network/index.ts';
import { workflowFunctions, workflowRunner } from '../../../../src/runtime/agents/workflows.ts';
import { startNetMcp } from '../../../../src/runtime/netmcp.ts';
import { NetworkTime } from '../../../../src/runtime/network-time.ts';
import { type CompiledWorkflow, createEngine, openPool } from '../../../../src/workflow/index.ts';

import { testEnv } from '../../../netmcp/support/env.ts';

export const SUPI = 'imsi-001010000000001';
export const START = Date.parse('2026-03-02T01:00:00Z');
const AGENTS = resolve(import.meta.dirname, '../../../../agents');
export const DOMAINS = ['ran', 'core', 'transport', 'computing'] as const;
export type Agent = (typeof DOMAINS)[number] | 'central';

/**
 * The simulated network with its functions, the NetMCP servers before it and the agents' templates: all of
 * the way but the bus, in whose place an agent's skill is run here. One for a whole file.
 */
export async function live() {
  const env = testEnv();
  const dataDir = mkdtempSync(join(tmpdir(), 'netagent-templates-'));
  const net = await startNetwork({
    env,
    host: '127.0.0.1',
    simulation: { seed: 7, startTime: START, homeRegion: 'shanghai', supi: SUPI, uesPerRegion: 40 },
  });
  const store = openStore({ dir: dataDir, durability: 'write' });
  const servers = await startNetMcp({
    env,
    host: '127.0.0.1',
    nrf: net.nrf,
    contexts: memoryContextStore(),
    store,
    dataDir,
    agents: [],
  });
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: servers.managers });
  const time = new NetworkTime({
    start: START,
    mode: 'lockstep',
    wall: env.clock,
    advance: (t) => net.advanceTo(t),
    onError: (error) => env.log.error({ problem: String(error) }, 'network time'),
  });
  const engine = createEngine({ env, functions: workflowFunctions([], { env, time }) });

  /** Calls of tools so far, and those that shall fail: by tool, at which call of it. */
  const calls: Array<{ tool: string; args: Record<string, unknown> }> = [];
  const failing = new Map<string, { nths: number[]; error: (tool: string) => Error }>();
  const watched: NetMcpClient = {
    ...client,
    async callTool(tool, args, options) {
      calls.push({ tool, args });
      const planned = failing.get(tool);
      if (planned !== undefined) {
        planned.nths = planned.nths.map((n) => n - 1);
        if (planned.nths.includes(0)) throw planned.error(tool);
      }
      return client.callTool(tool, args, options);
    },
  };
  const pool = openPool({
    folders: [...DOMAINS, 'central'].map((agent) => join(AGENTS, agent, 'workflows')),
    clock: env.clock,
    watch: false,
  });
  // Compiled as they are run: most of a file's tests are about one agent's.
  const find = (agent: string, name: string) =>
    pool.list().find((one) => one.domain === agent && one.name === name);
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  const ran = new Set<string>();
  /** Input and output of every run are held against the template's own schemas. */
  const holds = (agent: string, name: string, kind: 'input' | 'output', value: unknown) => {
    const schema = find(agent, name)?.[kind];
    if (schema == null) throw new Error(`${agent}/${name} has no schema of its ${kind}`);
    if (!ajv.validate(schema, value)) throw new Error(`${kind} of ${agent}/${name}: ${ajv.errorsText()}`);
  };
  const runners: Map<string, ReturnType<typeof workflowRunner>> = new Map(
    [...DOMAINS, 'central' as const].map((agent) => [
      agent as string,
      workflowRunner({
        engine,
        templates: { get: (name: string) => find(agent, name)?.workflow } as ReadonlyMap<
          string,
          CompiledWorkflow
        >,
        time,
        links: {
          agent,
          netmcp: async () => watched,
          cancel: async () => {},
          ask: async (to, data, { callId, onAccepted, signal }) => {
            onAccepted?.('task');
            const { skill, input } = data as { skill: string; input: unknown };
            const answer = { taskId: 'task', contextId: 'context', text: '', statusData: null };
            try {
              const found = runners.get(to);
              if (found === undefined) throw new Error(`no agent ${to}`);
              holds(to, skill, 'input', input);
              ran.add(`${to}/${skill}`);
              const run = await found(skill, input, {
                signal: signal ?? new AbortController().signal,
                parentCall: callId,
              });
              holds(to, skill, 'output', run.output);
              return { ...answer, state: 'completed' as const, data: run };
            } catch (error) {
              return { ...answer, state: 'failed' as const, text: (error as Error).message, data: null };
            }
          },
        },
      }),
    ]),
  );

  return {
    env,
    net,
    client: watched,
    calls,
    /** `agent/template` of all that ran, also as a skill behind another. */
    ran,
    /** Arguments of the last call of a tool. */
    last: (tool: string) => calls.findLast((one) => one.tool === tool)?.args ?? {},
    pool,
    time,
    /** The `nths` calls of the tool from now on fail; the first is 1. Another agent is asked twice for what fails. */
    failAt(tool: string, ...nths: number[]) {
      failing.set(tool, {
        nths: nths.length === 0 ? [1] : nths,
        error: () => fail('NETMCP_TOOL_FAILED', { tool, problem: 'broken on purpose' }),
      });
    },
    /** The same, where the way to the tool is cut. */
    cutAt(tool: string, ...nths: number[]) {
      const error = () => fail('NETMCP_UNREACHABLE', { server: tool, problem: 'cut on purpose' });
      failing.set(tool, { nths, error });
    },
    /** A tool, past the templates: to prepare the network, and to look at it. */
    async tool(name: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
      const { isError, output, text } = await client.callTool(name, args);
      if (isError) throw new Error(`${name}: ${text}`);
      return output as Record<string, unknown>;
    },
    /** Runs a template of an agent; its output. */
    async run(agent: Agent, name: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
      holds(agent, name, 'input', input);
      ran.add(`${agent}/${name}`);
      const run = await runners.get(agent)?.(name, input, { signal: new AbortController().signal });
      holds(agent, name, 'output', run?.output);
      return run?.output as Record<string, unknown>;
    },
    async close() {
      pool.close();
      await engine.close();
      time.close();
      await client.close();
      await servers.close();
      await store.close();
      await net.close();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** A workflow that faulted, with the title of its fault. */
export const faulted = (title: RegExp) => ({
  code: 'WORKFLOW_FAULTED',
  details: { fault: { title: expect.stringMatching(title) } },
});

/** The templates of an agent that did not run. */
export const notRun = ({ ran, pool }: Live, agent: Agent) =>
  pool
    .list()
    .filter(({ domain, name }) => domain === agent && !ran.has(`${agent}/${name}`))
    .map(({ name }) => name);

export type Live = Awaited<ReturnType<typeof live>>;
