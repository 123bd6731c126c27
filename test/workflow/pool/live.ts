import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openStore } from '../../../src/durable/index.ts';
import { fail } from '../../../src/errors.ts';
import { connectNetMcp, memoryContextStore, type NetMcpClient } from '../../../src/netmcp/index.ts';
import { startNetwork } from '../../../src/network/index.ts';
import { workflowFunctions, workflowRunner } from '../../../src/runtime/agents/workflows.ts';
import { startNetMcp } from '../../../src/runtime/netmcp.ts';
import { NetworkTime } from '../../../src/runtime/network-time.ts';
import { createEngine, loadTemplates } from '../../../src/workflow/index.ts';
import { testEnv } from '../../netmcp/support/env.ts';

export const SUPI = 'imsi-001010000000001';
export const START = Date.parse('2026-03-02T01:00:00Z');
const AGENTS = resolve(import.meta.dirname, '../../../agents');
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
  const failing = new Map<string, number>();
  const watched: NetMcpClient = {
    ...client,
    async callTool(tool, args, options) {
      calls.push({ tool, args });
      const left = failing.get(tool);
      if (left !== undefined) {
        failing.set(tool, left - 1);
        if (left === 0) {
          failing.delete(tool);
          throw fail('NETMCP_TOOL_FAILED', { tool, problem: 'broken on purpose' });
        }
      }
      return client.callTool(tool, args, options);
    },
  };
  const runners: Map<string, ReturnType<typeof workflowRunner>> = new Map(
    [...DOMAINS, 'central' as const].map((agent) => [
      agent as string,
      workflowRunner({
        engine,
        templates: loadTemplates(join(AGENTS, agent, 'workflows')),
        time,
        links: {
          agent,
          netmcp: async () => watched,
          ask: async (to, data, { callId, onAccepted, signal }) => {
            onAccepted?.('task');
            const { skill, input } = data as { skill: string; input: unknown };
            const answer = { taskId: 'task', contextId: 'context', text: '', statusData: null };
            try {
              const found = runners.get(to);
              if (found === undefined) throw new Error(`no agent ${to}`);
              const run = await found(skill, input, {
                signal: signal ?? new AbortController().signal,
                parentCall: callId,
              });
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
    calls,
    time,
    /** The `nth` call of the tool from now on fails, the first is 1. */
    failAt(tool: string, nth = 1) {
      failing.set(tool, nth - 1);
    },
    /** A tool, past the templates: to prepare the network, and to look at it. */
    async tool(name: string, args: Record<string, unknown>): Promise<Record<string, unknown>> {
      const { isError, output, text } = await client.callTool(name, args);
      if (isError) throw new Error(`${name}: ${text}`);
      return output as Record<string, unknown>;
    },
    /** Runs a template of an agent; its output. */
    async run(agent: Agent, name: string, input: Record<string, unknown>): Promise<Record<string, unknown>> {
      const run = await runners.get(agent)?.(name, input, { signal: new AbortController().signal });
      return run?.output as Record<string, unknown>;
    },
    async close() {
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

export type Live = Awaited<ReturnType<typeof live>>;
