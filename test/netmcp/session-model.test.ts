import { afterEach, expect, test } from 'vitest';
import type { EventObject, InspectionEvent } from 'xstate';
import { sessionMachine } from '../../machines/protocols/session.machine.ts';
import {
  CLIENT_OFFER,
  ERROR_OVERLOADED,
  loadParamsSchema,
  NOTIFICATIONS,
} from '../../src/netmcp/schema/index.ts';
import { openSession } from '../../src/netmcp/session/client-session.ts';
import { listenMcp } from '../../src/netmcp/session/host.ts';
import { createHttpPool, type Fetch } from '../../src/netmcp/session/keep-alive.ts';
import { RpcError } from '../../src/netmcp/session/rpc-error.ts';
import { coverageOf, type ModelStep, modelPaths } from '../../src/testing/index.ts';
import { testEnv, until } from './support/env.ts';

const closers: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const OFFER = { ...CLIENT_OFFER, features: ['load'] };
const load = (state: string, percent = 50) => ({
  type: 'LOAD',
  state,
  load: percent,
  weight: 50,
  alternates: [],
});
const agreed = { mode: 'netmcp', version: '1.0', features: ['load'], reason: null };
const paths = modelPaths(sessionMachine, {
  input: { serverId: 's', offer: OFFER, maxAttempts: 2 },
  events: [
    ...['normal', 'high', 'draining', 'gone'].map((state) => load(state)),
    load('overloaded', 95),
    load('overloaded'),
    { type: 'CALL_STARTED' },
    { type: 'CALL_ENDED' },
    { type: 'REFUSED', retryAfterMs: 100, alternates: [] } as EventObject,
    { type: 'LOST', reason: 'reset' } as EventObject,
    { type: 'CLOSE' },
  ],
  effects: {
    connect: { outputs: [{ peer: OFFER, serverName: 's', protocolVersion: '1' }], errors: [new Error('x')] },
    negotiation: { outputs: [agreed], errors: [] },
    disconnect: { outputs: [undefined], errors: [new Error('x')] },
  },
  counters: ['reason', 'weight', 'alternates', 'retryAfterMs'],
  within: ({ inFlight }) => Number(inFlight) < 2,
});

const CONNECTED = 'xstate.done.actor.connect';
/** The client negotiates in the same turn in which it is connected: nothing comes in between. */
const possible = paths.filter((path) =>
  path.every((step, i) => i === 0 || path[i - 1]?.value !== 'negotiating' || step.value !== 'closing'),
);

/** What the chart knows and a real client cannot do: negotiation is one pure step. */
const BEYOND = [/negotiating.*xstate\.error\.actor\.negotiation/, /negotiating.*CLOSE/];

/** A real server, and a real client session whose requests a test lets through, breaks or holds. */
async function subject(inspect: (event: InspectionEvent) => void) {
  const env = testEnv();
  let value: unknown;
  const held: Array<() => void> = [];
  let streaming = false;
  const onStream = () => {
    streaming = true;
  };
  const host = await listenMcp({
    env,
    host: '127.0.0.1',
    port: 0,
    side: {
      name: 's',
      instructions: '',
      parts: [{ features: ['load'], methods: new Map(), onStream }],
      listTools: () => [],
      async callTool(_, { name }) {
        if (name === 'refuse')
          throw new RpcError(ERROR_OVERLOADED, 'full', { alternates: [], retryAfterMs: 100 });
        await new Promise<void>((resolve) => held.push(resolve));
        return { content: [] };
      },
    },
  });
  const pool = createHttpPool(8);
  const gates = new Map<'connect' | 'disconnect', PromiseWithResolvers<void>>();
  const broken = () => Object.assign(new TypeError('fetch failed'), { cause: { code: 'ECONNRESET' } });
  const fetch: Fetch = async (url, init) => {
    const body = typeof init?.body === 'string' ? init.body : '';
    const gate = body.includes('"initialize"') ? 'connect' : init?.method === 'DELETE' ? 'disconnect' : null;
    if (gate !== null) {
      const turn = Promise.withResolvers<void>();
      gates.set(gate, turn);
      await turn.promise;
    }
    if (body.includes('"die"')) throw broken();
    return pool.fetchFor(undefined)(url, init);
  };
  let noticed = 0;
  const session = openSession({
    env,
    agentId: 'model',
    serverId: 's',
    target: { url: host.url },
    pool: { ...pool, fetchFor: () => fetch },
    offer: OFFER,
    maxAttempts: 2,
    inspect(event) {
      inspect(event);
      if (event.type !== '@xstate.snapshot' || event.actorRef.sessionId !== event.rootId) return;
      value = (event.snapshot as { value?: unknown }).value;
    },
    onNotification(method, params) {
      if (method !== NOTIFICATIONS.load) return;
      noticed += 1;
      session.tell({ type: 'LOAD', ...loadParamsSchema.parse(params) });
    },
  });
  const calls: Promise<unknown>[] = [];
  const call = (name: string) => {
    const ended = session.call(name, {}, {}, {}).catch(() => {});
    calls.push(ended);
    return ended;
  };
  const settle = async (gate: 'connect' | 'disconnect', well: boolean) => {
    const turn = await until(() => gates.get(gate));
    gates.delete(gate);
    if (well) turn.resolve();
    else turn.reject(broken());
  };
  const close = async () => {
    session.tell({ type: 'CLOSE' });
    for (const release of held) release();
    for (const turn of gates.values()) turn.reject(broken());
    await Promise.all(calls);
    await host.close();
    await pool.close();
  };
  closers.push(close);
  return {
    env,
    host,
    session,
    held,
    call,
    settle,
    noticed: () => noticed,
    streaming: () => streaming,
    value: () => value,
  };
}

