import { randomUUID } from 'node:crypto';
import { type Check, expect } from '../../conformance/check.ts';
import { METHODS, NOTIFICATIONS, registerResultSchema, reportResultSchema } from '../schema/index.ts';
import { expectResult, expectShape, type ServerContext, show } from './context.ts';
import type { Answer, Json, Probe } from './probe.ts';

interface Registered {
  serverId: string;
  tool: string;
  area: string;
  lease: string;
  leaseMs: number;
  reportEveryMs: number;
}

/** Registers a server that takes no calls: its tool has a name that nobody asks for. */
async function register(probe: Probe): Promise<Registered> {
  const mark = randomUUID().slice(0, 8);
  const names = {
    serverId: `conformance-${mark}`,
    tool: `conformance_${mark}`,
    area: `conformance-area-${mark}`,
  };
  const answer = await probe.ask(METHODS.register, {
    serverId: names.serverId,
    endpoints: ['http://127.0.0.1:9/mcp'],
    serviceArea: [names.area],
    summary: `Calibrates the zeppelin of ${mark}`,
    toolCount: 1,
    digest: mark,
    tools: [{ name: names.tool, description: `Calibrates the zeppelin of ${mark}` }],
  });
  const read = registerResultSchema.safeParse(expectResult(answer));
  expect(read.success, () => `the answer to register has no lease: ${show(answer.json?.result)}`);
  return { ...names, ...read.data };
}

async function registered<T>(
  context: ServerContext,
  work: (server: Registered, probe: Probe) => Promise<T>,
): Promise<T> {
  const { probe } = context;
  const server = await register(probe);
  try {
    return await work(server, probe);
  } finally {
    await probe.ask(METHODS.deregister, { lease: server.lease, drain: false });
  }
}

async function discover(probe: Probe, query: Json): Promise<Json[]> {
  const { servers } = expectResult(await probe.ask(METHODS.discover, query));
  expect(Array.isArray(servers), () => 'discover gives no list of servers');
  return servers as Json[];
}

const report = (probe: Probe, server: Registered, load: unknown): Promise<Answer> =>
  probe.ask(METHODS.report, { lease: server.lease, load, inFlight: 0, queue: 0, p95Ms: 5 });
const idsOf = (servers: Json[]) => servers.map(({ serverId }) => serverId);

