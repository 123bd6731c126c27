import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Admission, agentCard, type BusMember, joinBus } from '../../../broker/index.ts';
import type { Env } from '../../../machines/ports.ts';
import type { ChangeRecord, Entry } from '../../change/index.ts';
import type { Store } from '../../durable/index.ts';
import { type Case, openLibrary, readRules, type Sandboxes, SHIPPED_RULES } from '../../explore/index.ts';
import type { OperatedWorkflows } from '../../gateway/index.ts';
import { type ClientAuth, connectNetMcp, type NetMcpClient, type NfTool } from '../../netmcp/index.ts';
import type { NetworkTuning } from '../../network/index.ts';
import {
  createCalls,
  createEngine,
  createEvaluator,
  createEventBus,
  openPool,
  type RunOptions,
  type RuntimeFunction,
  startOn,
} from '../../workflow/index.ts';
import { ask, CALL_KEY } from '../agents/ask.ts';
import { STEP_KEY } from '../agents/delegated.ts';
import type { BusAddress } from '../agents/start.ts';
import { type RunMeta, workflowFunctions } from '../agents/workflows.ts';
import type { NetworkTime } from '../network-time.ts';
import { a2aPort } from './a2a-port.ts';
import { type ApprovalRecord, openApprovals } from './approvals.ts';
import { approvedBy, changeFunction } from './change.ts';
import { type ContextRecord, openExecutionContexts } from './execution-context.ts';
import { exploreFunction } from './explore.ts';
import { WORKFLOWS } from './identity.ts';
import { mcpPort } from './mcp-port.ts';
import { operatedWorkflows } from './operated.ts';
import { planFunction } from './plan.ts';
import { createProcesses } from './processes.ts';
import { readText } from './read-text.ts';
import { readSecrets } from './secrets.ts';
import { startTriggers } from './start-triggers.ts';
import { Story } from './story.ts';
import { translator } from './translator.ts';
import { trialFunction } from './trial.ts';
import { trialClaims } from './trial-claims.ts';
import { triggerTools } from './trigger-tools.ts';

export { WORKFLOWS };

/** How workflows are run; the command line fills it from its flags. */
export interface WorkflowOptions {
  /** Folders of templates beside those that ship; `<data>/workflows` is always one. */
  folders?: string[];
  /** YAML file of triggers. */
  triggers?: string;
  /** YAML file of secrets by name. */
  secrets?: string;
  /** YAML file of expert rules in place of those that ship. */
  rules?: string;
  /** What documents may run: `shell`, `js`, `python`. */
  run?: string[];
  /** Hosts that calls may reach though they are private; see docs/workflow-calls.md. */
  allow?: string[];
  /** Programs that `call: mcp` may start. */
  commands?: string[];
  /** Level of autonomy of guarded changes, 0 to 5. */
  autonomy?: number;
}

export interface WorkflowParts {
  env: Env;
  store: Store;
  dataDir: string;
  bus: BusAddress;
  admission: Admission;
  time: NetworkTime;
  lockstep: boolean;
  management: string[];
  auth: ClientAuth | undefined;
  /** Opens a tool server with these tools. */
  serveTools(tools: NfTool[]): Promise<unknown>;
  /** IANA name, for cron. */
  timeZone: string;
  /** Full ids of agents by short name. */
  agents: ReadonlyMap<string, string>;
  /** Folders of templates that ship, one an agent. */
  shipped: string[];
  sandboxes: Sandboxes;
  /** Parameters of the network by order; undefined where it has none. */
  tuning(): NetworkTuning | undefined;
  options: WorkflowOptions;
}

/**
 * The workflows of the runtime: one durable engine over the pool of templates, what starts them, and what an operator
 * does with them.
 */
