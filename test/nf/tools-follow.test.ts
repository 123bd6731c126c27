import { afterEach, expect, test } from 'vitest';
import { connectNetMcp, startManagementServer, startToolServer, toolsOf } from '../../src/netmcp/index.ts';
import { startNetwork } from '../../src/network/index.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { client, counting, eventually, toolServer } from '../netmcp/support/life.ts';
import { countingPcf, realNrf } from '../netmcp/support/nfs.ts';
import { START, SUPI } from './network.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** The simulated network, a tool server of its policy control before it, and an agent. */
async function served() {
  const env = testEnv();
  const host = '127.0.0.1';
  const net = await startNetwork({
    env,
    host,
    simulation: { seed: 7, startTime: START, homeRegion: 'shanghai', supi: SUPI, uesPerRegion: 20 },
  });
  closers.push(net.close);
  const management = await startManagementServer({ env, host, port: 0 });
  closers.push(management.close);
  const server = await startToolServer({
    env,
    host,
    port: 0,
    id: 'core-tools',
    management: management.url,
    nrf: net.nrf,
    // Of one type alone: the load of a server is that of what a call meets on average.
    tools: toolsOf('core').filter(({ meta }) => meta.nf.every(({ type }) => type === 'PCF')),
  });
  closers.push(server.close);
  const agent = await connectNetMcp({ env, agentId: 'netagent/test', management: management.url });
  closers.push(agent.close);
  return { env, net, server, agent };
}

const PCF = (n: number) => `00000000-0000-4000-8000-0000000000${n}3`;

test('the load that functions of the network report at the NRF is that of the tool server before them', async () => {
  const { net, server, agent } = await served();
  await net.beat();
  await server.setLoad(null);
  const [before] = await agent.discover({});
  expect(before?.load).toBeLessThan(50);
  const faults = [];
  for (const n of [0, 1])
    faults.push(await net.faults.inject({ kind: 'nf-overload', instance: PCF(n), refused: 97 }));
  await server.setLoad(null);
  expect(await agent.discover({})).toMatchObject([{ load: 97, state: 'overloaded' }]);
  for (const { id } of faults) await net.faults.clear(id);
  await net.beat();
  await server.setLoad(null);
  const [after] = await agent.discover({});
  expect(after?.load).toBeLessThan(50);
});

test('a tool is served by the other function of a set when the first one dies', async () => {
  const { net, agent } = await served();
  const args = { supi: SUPI, dlMbps: 2, ulMbps: 1, maxDelayMs: 150 };
  const made = await agent.callTool('core_create_qos_session', args);
  expect(made.isError).toBe(false);
  await net.faults.inject({ kind: 'nf-dead', instance: PCF(0) });
  const { sessionId } = made.output as { sessionId: string };
  expect(await agent.callTool('core_read_qos_session', { sessionId })).toMatchObject({
    isError: false,
    output: { guaranteed: true },
  });
});

test('a function that appears, changes and falls silent shows in the tools within its heart-beats', async () => {
  const env = testEnv();
  const nrf = await realNrf(env);
  const pcf = await countingPcf(nrf, 1, 3);
  const { life, server } = await toolServer({ watchNrf: true }, { env, nrf: nrf.url });
  const agent = await client(server.url);
  const name = 'policy_count_things';
  expect(await agent.names()).not.toContain(name);
  const beating = { heartBeatTimer: 5 };
  // No time passes on the clock: the notification alone brings it.
  await pcf.publish([counting()], beating);
  await eventually(agent.names, (names) => names.includes(name));
  await pcf.publish([counting({ description: 'Counts things, now exactly.' }, { version: '1.1' })], beating);
  await eventually(
    () => life.tools()[0]?.version,
    (version) => version === '1.1',
  );
  // Two heart-beats missed, and the NRF suspends it; the tool server hears that at once.
  env.pass(10_100);
  await eventually(
    () => life.tools()[0]?.state,
    (state) => state === 'deprecated',
  );
  await pcf.publish([counting({}, { version: '1.2' })], beating);
  await eventually(
    () => life.tools()[0]?.state,
    (state) => state === 'available',
  );
});
