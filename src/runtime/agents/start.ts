import { join } from 'node:path';
import type { AgentCard } from '@a2a-js/sdk';
import type { JWK } from 'jose';
import {
  type Admission,
  agentCard,
  type Bus,
  type BusMember,
  type JoinOptions,
  joinBus,
  type TaskLedger,
} from '../../../broker/index.ts';
import { centralMachine, domainMachine, embodiedMachine, proxyMachine } from '../../../machines/index.ts';
import type { Env } from '../../../machines/ports.ts';
import { fail } from '../../errors.ts';
import { type ClientAuth, connectNetMcp, type NetMcpClient } from '../../netmcp/index.ts';
import { SbiClient } from '../../sbi/index.ts';
import { type CompiledWorkflow, createEngine, loadTemplates } from '../../workflow/index.ts';
import { createAgentHost, taskExecutor } from '../actors/index.ts';
import type { NetworkTime } from '../network-time.ts';
import type { AgentServices, Evaluation, KnowledgePort } from './api.ts';
import { type AskOptions, ask, CALL_KEY } from './ask.ts';
import { STEP_KEY } from './delegated.ts';
import { type LoadedAgent, loadAgents } from './load.ts';
import { workflowFunctions, workflowRunner } from './workflows.ts';

/** Where the bus is. */
export interface BusAddress {
  /** How a member of this process joins. */
  via: Bus | string;
  /** What its card says. */
  mqttUrl: string;
  /** Only of the embedded broker. */
  wsUrl?: string;
}

export interface AgentsOptions {
  env: Env;
  bus: BusAddress;
  time: NetworkTime;
  knowledge: KnowledgePort;
  /** URLs of the NetMCP management servers. */
  management: string[];
  /** How an agent comes by tokens for the NetMCP servers; undefined where none are needed. */
  authOf(agent: string): ClientAuth | undefined;
  /** The durable tasks of an agent, by its id. */
  tasks: (agent: string) => TaskLedger;
  /** Webhooks of an agent's tasks. */
  push: (agent: string) => NonNullable<JoinOptions['push']>;
  /** Folders of agents. */
  roots: string[];
  subscriber: { supi: string; timeZone: string };
  /** Base URL of the vehicles' telematics. */
  telematics: string;
  evaluation: (supi: string) => Evaluation | undefined;
  /** Judges the cards of others. */
  admission: Admission;
  /** Told the ids of the agents before they join. */
  onLoaded: (ids: string[]) => void;
  /** Signs the cards. */
  cardKey: JWK | undefined;
  /** Where the central agent is reached over HTTP. */
  httpUrl: string;
}

const MACHINES = {
  central: centralMachine,
  domain: domainMachine,
  embodied: embodiedMachine,
  proxy: proxyMachine,
};

/** How long running tasks may take to end when the runtime stops, ms. */
const DRAIN_MS = 2_000;
/** Functions that agents bring along with a run of a workflow. */
const OWN_FUNCTIONS = ['plan', 'decide', 'missed', 'review'];

/** Loads the agents, gives each its root actor and its place on the bus, and connects them to what they need. */
export async function startAgents(options: AgentsOptions) {
  const { env, time } = options;
  const loaded = await loadAgents(options.roots);
  options.onLoaded(loaded.map(({ manifest }) => manifest.agent));
  const engine = createEngine({ env, functions: workflowFunctions(OWN_FUNCTIONS, { env, time }) });
  const sbi = new SbiClient({ env });
  const running: Array<{ member: BusMember; stop: () => Promise<void> }> = [];
  const close = async () => {
    await Promise.all(running.map(({ stop }) => stop()));
    await engine.close();
    await sbi.close();
  };
  const ids = new Map(loaded.map(({ manifest }) => [manifest.agent.split('/')[2] as string, manifest.agent]));
  let centralCard: AgentCard | undefined;
  try {
    for (const agent of loaded) {
      const card = cardOf(agent, options);
      if (agent.manifest.role === 'central') centralCard = card;
      running.push(await startAgent(agent, card, { options, engine, sbi, ids }));
    }
  } catch (error) {
    await close();
    throw error;
  }
  if (centralCard === undefined) {
    await close();
    throw fail('AGENT_MANIFEST_INVALID', {
      file: options.roots[0],
      problem: 'no agent has the role central',
    });
  }
  return {
    centralCard,
    count: running.length,
    /** Full ids by short name. */
    ids,
    /** Folders of workflow templates. */
    folders: loaded.flatMap(({ manifest }) =>
      manifest.workflows === undefined ? [] : [join(manifest.folder, manifest.workflows)],
    ),
    health: () => Object.fromEntries(running.map(({ member }) => [member.id, true])),
    close,
  };
}