export async function startWorkflows(parts: WorkflowParts): Promise<{
  operated: OperatedWorkflows;
  close(): Promise<void>;
}> {
  const { env, store, time, options } = parts;
  const closing: Array<() => unknown> = [];
  let netmcp: Promise<NetMcpClient> | undefined;
  const tools = () => {
    netmcp ??= connectNetMcp({
      env,
      agentId: WORKFLOWS,
      management: parts.management,
      ...(parts.auth && { auth: parts.auth }),
    });
    netmcp.catch(() => {
      netmcp = undefined;
    });
    return netmcp;
  };
  closing.push(async () => (await netmcp)?.close());
  const member = await joinMember(parts);
  closing.push(() => member.close());
  const links = linksOf(parts, member, tools);

  const own = join(parts.dataDir, 'workflows');
  if (!existsSync(own)) mkdirSync(own, { recursive: true });
  const policy = { shell: options.run?.includes('shell') ?? false, scripts: options.run ?? [] };
  const pool = openPool({
    folders: [...parts.shipped, ...(options.folders ?? []), own],
    clock: env.clock,
    policy,
  });
  closing.push(() => pool.close());

  const events = createEventBus({ log: env.log });
  const contexts = openExecutionContexts({
    netmcp: tools,
    records: store.collection<ContextRecord>('workflow-context'),
  });
  const approvals = openApprovals({
    clock: env.clock,
    records: store.collection<ApprovalRecord>('workflow-approval'),
  });
  const { change, changes } = changeFunction({
    clock: time,
    log: env.log,
    netmcp: tools,
    entries: store.collection<Entry>('change-entry'),
    records: store.collection<ChangeRecord>('change-record'),
    level: options.autonomy ?? 3,
    approve: approvedBy(approvals),
  });
  const library = openLibrary(store.collection<Case>('experience'), { clock: env.clock, ids: env.ids });
  const { sandboxes, tuning } = parts;
  const explore = exploreFunction({
    env,
    rules: readRules(readText(options.rules ?? SHIPPED_RULES), options.rules ?? 'the rules that ship'),
    library,
    sandboxes,
  });
  const trial: RuntimeFunction = (input, context) =>
    trialFunction({
      env,
      clock: time,
      tuning,
      sandboxes,
      library,
      claims: trialClaims(changes.arbiter, { holder: context.instanceId }),
      approve: async ({ text, signal }) => {
        const asked = { ...context, idempotencyKey: `${context.idempotencyKey}:approve`, signal };
        return approvals.approve({ title: text.slice(0, 500), plan: input }, asked).then(
          () => ({ approved: true, text: 'The operator approved.' }),
          (error: unknown) => ({
            approved: false,
            text: error instanceof Error ? error.message : String(error),
          }),
        );
      },
    })(input, context);
  const calls = createCalls({
    env,
    policy: { allow: options.allow ?? [], commands: options.commands ?? [] },
    mcp: mcpPort({ env, netmcp: tools }),
    a2a: a2aPort({ bus: { host: new URL(parts.bus.mqttUrl).host, client: (id) => member.client(id) } }),
  });
  closing.push(() => calls.close());

  /** What a run is given: its place in network time, and how it reaches others. */
  const runOptions = (id: string): Pick<RunOptions, 'clock' | 'meta' | 'release'> => {
    const participant = time.join();
    const meta: RunMeta = {
      participant,
      activity: participant.activity,
      caller: links,
      functions: {},
      slots: [],
      onAnswer: undefined,
      onProgress: ({ pointer, text }) => engine.tell(id, pointer, text),
      step: undefined,
      contextId: () => contexts.idOf(id),
    };
    return { clock: participant.clock, meta: { ...meta }, release: participant.leave };
  };
  const story = new Story();
  const catalogue = (namespace: string, name: string, version: string) =>
    pool.get(`${namespace}/${name}`, version === 'latest' ? undefined : version)?.workflow;
  const translate = translator({ pool, now: () => time.now() });
  const secrets = readSecrets(options.secrets);
  const engine = createEngine({
    env,
    clock: time,
    ledger: store.workflows(),
    events,
    calls,
    resources: calls.readDescription,
    texts: calls.readText,
    policy,
    processes: createProcesses(policy),
    secret: (name) => secrets.get(name),
    workflows: catalogue,
    functions: {
      ...workflowFunctions([], { env, time }),
      change,
      explore,
      trial,
      approve: (input, context) => approvals.approve(input, context),
      context: (input, context) => contexts.context(input, context),
      plan: planFunction({ pool, engine: () => engine, translate }),
    },
    options: runOptions,
    observe(event) {
      story.add(event);
      if (!/^workflow\.(completed|faulted|cancelled)$/.test(event.type)) return;
      approvals.drop(event.instance);
    },
  });
  closing.push(() => engine.close());
  // Before the engine: what it cancels would take its changes back.
  closing.push(() => changes.stop());
  const evaluator = createEvaluator({ clock: env.clock });
  closing.push(() => evaluator.close());

  const start = startOn(engine, (reference) => {
    const [name = '', version] = reference.split(':');
    return pool.get(name, version)?.workflow;
  });
  /** By trigger, wall time, since the runtime started. */
  const lastStarts = new Map<string, number>();
  const triggers = await startTriggers({
    env,
    // In lock-step network time stands still while nobody works: what watches the network lives in wall time then.
    clock: parts.lockstep ? env.clock : time,
    store,
    events,
    evaluator,
    tools,
    pool,
    zone: parts.timeZone,
    file: options.triggers,
    start: (reference, input, fire) => {
      lastStarts.set(fire.by, env.clock.now());
      return start(reference, input, fire);
    },
  });
  closing.push(() => triggers.close());

  if (triggers.list().some(({ trigger }) => trigger.on === 'request')) {
    await parts.serveTools(triggerTools({ triggers, show: (id) => engine.show(id) }));
  }
  const recovered = await engine.recover();
  if (recovered > 0) env.log.info({ recovered }, 'workflows go on');
  void Promise.resolve(changes.resume()).catch((error: unknown) =>
    env.log.error({ problem: String(error) }, 'changes under way were not taken up'),
  );

  return {
    operated: operatedWorkflows({
      engine,
      pool,
      policy,
      story,
      approvals,
      contexts,
      events,
      triggers,
      translate,
      clock: env.clock,
      lastStarts,
    }),
    async close() {
      for (const close of closing.reverse()) {
        await Promise.resolve(close()).catch((error: unknown) =>
          env.log.warn({ problem: String(error) }, 'a part of the workflows did not close'),
        );
      }
    },
  };
}

function joinMember({ env, bus, admission }: WorkflowParts): Promise<BusMember> {
  return joinBus({
    id: WORKFLOWS,
    via: bus.via,
    env,
    admission,
    card: agentCard({
      id: WORKFLOWS,
      name: 'Workflows',
      description: 'Runs workflows that span domains.',
      version: '0.1.0',
      skills: [],
      mqttUrl: bus.mqttUrl,
    }),
  });
}

/** How workflows reach tool servers and agents. */
function linksOf(
  { env, agents }: WorkflowParts,
  member: BusMember,
  netmcp: () => Promise<NetMcpClient>,
): RunMeta['caller'] {
  const reach = (to: string) => member.client(to.includes('/') ? to : (agents.get(to) ?? to));
  return {
    agent: 'workflows',
    netmcp,
    ask: async (to, data, { callId, step, ids, ...rest }) =>
      ask(
        await reach(to),
        {
          data,
          ...ids,
          metadata: { [STEP_KEY]: step, ...(callId === undefined ? {} : { [CALL_KEY]: callId }) },
        },
        { ids: env.ids, ...rest },
      ),
    cancel: async (to, id) => {
      await (await reach(to)).cancelTask({ tenant: '', id, metadata: undefined });
    },
  };
}
