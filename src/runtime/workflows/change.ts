import { NetAgentError } from '../../../machines/index.ts';
import type { Clock, Log } from '../../../machines/ports.ts';
import {
  type CallOutcome,
  type CallWay,
  type ChangePorts,
  type ChangeRecord,
  createGuardedChanges,
  type Entry,
  type GuardedChanges,
  type GuardedOptions,
  type ToolTraits,
} from '../../change/index.ts';
import type { Collection } from '../../durable/index.ts';
import { type NetMcpClient, TOOL_AREAS, toolsOf } from '../../netmcp/index.ts';
import { type FunctionContext, type RuntimeFunction, standardError } from '../../workflow/index.ts';
import type { Action, RunWorkflowOptions } from '../agents/api.ts';
import { effectKey } from '../agents/workflows.ts';

export interface ChangeFunctionOptions {
  /** Network time. */
  clock: Clock;
  log: Log;
  /** Tool servers as an agent reaches them: receipts of idempotency keys are kept by agent. */
  netmcp(agent: string): Promise<Pick<NetMcpClient, 'callTool'>>;
  entries: Collection<Entry>;
  records: Collection<ChangeRecord>;
  /** Level of autonomy, 0 to 5. */
  level: number;
  limits?: GuardedOptions['bounds']['limits'];
  approve?: ChangePorts['approve'];
  /** Of tools that do not ship. */
  traits?(tool: string): Promise<ToolTraits | undefined>;
  againMs?: number;
}

/** What a run may bring along; see `workflowFunctions`. */
interface Meta {
  participant?: { clock: Clock };
  activity?: { begin(): void; end(): void };
  caller?: { agent: string };
  slots?: Action[][];
  onProgress?: RunWorkflowOptions['onProgress'];
  /** The intent that the instance serves: its changes do not conflict with each other. */
  intent?: string;
}

const KPIS = 'ran_collect_cell_kpis';
/** Most cells in one call of `KPIS`. */
const CELLS = 200;
/** What is said of a change on its way. */
const WORDS: Readonly<Record<string, string>> = {
  planned: 'how far it reaches is counted',
  claiming: 'what it sets is claimed',
  queued: 'it waits for another change',
  dryRun: 'it is rehearsed',
  approving: 'a human is asked',
  sighting: 'the figure before is read',
  applying: 'it is applied',
  doubtful: 'it is not known whether it was applied; asked again',
  watching: 'it is watched',
  rollingBack: 'it is taken back',
  undoAgain: 'taking it back failed; tried again',
  releasing: 'its claims are settled',
  kept: 'it stays',
  rolledBack: 'it was taken back',
  rollbackFailed: 'it could not be taken back',
  rehearsed: 'it was rehearsed',
  refused: 'it was refused',
};
/** Ends of a call that never reached a network function. */
const NOT_SENT = new Set(['NETMCP_NO_SERVER', 'NETMCP_OVERLOADED', 'NETMCP_REJECTED', 'NETMCP_UNREACHABLE']);

/**
 * The function `change:1.0.0@default` over NetMCP, and the changes behind it; call `changes.resume()` once the tool
 * servers can be reached. What could not be taken back is a fault of the workflow; every other end is its output.
 */
export function changeFunction(options: ChangeFunctionOptions): {
  change: RuntimeFunction;
  changes: GuardedChanges;
} {
  const { clock, log } = options;
  const shipped = new Map(TOOL_AREAS.flatMap((area) => toolsOf(area)).map(({ name, meta }) => [name, meta]));
  const made = new Map<string, Action[]>();

  const call = async (tool: string, args: Record<string, unknown>, way: CallWay): Promise<CallOutcome> => {
    const { key, agent, ...call } = way;
    try {
      const client = await options.netmcp(agent);
      const { server, chain, ...outcome } = await client.callTool(tool, args, call);
      if (call.dryRun !== true) made.get(key)?.push({ agent, tool, server, chain });
      return outcome;
    } catch (error) {
      const known = error instanceof NetAgentError ? error : undefined;
      const notSent = known !== undefined && (NOT_SENT.has(known.code) || known.details.executed === 'no');
      if (!notSent) throw error;
      return { output: null, isError: true, text: known.message, executed: 'no' };
    }
  };
  const ports: ChangePorts = {
    callTool: call,
    traits: async (tool) => shipped.get(tool) ?? options.traits?.(tool),
    async usersOf(cellIds, agent = '') {
      const users = new Map<string, number | null>();
      for (let at = 0; at < cellIds.length; at += CELLS) {
        const way = { key: '', agent, signal: AbortSignal.timeout(60_000) };
        const { output } = await call(KPIS, { cellIds: cellIds.slice(at, at + CELLS) }, way);
        for (const cell of (output?.cells ?? []) as Array<Record<string, unknown>>) {
          const count = cell['RRC.ConnMean'];
          users.set(String(cell.cellId), typeof count === 'number' ? Math.ceil(count) : null);
        }
      }
      return users;
    },
    ...(options.approve && { approve: options.approve }),
  };
  const { entries, records, level, limits, againMs } = options;
  const changes = createGuardedChanges({
    clock,
    ports,
    bounds: { level, ...(limits && { limits }) },
    entries,
    records,
    ...(againMs !== undefined && { againMs }),
  });

  const change = async (input: unknown, context: FunctionContext) => {
    const { participant, activity, caller, slots, intent, onProgress } = context.meta as Meta;
    const key = effectKey(context);
    const actions: Action[] = [];
    slots?.push(actions);
    made.set(key, actions);
    let waiting = false;
    let told = '';
    /** Network time stands still while a workflow works; between two looks this one waits. */
    const idle = (now: boolean) => {
      if (waiting === now) return;
      waiting = now;
      if (now) activity?.end();
      else activity?.begin();
    };
    try {
      const report = await changes.run(input, {
        key,
        holder: intent ?? context.instanceId,
        agent: caller?.agent ?? '',
        ...(participant && { clock: participant.clock }),
        signal: context.signal,
        onIdle: idle,
        onState(state) {
          log.debug({ change: key, state }, 'change moves');
          const [stage = state] = state.split('.');
          if (stage === told) return;
          told = stage;
          const { pointer } = context;
          onProgress?.({ type: 'task.progress', pointer, at: clock.now(), text: WORDS[stage] ?? stage });
        },
      });
      if (report.outcome === 'rollbackFailed') {
        throw standardError('runtime', 'A change could not be taken back', { detail: report.reason });
      }
      return report;
    } finally {
      idle(false);
      made.delete(key);
    }
  };
  return { change, changes };
}

/** The operator's decisions as what changes ask: bound to the call and its undo. */
export function approvedBy(approvals: {
  approve(given: unknown, context: FunctionContext): Promise<unknown>;
}): NonNullable<ChangePorts['approve']> {
  return async ({ key, holder, text, change, signal }) => {
    const { do: call, undo, approvalS } = change;
    const given = {
      title: text.slice(0, 500),
      plan: { do: call, undo },
      within: `PT${Math.ceil(approvalS)}S`,
    };
    const context = { idempotencyKey: `${key}:approve`, instanceId: holder, pointer: '', signal, meta: {} };
    try {
      await approvals.approve(given, context);
      return { approved: true, text };
    } catch (error) {
      if (signal.aborted) throw error;
      return { approved: false, text: error instanceof Error ? error.message : String(error) };
    }
  };
}