interface Shared {
  options: AgentsOptions;
  engine: ReturnType<typeof createEngine>;
  sbi: SbiClient;
  /** Full ids by short name. */
  ids: ReadonlyMap<string, string>;
}

async function startAgent({ manifest, module }: LoadedAgent, card: AgentCard, shared: Shared) {
  const { options, engine } = shared;
  const { env, time } = options;
  const [org, unit, agent] = manifest.agent.split('/') as [string, string, string];
  const templates: ReadonlyMap<string, CompiledWorkflow> =
    manifest.workflows === undefined ? new Map() : loadTemplates(join(manifest.folder, manifest.workflows));
  let netmcp: Promise<NetMcpClient> | undefined;
  let member: BusMember | undefined;

  const reach = async (to: string) => {
    const id = to.includes('/') ? to : shared.ids.get(to);
    if (id === undefined || member === undefined) {
      throw fail('AGENT_UNREACHABLE', { agent: to, problem: 'no agent of that name' });
    }
    return member.client(id);
  };
  const askAgent = async (
    to: string,
    request: Parameters<AgentServices['ask']>[1],
    { callId, step, ...rest }: AskOptions & { callId?: string; step?: string },
  ) => {
    const metadata = {
      ...(callId !== undefined && { [CALL_KEY]: callId }),
      ...(step !== undefined && { [STEP_KEY]: step }),
    };
    return ask(
      await reach(to),
      { ...request, ...(Object.keys(metadata).length > 0 && { metadata }) },
      { ids: env.ids, ...rest },
    );
  };
  const runWorkflow = workflowRunner({
    engine,
    templates,
    time,
    links: {
      agent,
      netmcp: () => {
        const auth = options.authOf(manifest.agent);
        netmcp ??= connectNetMcp({
          env,
          agentId: manifest.agent,
          management: options.management,
          ...(auth && { auth }),
        });
        return netmcp;
      },
      ask: (to, data, { ids, ...options }) => askAgent(to, { data, ...ids }, options),
      cancel: async (to, id) => {
        await (await reach(to)).cancelTask({ tenant: '', id, metadata: undefined });
      },
    },
  });
  const services: AgentServices = {
    manifest,
    log: env.log,
    time,
    subscriber: options.subscriber,
    ask: askAgent,
    runWorkflow,
    knowledge: options.knowledge,
    evaluation: options.evaluation,
    ...(manifest.role === 'embodied' ? { body: bodyOf(shared.sbi, options.telematics) } : {}),
  };
  const host = createAgentHost({
    env,
    id: manifest.agent,
    machine: MACHINES[manifest.role],
    effects: module.create(services),
    limits: { drainMs: DRAIN_MS },
    onGivenUp: (reason) => env.log.error({ agent: manifest.agent, reason }, 'agent given up'),
  });
  member = await joinBus({
    id: { org, unit, agent },
    via: options.bus.via,
    discovers: 'named',
    admission: options.admission,
    ...(options.cardKey === undefined ? {} : { cardKey: options.cardKey }),
    card,
    executor: taskExecutor(host),
    ledger: options.tasks(manifest.agent),
    recovery: () => manifest.recovery,
    push: options.push(manifest.agent),
    env,
  });
  const joined = member;
  return {
    member: joined,
    stop: async () => {
      await host.drain();
      await joined.close();
      host.stop();
      await (await netmcp)?.close();
    },
  };
}

function cardOf({ manifest }: LoadedAgent, { bus, httpUrl }: AgentsOptions): AgentCard {
  const [org, unit, agent] = manifest.agent.split('/') as [string, string, string];
  const { name, description, version, skills, pools } = manifest;
  return agentCard({
    id: { org, unit, agent },
    name,
    description,
    version,
    skills,
    pools,
    mqttUrl: bus.mqttUrl,
    pushNotifications: true,
    ...(manifest.role === 'central' ? { httpUrl } : {}),
  });
}

/** The body of a vehicle: its telematics service. */
function bodyOf(sbi: SbiClient, telematics: string): NonNullable<AgentServices['body']> {
  return {
    planTrip: async (request, signal) =>
      (
        await sbi.request({
          nf: 'telematics',
          base: telematics,
          method: 'POST',
          path: '/telematics/v1/trips',
          body: request,
          signal,
        })
      ).body,
    position: async (supi, signal) =>
      (
        await sbi.request({
          nf: 'telematics',
          base: telematics,
          method: 'GET',
          path: `/telematics/v1/positions/${encodeURIComponent(supi)}`,
          signal,
        })
      ).body,
  };
}