const DELAYS: Record<string, (context: Record<string, unknown>) => number> = {
  backoff: ({ attempts }) => 100 * 2 ** (Number(attempts) - 1),
  calm: ({ retryAfterMs }) => Number(retryAfterMs) || 5_000,
  drainTimeout: () => 60_000,
  doubtTimeout: () => 5_000,
  disconnectTimeout: () => 2_000,
};

async function take(
  world: Awaited<ReturnType<typeof subject>>,
  step: ModelStep,
  before: ModelStep | undefined,
) {
  const { env, host, session, held, call, settle } = world;
  const { event } = step;
  const ready = session.state().phase === 'ready';
  if (event.type === CONNECTED || event.type === 'xstate.error.actor.connect')
    await settle('connect', event.type === CONNECTED);
  else if (event.type.endsWith('.actor.disconnect'))
    await settle('disconnect', event.type.startsWith('xstate.done'));
  else if (event.type === 'xstate.done.actor.negotiation') return;
  else if (event.type.startsWith('xstate.after.')) {
    const name = event.type.split('.')[2] ?? '';
    env.pass(DELAYS[name]?.(before?.context ?? step.context) ?? Number.NaN);
  } else if (event.type === 'LOAD' && ready) {
    const { type: _, ...notice } = event as EventObject & Record<string, unknown>;
    const count = world.noticed();
    await until(() => world.streaming());
    for (const peer of host.peers()) peer.notify(NOTIFICATIONS.load, { serverId: 's', ...notice });
    await until(() => world.noticed() > count);
  } else if (event.type === 'CALL_STARTED' && ready) {
    const count = held.length;
    call('hold');
    await until(() => held.length > count);
  } else if (event.type === 'CALL_ENDED' && held.length > 0) held.shift()?.();
  else if (event.type === 'REFUSED' && ready) {
    await call('refuse');
  } else if (event.type === 'LOST' && ready) await call('die');
  else session.tell(event as never);
}

/** The chart inside the client, and what the client says of it. */
function fits({ session, value }: Awaited<ReturnType<typeof subject>>, step: ModelStep): boolean {
  if (JSON.stringify(value()) !== JSON.stringify(step.value)) return false;
  const { phase, loadState, inFlight } = session.state();
  if (typeof step.value === 'string')
    return phase === (['closing', 'closed', 'gone'].includes(step.value) ? step.value : 'connecting');
  const { ready } = step.value as { ready: string };
  const said = ready === 'doubted' ? 'gone' : ready;
  return phase === 'ready' && loadState === said && inFlight === step.context.inFlight;
}

test('every path of the session chart, driven at a real client and server: all transitions', async () => {
  const coverage = coverageOf(sessionMachine);
  expect(possible.length).toBeGreaterThan(40);
  for (const path of possible) {
    const world = await subject(coverage.inspect);
    for (const [i, step] of path.entries()) {
      try {
        await take(world, step, path[i - 1]);
        // Connected and negotiated is one turn of the client.
        if (step.value !== 'negotiating') await until(() => fits(world, step));
      } catch (error) {
        const trace = path
          .slice(0, i + 1)
          .map(({ event, value }) => `${event.type} -> ${JSON.stringify(value)}`);
        throw new Error(
          `${String(error)}\n${trace.join('\n')}\nbut the session is ${JSON.stringify(world.session.state())}`,
        );
      }
    }
    await closers.pop()?.();
  }
  expect(coverage.uncovered().filter((edge) => !BEYOND.some((pattern) => pattern.test(edge)))).toEqual([]);
  expect(coverage.uncovered().length).toBeLessThanOrEqual(BEYOND.length);
}, 120_000);
