import type { Clock, Log } from '../../../machines/ports.ts';
import type { Answer, StatusNote } from './ask.ts';
import type { AgentManifest } from './manifest.ts';

/** One message of a task, as the agent's work sees it. */
export interface TaskRequest {
  taskId: string;
  contextId: string;
  /** Text parts of the message, joined by line. */
  text: string;
  /** Data part of the message, undefined if there is none. Comes from outside: parse it. */
  data: unknown;
  /** Texts of the user's earlier messages in this task, oldest first. */
  history: string[];
  /** A2A client id of the requester as the broker stamped it. */
  caller: string;
  metadata: Record<string, unknown>;
}

export interface TaskControl {
  /** Aborts when the task is cancelled: stop at once, give back what was taken. */
  signal: AbortSignal;
  /** A status update while working. */
  status(text: string, data?: unknown): void;
  artifact(artifact: { name: string; text: string; data?: unknown }): void;
}

export interface TaskResult {
  state: 'completed' | 'failed' | 'rejected' | 'input-required';
  text: string;
  data?: unknown;
}

export type Perform = (request: TaskRequest, control: TaskControl) => Promise<TaskResult>;

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
}

export interface RunWorkflowOptions {
  signal: AbortSignal;
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
    request: { text?: string; data?: unknown; taskId?: string; contextId?: string },
    options: { signal: AbortSignal; onStatus?: (note: StatusNote) => void },
  ): Promise<Answer>;
  /** A tool call over NetMCP. */
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
  experienceFor(query: { region: string }): unknown[];
  learn(experience: unknown): unknown;
}

export interface Evaluation {
  service: string;
  targets: Record<string, number>;
  assured: Record<string, unknown>;
  unassured: Record<string, unknown>;
  harm: Record<string, number>;
}

export interface AgentModule {
  create(services: AgentServices): { perform: Perform };
}

/** The default export of an agent's entry module. */
export function defineAgent(create: AgentModule['create']): AgentModule {
  return { create };
}
