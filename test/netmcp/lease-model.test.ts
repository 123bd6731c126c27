import { afterEach, expect, test } from 'vitest';
import { type LeaseContext, leaseMachine, loadStateOf } from '../../machines/protocols/lease.machine.ts';
import { connectPlain, startManagementServer } from '../../src/netmcp/index.ts';
import { coverageOf, modelPaths } from '../../src/testing/index.ts';
import { testEnv, until } from './support/env.ts';

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const times = { leaseMs: 15_000, graceMs: 30_000, drainMs: 20_000 };
const figures = { load: 10, inFlight: 1, queue: 0, p95Ms: 1 };
const paths = modelPaths(leaseMachine, {
  input: { serverId: 's', ...times },
  events: [
    ...[{}, { load: 95 }, { load: 75 }, { inFlight: 0 }].map((more) => ({
      type: 'REPORT',
      ...figures,
      ...more,
    })),
    { type: 'RENEW' },
    { type: 'DRAIN' },
    { type: 'LEAVE' },
  ],
  effects: {},
});
const DELAYS: Record<string, number> = {
  lease: times.leaseMs,
  grace: times.graceMs,
  drain: times.drainMs,
};

test.each([
  ['the one management server', false],
  ['its peer, which only hears of it', true],
])(
  'every path of the lease chart, driven over the wire, as seen at %s: all transitions',
  async (_, atPeer) => {
    const env = testEnv();
    const coverage = coverageOf(leaseMachine);
    const host = '127.0.0.1';
    const home = await startManagementServer({ env, host, port: 0, times, inspect: coverage.inspect });
    closers.push(home.close);
    const peer = await startManagementServer({ env, host, port: 0, times, peers: [home.url] });
    closers.push(peer.close);
    const server = await connectPlain({ env, target: home.url, agentId: 'server' });
    closers.push(server.close);
    const watcher = await connectPlain({ env, target: atPeer ? peer.url : home.url, agentId: 'watcher' });
    closers.push(watcher.close);
    expect(paths.length).toBeGreaterThan(20);
    for (const [number, path] of paths.entries()) {
      const serverId = `s${number}`;
      const look = async () => {
        const { servers } = (await watcher.request('netmcp/servers/discover', { limit: 100 })) as {
          servers: Array<{ serverId: string; state: string; suspect: boolean }>;
        };
        return servers.find((one) => one.serverId === serverId);
      };
      const settled = async (fits: (seen: Awaited<ReturnType<typeof look>>) => boolean) => {
        for (let i = 0; i < 200; i += 1) if (fits(await look())) return true;
        return false;
      };
      const { lease } = (await server.request('netmcp/servers/register', {
        serverId,
        endpoints: ['http://127.0.0.1:9/mcp'],
        toolCount: 1,
        digest: serverId,
      })) as { lease: string };
      await settled((seen) => seen !== undefined);
      for (const [i, { event, value, context }] of path.entries()) {
        const { type, ...payload } = event as { type: string };
        if (type === 'REPORT') await server.request('netmcp/servers/report', { lease, ...payload });
        else if (type === 'RENEW') await server.request('netmcp/servers/update', { lease });
        else if (type === 'DRAIN' || type === 'LEAVE')
          await server.request('netmcp/servers/deregister', { lease, drain: type === 'DRAIN' });
        else if (type.startsWith('xstate.after.')) {
          env.pass(DELAYS[type.split('.')[2] ?? ''] as number);
          await until(() => true);
        }
        // What no state takes: a server that leaves says something about itself.
        else if (value === 'draining') await server.request('netmcp/servers/update', { lease });
        const { band } = context as unknown as LeaseContext;
        const state = loadStateOf(String(value), band);
        const trace = path
          .slice(0, i + 1)
          .map((step) => `${JSON.stringify(step.event)} -> ${String(step.value)}`);
        const fits = await settled((seen) =>
          value === 'gone'
            ? seen === undefined
            : seen?.state === state && seen.suspect === (value === 'suspect'),
        );
        if (!fits) throw new Error(`${trace.join('\n')}\nbut it is ${JSON.stringify(await look())}`);
      }
      // Out of the way of the next path.
      await server.request('netmcp/servers/deregister', { lease }).catch(() => {});
    }
    expect(coverage.uncovered()).toEqual([]);
  },
  120_000,
);
