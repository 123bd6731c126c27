import type { Clock, Log } from '../../../machines/index.ts';
import type { Experience } from '../../intent/index.ts';
import type { Insight } from '../../workflow/index.ts';
import type { AgentEffects } from '../actors/index.ts';
import type { Quality } from '../outcome.ts';
import type { Answer, StatusNote } from './ask.ts';
import type { AgentManifest } from './manifest.ts';

/** One NF call behind a tool call, as the tool server traced it. */
export interface ChainLink {
  nf: string;
  operation: string;
  status: number;
  ms: number;
}

/** A tool call that an agent made. */
export interface Action {
  agent: string;
  tool: string;
  server: string;
  chain: ChainLink[];
}

/** Function of a workflow that an agent brings along, called as `NAME:1.0.0@default`. */
export type WorkflowFunction = (
  input: Record<string, unknown>,
  context: { signal: AbortSignal },
) => Promise<unknown>;

export interface WorkflowRun {
  output: unknown;
  /** In the order of the document, also where branches ran side by side. */
  actions: Action[];
  /** What it brought, short enough to plan with. */
  insight: Insight;
}

/** What is heard of a run while it goes on: its own tasks, and what the agents that it asked report. */
export interface RunProgress {
  type:
    | 'task.started'
    | 'task.completed'
    | 'task.faulted'
    | 'task.retried'
    | 'task.cancelled'
    | 'task.progress'
    | 'task.exception';
  /** JSON Pointer of the task. */
  pointer: string;
  /** Network time, ms. */
  at: number;
  /** Name of the task, or what the agent said. */
  text: string;
  agent?: string;
  data?: unknown;
}

export interface RunWorkflowOptions {
  signal: AbortSignal;
  onProgress?: (event: RunProgress) => void;
  /** Which step of whom this run is: the same step once more has its effects once. */
  step?: string;
  /** Id of the call that this run answers, from the request's metadata. */
  parentCall?: string;
  functions?: Record<string, WorkflowFunction>;
  /** Hears each answer of another agent to `agent:1.0.0@default`. */
  onAnswer?: (call: { agent: string; skill: string; input: unknown }, output: unknown) => void;
}

/** What the runtime gives to an agent. */
export interface AgentServices {
  manifest: AgentManifest;
  log: Log;
  /** Network time: what the agents plan and act in. */
  time: Clock;
  /** The subscriber that a request without one is about. */
  subscriber: { supi: string; timeZone: string };
  /** A2A to another agent, by name (`ran`) or id (`org/unit/agent`). */
  ask(
    agent: string,
    request: { text?: string; data?: unknown; taskId?: string; contextId?: string; messageId?: string },
    options: { signal: AbortSignal; onStatus?: (note: StatusNote) => void },
  ): Promise<Answer>;
  /** Runs a workflow of the agent's folder; its tool calls go over NetMCP, its tasks for others over the bus. */
  runWorkflow(name: string, input: unknown, options: RunWorkflowOptions): Promise<WorkflowRun>;
  knowledge: KnowledgePort;
  /** Requests to the body of an embodied agent; undefined where the runtime has no such body. */
  body?: {
    planTrip(request: unknown, signal: AbortSignal): Promise<unknown>;
    position(supi: string, signal: AbortSignal): Promise<unknown>;
  };
  /** What assurance brought, where the network is simulated beside an unassured twin. */
  evaluation?(supi: string): Evaluation | undefined;
}

export interface KnowledgePort {
  experienceFor(query: { region: string }): Experience[];
  learn(experience: unknown): unknown;
}

export interface Evaluation {
  service: string;
  targets: Record<string, number>;
  assured: Quality;
  unassured: Quality;
  harm: Record<string, number>;
}

export interface AgentModule {
  create(services: AgentServices): AgentEffects;
}

/** The default export of an agent's entry module. */
export function defineAgent(create: AgentModule['create']): AgentModule {
  return { create };
}
