import { setTimeout as pause } from 'node:timers/promises';
import { afterEach } from 'vitest';
import { connectPlain, startManagementServer, startToolServer } from '../../../src/netmcp/index.ts';
import type { LifeOptions } from '../../../src/netmcp/life/life.ts';
import type { PublishedResult } from '../../../src/netmcp/schema/index.ts';
import type { SbiRequest, SbiResponse } from '../../../src/netmcp/tools/types.ts';
import type { Audit } from '../../../src/netmcp/toolserver/audit.ts';
import type { PolicyRule } from '../../../src/netmcp/toolserver/policy.ts';
import { type TestEnv, testEnv } from './env.ts';
import { create, fakeSbi, ok, read } from './tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});
export const closing = (close: () => Promise<void>) => void closers.push(close);

const host = '127.0.0.1';

/** A tool server with two tools of its own, and a management server. */
export async function toolServer(
  life: LifeOptions = {},
  more: {
    env?: TestEnv;
    answer?: (request: SbiRequest, signal: AbortSignal) => Promise<SbiResponse> | SbiResponse;
    nrf?: string;
    policy?: PolicyRule[];
    audit?: Audit;
    id?: string;
  } = {},
) {
  const env = more.env ?? testEnv();
  const management = await startManagementServer({ env, host, port: 0 });
  closing(management.close);
  const { port, requests } = fakeSbi(more.answer ?? (() => ok({ value: 1 })));
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: more.id ?? 'test-tools',
    management: management.url,
    nrf: more.nrf ?? port,
    tools: [create, read],
    summary: 'Things of the policy control: their bandwidth, their status, how many there are.',
    life: { publishers: ['nf-a', 'nf-b'], ...life },
    ...(more.policy && { policy: more.policy }),
    ...(more.audit && { audit: more.audit }),
  });
  closing(server.close);
  return { env, management: management.url, server, requests, life: server.life };
}

/** A client of one server that hears when its tools change. */
export async function client(url: string, agentId = 'agent', features?: string[]) {
  const one = await connectPlain({
    env: testEnv(),
    target: url,
    agentId,
    ...(features && { offer: { version: '1.0', features } }),
  });
  closing(one.close);
  /** Without the search, which every server has. */
  const names = async () =>
    (await one.listTools())
      .map((tool) => tool.name)
      .filter((name) => name !== 'tools_discover')
      .sort();
  return { ...one, names, text: async (name: string, args = {}) => (await one.callTool(name, args)).text };
}

/** A valid tool as an NF publishes it. */
export const counting = (more: object = {}, meta: object = {}) => ({
  name: 'policy_count_things',
  title: 'Count things',
  description: 'Counts the things of a subscriber at the policy control.',
  inputSchema: {
    type: 'object',
    properties: { supi: { type: 'string', maxLength: 20 }, active: { type: 'boolean' } },
    required: ['supi'],
  },
  outputSchema: { type: 'object', properties: { count: { type: 'number' } }, required: ['count'] },
  meta: { category: 'policy', labels: ['thing', 'status'], effects: 'read', ...meta },
  binding: {
    nf: 'PCF',
    operation: 'CountThings',
    method: 'GET',
    path: '/npcf-things/v1/subscribers/{supi}/things',
    query: { active: '{active}' },
    response: { count: '/data/total' },
  },
  probe: { path: '/npcf-things/v1/status' },
  ...more,
});

export const register = (
  of: { request(method: string, params: Record<string, unknown>): Promise<unknown> },
  tool: object,
) =>
  of.request('netmcp/tools/register', {
    tool,
    summary: 'Things of subscribers.',
  }) as Promise<PublishedResult>;

/** Asks again and again, while other processes work, until the answer fits. */
export async function eventually<T>(ask: () => T | Promise<T>, fits: (value: T) => boolean): Promise<T> {
  for (let i = 0; i < 5_000; i += 1) {
    const value = await ask();
    if (fits(value)) return value;
    await pause(2);
  }
  throw new Error(`what was waited for did not come: ${JSON.stringify(await ask())?.slice(0, 500)}`);
}

/** The outcome of work that waits on a virtual clock, which moves until it is there. */
export async function passing<T>(env: TestEnv, work: Promise<T>): Promise<T> {
  let done = false;
  const settled = work.finally(() => {
    done = true;
  });
  settled.catch(() => undefined);
  for (let i = 0; i < 1_000 && !done; i += 1) {
    await pause(2);
    if (!done) env.pass(50);
  }
  return settled;
}