/** A management server (NetMCP 4 and 6). The checks register servers of their own and take them out again. */
export const MANAGEMENT_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'management.register',
    source: 'NetMCP 4',
    level: 'core',
    says: 'a registered server has a lease, which its reports can keep',
    run: (context) =>
      registered(context, async (server) => {
        expect(server.reportEveryMs < server.leaseMs, () => 'reports are due less often than the lease ends');
      }),
  },
  {
    id: 'management.discover',
    source: 'NetMCP 4',
    level: 'core',
    says: 'a server is found by tool, task and area, and by no other area or tool',
    run: (context) =>
      registered(context, async ({ serverId, tool, area }, probe) => {
        expect(idsOf(await discover(probe, { tool })).includes(serverId), () => 'not found by its tool');
        const [first] = await discover(probe, { task: `calibrate the zeppelin of ${tool.slice(-8)}` });
        expect(first?.serverId === serverId, () => `by its task, the first is ${show(first?.serverId)}`);
        expect(
          idsOf(await discover(probe, { serviceArea: area })).includes(serverId),
          () => 'not found by its area',
        );
        expect(
          !idsOf(await discover(probe, { serviceArea: `${area}-other`, limit: 100 })).includes(serverId),
          () => 'found in an area that it does not serve',
        );
        expect(
          (await discover(probe, { tool: `${tool}_other` })).length === 0,
          () => 'found by another tool',
        );
      }),
  },
  {
    id: 'management.report',
    source: 'NetMCP 4 and 6',
    level: 'core',
    says: 'a report is answered with the state, the weight and who can take over',
    run: (context) =>
      registered(context, async (server, probe) => {
        const answer = expectShape(await report(probe, server, 10), reportResultSchema, 'servers/report');
        expect(answer.state === 'normal' && answer.weight > 0, () => `at load 10: ${show(answer)}`);
        expect(
          answer.alternates.every(({ serverId }) => serverId !== server.serverId),
          () => 'the server is an alternate for itself',
        );
      }),
  },
  {
    id: 'management.load-bands',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a report of high load is seen in state and weight; one of low load brings it back',
    run: (context) =>
      registered(context, async (server, probe) => {
        const of = async (load: number) => {
          expectResult(await report(probe, server, load));
          return (await discover(probe, { tool: server.tool }))[0] as Json;
        };
        const calm = await of(10);
        const full = await of(100);
        expect(full.state === 'overloaded', () => `at load 100 the state is ${show(full.state)}`);
        expect(Number(full.weight) < Number(calm.weight), () => 'the weight does not fall with the load');
        const after = await of(5);
        expect(after.state === 'normal', () => `at load 5 again the state is ${show(after.state)}`);
      }),
  },
  {
    id: 'management.false-load',
    source: 'NetMCP 6',
    level: 'core',
    says: 'a load that is no percentage is refused, and what was reported before stays',
    run: (context) =>
      registered(context, async (server, probe) => {
        expectResult(await report(probe, server, 40));
        for (const load of [-5, 101, null, 'NaN']) {
          const answer = await report(probe, server, load);
          expect(answer.json?.error?.code === -32602, () => `load ${show(load)}: ${show(answer.json)}`);
        }
        const [entry] = await discover(probe, { tool: server.tool });
        expect(entry?.load === 40, () => `the load is now ${show(entry?.load)}`);
      }),
  },
  {
    id: 'management.subscribe',
    source: 'NetMCP 4 and 6',
    level: 'core',
    says: 'who subscribed hears of load and of servers that leave',
    run: (context) =>
      context.listening(async (listener, stream) => {
        expectResult(await listener.ask(METHODS.subscribe, {}));
        const server = await register(context.probe);
        expectResult(await report(context.probe, server, 100));
        const load = await stream.waitFor(
          ({ method, params }) =>
            method === NOTIFICATIONS.load &&
            params?.serverId === server.serverId &&
            params.state === 'overloaded',
        );
        await context.probe.ask(METHODS.deregister, { lease: server.lease, drain: false });
        expect(load !== undefined, () => 'no notifications/netmcp/load about the overload came');
        const gone = await stream.waitFor(
          ({ method, params }) =>
            params?.serverId === server.serverId &&
            ((method === NOTIFICATIONS.changed && params.change === 'gone') ||
              (method === NOTIFICATIONS.load && params.state === 'gone')),
        );
        expect(gone !== undefined, () => 'nothing was heard of the server that left');
      }),
  },
  {
    id: 'management.drain',
    source: 'NetMCP 4 and 6',
    level: 'core',
    says: 'a server that drains gets weight 0 until it is gone; its lease cannot be used after it left',
    run: (context) =>
      registered(context, async (server, probe) => {
        expectResult(
          await probe.ask(METHODS.report, { lease: server.lease, load: 10, inFlight: 1, queue: 0, p95Ms: 5 }),
        );
        expectResult(await probe.ask(METHODS.deregister, { lease: server.lease, drain: true }));
        const [entry] = await discover(probe, { tool: server.tool });
        expect(
          entry === undefined || (entry.state === 'draining' && entry.weight === 0),
          () => `while it drains: ${show(entry)}`,
        );
        await probe.ask(METHODS.deregister, { lease: server.lease, drain: false });
        const after = await report(probe, server, 10);
        expect(after.json?.error !== undefined, () => 'a server that left can still report');
      }),
  },
  {
    id: 'management.unknown-lease',
    source: 'NetMCP 4',
    level: 'core',
    says: 'an unknown lease is refused',
    async run({ probe }) {
      const answer = await probe.ask(METHODS.report, {
        lease: randomUUID(),
        load: 1,
        inFlight: 0,
        queue: 0,
        p95Ms: 1,
      });
      expect(answer.json?.error !== undefined, () => `it was taken: ${show(answer.json)}`);
    },
  },
  {
    id: 'management.same-id',
    source: 'NetMCP 4',
    level: 'core',
    says: 'a server that registers again is there once',
    run: (context) =>
      registered(context, async (server, probe) => {
        const again = await probe.ask(METHODS.register, {
          serverId: server.serverId,
          endpoints: ['http://127.0.0.1:9/mcp'],
          toolCount: 1,
          digest: 'again',
          tools: [{ name: server.tool }],
        });
        const { lease } = expectResult(again) as { lease?: string };
        const entries = await discover(probe, { tool: server.tool });
        expect(entries.length === 1, () => `it is there ${entries.length} times`);
        await probe.ask(METHODS.deregister, { lease, drain: false });
      }),
  },
  {
    id: 'management.plain',
    source: 'NetMCP 4',
    level: 'core',
    says: 'everything is there as plain MCP tools too',
    run: (context) =>
      registered(context, async (server) => {
        const plain = await context.open(null);
        try {
          const names = context.tools.map(({ name }) => name);
          const missing = ['register', 'update', 'deregister', 'report', 'discover']
            .map((verb) => `servers_${verb}`)
            .filter((name) => !names.includes(name));
          expect(missing.length === 0, () => `no tool ${missing.join(', ')}`);
          const result = expectResult(
            await plain.ask('tools/call', { name: 'servers_discover', arguments: { tool: server.tool } }),
          );
          const found = (result.structuredContent as { servers?: Json[] } | undefined)?.servers ?? [];
          expect(idsOf(found).includes(server.serverId), () => `servers_discover gives ${show(result)}`);
        } finally {
          await plain.close();
        }
      }),
  },
];
