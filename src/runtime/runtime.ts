import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { JWK } from 'jose';
import { type Admission, agentCard, joinBus, startDispatcher } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import { openContextStore, openStore } from '../durable/index.ts';
import { fail } from '../errors.ts';
import { openGateway } from '../gateway/index.ts';
import { openKnowledge } from '../knowledge/index.ts';
import { type NetworkHandle, parseTrace, readWorld, startNetwork } from '../network/index.ts';
import { loadAgents } from './agents/load.ts';
import { type BusAddress, startAgents } from './agents/start.ts';
import { type Asker, askerOf } from './asker.ts';
import { bringAll } from './bring.ts';
import { reachBus } from './bus.ts';
import { startCamara } from './camara.ts';
import { createEnv, systemIds } from './env.ts';
import { Lifecycle } from './lifecycle.ts';
import { startNetMcp } from './netmcp.ts';
import { NetworkTime } from './network-time.ts';
import { type ReadyInfo, type RuntimeOptions, SUBSCRIBER } from './options.ts';
import { createSandboxes } from './sandbox.ts';
import { admissionOf, readCardKey } from './trust.ts';
import { startWorkflows, WORKFLOWS } from './workflows/service.ts';

export interface Runtime extends Asker {
  ready: ReadyInfo;
  close(): Promise<void>;
}

const AGENTS_FOLDER = resolve(import.meta.dirname, '../../agents');

/**
 * Starts the whole runtime in one process: store, network, NetMCP, bus, agents, HTTP gateway. If a part
 * cannot start, those before it are stopped and the error is thrown.
 */
