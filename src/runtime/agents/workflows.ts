import { z } from 'zod';
import type { DelegationLimits, Env } from '../../../machines/index.ts';
import { fail } from '../../errors.ts';
import type { NetMcpClient } from '../../netmcp/index.ts';
import {
  AI_FUNCTIONS,
  type CompiledWorkflow,
  type FunctionContext,
  type RunEvent,
  translateUp,
  type WorkflowEngine,
} from '../../workflow/index.ts';
import type { NetworkTime, Participant } from '../network-time.ts';
import type { Action, RunWorkflowOptions, WorkflowFunction, WorkflowRun } from './api.ts';
import { childId } from './child-id.ts';
import { type Asking, delegated } from './delegated.ts';

/** What travels with one run of a workflow to the functions that it calls. */
export interface RunMeta {
  participant: Participant;
  activity: Participant['activity'];
  caller: AgentLinks;
  functions: Record<string, WorkflowFunction>;
  /** One slot a call, taken when the call begins, so that the order is the document's. */
  slots: Action[][];
  onAnswer: RunWorkflowOptions['onAnswer'];
  onProgress: RunWorkflowOptions['onProgress'];
  /** Names the effects of the run; absent where it is nobody's step. */
  step: string | undefined;
  /** Execution context of the run, sent along with tool calls. */
  contextId?: () => string | undefined;
}

/** How the agent that runs the workflow reaches others. */
export interface AgentLinks extends Asking {
  agent: string;
  netmcp(): Promise<NetMcpClient>;
}

const netmcpInput = z.object({ tool: z.string(), arguments: z.record(z.string(), z.unknown()).default({}) });
/** Of several agents the next one is asked where the one before does not do it. */
const agentInput = z.object({
  agent: z.union([z.string(), z.array(z.string()).min(1).max(2)]),
  skill: z.string(),
  input: z.unknown(),
});
const instructionInput = z.record(z.string(), z.unknown());
/** A tool server takes 200 characters; a change puts a word behind it. */
const MAX_KEY = 180;
const timeInput = z.object({ until: z.number() });
const reply = z.object({ output: z.unknown(), actions: z.array(z.custom<Action>()).default([]) });

/**
 * The functions of the runtime's default catalogue (`NAME:1.0.0@default`): `netmcp`, `agent`, `time`, the
 * built-in AI tools, and the names that agents bring along, which are looked up in the run that calls them.
 */
export function workflowFunctions(
  names: string[],
  { env, time, limits }: { env: Env; time: NetworkTime; limits?: DelegationLimits },
) {
  const own = Object.fromEntries(
    names.map((name) => [
      name,
      (input: unknown, context: FunctionContext) => {
        const found = metaOf(context).functions[name];
        if (found === undefined) throw fail('WORKFLOW_FUNCTION_UNKNOWN', { name });
        return found(input as Record<string, unknown>, { signal: context.signal });
      },
    ]),
  );
  return {
    ...own,
    ...AI_FUNCTIONS,
    async netmcp(input: unknown, context: FunctionContext) {
      const { tool, arguments: args } = netmcpInput.parse(input);
      const { caller, slots } = metaOf(context);
      const slot: Action[] = [];
      slots.push(slot);
      const client = await caller.netmcp();
      const result = await client.callTool(tool, args, {
        signal: context.signal,
        idempotencyKey: effectKey(context),
        contextId: metaOf(context).contextId?.(),
      });
      slot.push({ agent: caller.agent, tool, server: result.server, chain: result.chain });
      if (result.isError) throw fail('NETMCP_TOOL_FAILED', { tool, problem: result.text });
      return result.output;
    },
    async agent(input: unknown, context: FunctionContext) {
      const { agent: asked, skill, input: skillInput } = agentInput.parse(input);
      const { caller, slots, participant, onAnswer, onProgress } = metaOf(context);
      const slot: Action[] = [];
      slots.push(slot);
      const call = participant.call();
      try {
        const { answer, agent } = await delegated({
          env,
          asking: caller,
          agents: [asked].flat() as [string, ...string[]],
          instruction: { skill, input: instructionInput.parse(skillInput ?? {}) },
          step: effectKey(context),
          callId: call.id,
          ...(limits && { limits }),
          signal: context.signal,
          onNote: ({ kind, ...note }) =>
            onProgress?.({
              type: kind === 'progress' ? 'task.progress' : 'task.exception',
              pointer: context.pointer,
              at: time.now(),
              ...note,
            }),
        });
        if (answer.state !== 'completed') {
          throw fail('AGENT_TASK_FAILED', { agent, skill, state: answer.state, problem: answer.text });
        }
        const { output, actions } = reply.parse(answer.data);
        slot.push(...actions);
        onAnswer?.({ agent, skill, input: skillInput }, output);
        return output;
      } finally {
        call.end();
      }
    },
    /** Network time now, and the duration until another instant as ISO 8601, never negative. */
    async time(input: unknown) {
      const { until } = timeInput.parse(input);
      const seconds = Math.max(0, Math.ceil((until - time.now()) / 1000));
      return { now: time.now(), duration: `PT${seconds}S` };
    },
  };
}

/** Events of a run that its insight is made of. */
const MAX_EVENTS = 2_000;

/** Runs templates of one agent, each run as a participant in network time. */
export function workflowRunner(options: {
  engine: WorkflowEngine;
  templates: ReadonlyMap<string, CompiledWorkflow>;
  time: NetworkTime;
  links: AgentLinks;
}) {
  return async (name: string, input: unknown, run: RunWorkflowOptions): Promise<WorkflowRun> => {
    const template = options.templates.get(name);
    if (template === undefined) throw fail('WORKFLOW_NOT_FOUND', { name, agent: options.links.agent });
    const events: RunEvent[] = [];
    const participant = options.time.join(run.parentCall);
    const meta: RunMeta = {
      participant,
      activity: participant.activity,
      caller: options.links,
      functions: run.functions ?? {},
      slots: [],
      onAnswer: run.onAnswer,
      onProgress: run.onProgress,
      step: run.step,
    };
    try {
      const { output } = await options.engine.run(template, input, {
        clock: participant.clock,
        signal: run.signal,
        onProgress: ({ type, name, pointer, at }) => {
          if (events.length < MAX_EVENTS) events.push({ type, pointer, at, name });
          run.onProgress?.({ type, pointer, at, text: name });
        },
        meta: { ...meta },
      });
      const actions = meta.slots.flat();
      const { document } = template;
      return { output, actions, insight: translateUp({ id: name, document, events, output, actions }) };
    } finally {
      participant.leave();
    }
  };
}

/**
 * Names the effect of a call. Within a step of another agent's workflow it follows from that step and the place in this
 * document, so that the step done once more, by another instance, has its effects once. What is longer than a tool
 * server takes is shortened.
 */
export function effectKey(context: FunctionContext): string {
  const { instanceId, idempotencyKey } = context;
  const { step } = metaOf(context);
  if (step !== undefined && idempotencyKey.startsWith(instanceId)) {
    return childId(step, idempotencyKey.slice(instanceId.length));
  }
  return idempotencyKey.length > MAX_KEY ? childId(instanceId, idempotencyKey) : idempotencyKey;
}

function metaOf(context: FunctionContext): RunMeta {
  return context.meta as unknown as RunMeta;
}