export async function startRuntime(options: RuntimeOptions): Promise<Runtime> {
  const env = createEnv({ level: options.logLevel });
  const lifecycle = new Lifecycle(env.log);
  try {
    return await compose(options, env, lifecycle);
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function compose(options: RuntimeOptions, env: Env, lifecycle: Lifecycle): Promise<Runtime> {
  const trace = options.traceFile === undefined ? undefined : readTrace(options.traceFile);
  const world = options.world && readWorld(options.world.source, options.world.seed);
  const store = openStore({ dir: options.dataDir, durability: options.durability ?? 'fsync' });
  lifecycle.started('store', () => store.close());
  const knowledge = openKnowledge(store, { env });

  const gateway = await openGateway({
    host: options.host,
    port: options.ports.http,
    grpcPort: options.ports.grpc ?? 0,
    env,
  });
  lifecycle.started('gateway', () => gateway.close());
  const bus = await reachBus(options, env, lifecycle);
  const own = new Set<string>([...DOORS, { id: WORKFLOWS }, ...(options.bring ?? [])].map(({ id }) => id));
  const admission = admissionOf(options.trust ?? {}, {
    clock: env.clock,
    store: store.collection('registration'),
    own: (id) => own.has(id),
  });
  const cardKey = options.trust?.cardKey === undefined ? undefined : readCardKey(options.trust.cardKey);
  const dispatcher = await startDispatcher({
    id: 'netagent/bus/dispatcher',
    via: bus.via,
    env: { ...env, ids: systemIds },
    store: store.collection('pool'),
    admission,
  });
  lifecycle.started('dispatcher', () => dispatcher.close());

  const startTime = options.now ?? (world ? Date.parse(world.description.start) : env.clock.now());
  const network = await startNetwork({
    env,
    host: options.host,
    ...(options.peers && { peers: options.peers }),
    simulation: {
      seed: options.seed,
      startTime,
      homeRegion: options.home,
      supi: SUBSCRIBER,
      ...(trace === undefined ? {} : { trace }),
    },
    ...(world && { world }),
  });
  lifecycle.started('network', () => network.close());
  const time = new NetworkTime({
    start: startTime,
    mode: options.speed ?? 'lockstep',
    wall: env.clock,
    advance: (t) => network.advanceTo(t),
    onError: (error) => env.log.error({ problem: String(error) }, 'network time'),
  });
  lifecycle.started('network time', () => time.close());

  const roots = [AGENTS_FOLDER, ...(options.agents ?? [])];
  const contexts = openContextStore({
    dir: options.dataDir,
    durability: options.durability ?? 'fsync',
  });
  lifecycle.started('contexts', () => contexts.close());
  const netmcp = await startNetMcp({
    env,
    host: options.host,
    nrf: network.nrf,
    contexts,
    store,
    dataDir: options.dataDir,
    agents:
      options.netmcp?.auth === undefined
        ? []
        : (await loadAgents(roots)).map(({ manifest }) => manifest.agent),
    ...(options.netmcp && { netmcp: options.netmcp }),
  });
  lifecycle.started('netmcp', () => netmcp.close());
  const agents = await startAgents({
    env,
    bus,
    time,
    knowledge,
    management: netmcp.managers,
    authOf: netmcp.authOf,
    tasks: (agent) => store.tasks(agent),
    push: (agent) => ({
      store: store.collection(`push ${agent}`),
      targets: { allowHttp: options.pushAllow !== undefined, allow: options.pushAllow ?? [] },
    }),
    roots,
    subscriber: { supi: SUBSCRIBER, timeZone: options.timeZone },
    telematics: network.telematics,
    evaluation: (supi) => evaluate(network, supi),
    httpUrl: `${gateway.url}/a2a`,
    admission,
    onLoaded: (ids) => {
      for (const id of ids) own.add(id);
    },
    cardKey,
  });
  lifecycle.started('agents', () => agents.close());

  const sandboxes = createSandboxes(() => network.tuning?.copy());
  lifecycle.started('sandboxes', () => sandboxes.close());
  const workflows = await startWorkflows({
    env,
    store,
    dataDir: options.dataDir,
    bus,
    admission,
    time,
    lockstep: options.speed === undefined,
    management: netmcp.managers,
    auth: netmcp.authOf(WORKFLOWS),
    serveTools: netmcp.serveWorkflows,
    timeZone: options.timeZone,
    agents: agents.ids,
    shipped: agents.folders,
    sandboxes,
    tuning: () => network.tuning,
    options: options.workflows ?? {},
  });
  lifecycle.started('workflows', () => workflows.close());

  const camara = await startCamara({
    env,
    options,
    store,
    netmcp,
    url: gateway.url,
  });
  lifecycle.started('camara', () => camara.close());
  const brought = bringAll({ env, bus, store, admission, agents: options.bring ?? [] });
  lifecycle.started('brought agents', () => brought.close());
  const door = await member(env, bus, DOORS[0], { admission, cardKey });
  lifecycle.started('gateway member', () => door.close());
  let draining = false;
  const ready: ReadyInfo = {
    console: gateway.url,
    a2a: `${gateway.url}/a2a`,
    camara: `${gateway.url}/camara`,
    ...(gateway.grpc === undefined ? {} : { grpc: gateway.grpc }),
    mqtt: bus.mqttUrl,
    ...(bus.wsUrl === undefined ? {} : { ws: bus.wsUrl }),
    netmcp: {
      management: netmcp.managers[0] as string,
      servers: netmcp.servers,
      ...(netmcp.issuer !== undefined && { issuer: netmcp.issuer }),
    },
    nrf: network.nrf,
    durability: options.durability ?? 'fsync',
    agents: agents.count,
    tools: netmcp.tools,
    cells: network.cells,
  };
  await gateway.serve({
    door,
    central: 'netagent/core/central',
    admission,
    tools: { held: netmcp.held, decide: netmcp.decide },
    camara: camara.router,
    workflows: workflows.operated,
    network: { functions: () => network.nfs, faults: network.faults },
    state: () => ({ parts: { bus: true, ...agents.health() }, draining }),
    endpoints: () => ({
      a2a: ready.a2a,
      camara: ready.camara,
      grpc: gateway.grpc,
      mqtt: ready.mqtt,
      ...(ready.ws === undefined ? {} : { ws: ready.ws }),
      netmcp: ready.netmcp,
    }),
  });
  const user = await member(env, bus, DOORS[1], { admission, cardKey });
  lifecycle.started('terminal member', () => user.close());
  const asker = askerOf(await user.client('netagent/users/proxy'), 'netagent/users/proxy');

  return {
    ...asker,
    ready,
    close: () => {
      draining = true;
      return lifecycle.stop();
    },
  };
}

function readTrace(file: string) {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw fail('TRACE_UNREADABLE', { file, problem: (error as NodeJS.ErrnoException).code ?? String(error) });
  }
  return parseTrace(text, file);
}

/** Members of the bus that ask and are never asked. */
const DOORS = [
  { id: 'netagent/gateway/http', description: 'Carries A2A over HTTP to the bus.' },
  { id: 'netagent/users/terminal', description: 'The person at the terminal.' },
] as const;

function member(
  env: Env,
  bus: BusAddress,
  { id, description }: (typeof DOORS)[number],
  { admission, cardKey }: { admission: Admission; cardKey: JWK | undefined },
) {
  const name = id.split('/')[2] as string;
  return joinBus({
    id,
    via: bus.via,
    env: { ...env, ids: systemIds },
    admission,
    ...(cardKey === undefined ? {} : { cardKey }),
    card: agentCard({ id, name, description, version: '0.1.0', skills: [], mqttUrl: bus.mqttUrl }),
  });
}

function evaluate(network: NetworkHandle, supi: string) {
  return network.evaluation(supi);
}
