/** What the gateway serves of the runtime's workflows; the runtime implements it. */

export interface WorkflowProblem {
  /** 0 where the source is no text. */
  line: number;
  pointer: string;
  problem: string;
  severity: 'error' | 'warning';
}

export interface TemplateView {
  /** `{namespace}/{name}` */
  id: string;
  name: string;
  version: string;
  versions: string[];
  title: string;
  summary: string;
  domain: string;
  category: string;
  effects: 'reads' | 'changes';
  blast: { cells?: string | undefined; subscribers?: string | undefined };
  undo: string;
  /** JSON Schema of the input; null where none is given. */
  input: Record<string, unknown> | null;
  /** Why it does not run by itself here; empty if it does. */
  problems: WorkflowProblem[];
}

export interface WorkflowInstanceView {
  id: string;
  workflow: string;
  version: string;
  status: 'running' | 'waiting' | 'suspended' | 'completed' | 'faulted' | 'cancelled';
  startedAt: number;
  updatedAt: number;
  endedAt: number | null;
  run: number;
  labels: Record<string, string>;
  /** References of the tasks under way. */
  active: string[];
  output?: unknown;
  fault?: { type: string; status: number; title: string; detail: string; instance: string };
}

export interface WorkflowInstanceDetail extends WorkflowInstanceView {
  /** Where it can be set back to, oldest first. */
  steps: Array<{ rev: number; at: number; entered: string[] }>;
  /** What happened, as far as it is remembered: since the runtime started, the last few hundred. */
  events: WorkflowEventView[];
  /** What it meant, once it ended: a sentence, and figures that a planner can use. */
  insight?: { text: string; [field: string]: unknown };
}

export interface WorkflowEventView {
  at: number;
  /** `workflow.started`, `task.completed`, `task.progress`, ... */
  type: string;
  instance: string;
  workflow: string;
  pointer?: string;
  text?: string;
}

export interface RunRequest {
  /** Template, or `source` with a whole document. */
  workflow?: string | undefined;
  version?: string | undefined;
  source?: string | undefined;
  input?: unknown;
  /** The same id joins the same instance. */
  id?: string | undefined;
  /** Checks document and input, and rehearses nothing in the network. */
  dryRun?: boolean | undefined;
}

export interface ApprovalView {
  id: string;
  instance: string;
  title: string;
  /** What is to be done, as it would be done. */
  plan: unknown;
  /** SHA-256 of the plan: the decision is bound to it. */
  hash: string;
  requestedAt: number;
  expiresAt: number;
}

export interface OperatedWorkflows {
  /** Wall time, ms: by it instances are purged. */
  now(): number;
  templates(): TemplateView[];
  /** The document as JSON, and its chart as `walk` gives it. @throws WORKFLOW_NOT_FOUND */
  template(name: string, version?: string): TemplateView & { document: unknown };
  match(task: {
    text: string;
    domain?: string;
    category?: string;
    effects?: 'reads' | 'changes';
    known?: Record<string, unknown>;
  }): Array<{ id: string; version: string; score: number; reason: string; missing: string[] }>;
  /** A policy as a workflow: the document, filled, with the reasons for it; or why not. */
  translate(policy: unknown): {
    kind: 'workflow' | 'refused';
    reasons: string[];
    document?: unknown;
    input?: unknown;
  };
  check(source: string): WorkflowProblem[] | Promise<WorkflowProblem[]>;
  /** @throws WORKFLOW_NOT_FOUND, WORKFLOW_INVALID, WORKFLOW_INPUT_INVALID */
  run(request: RunRequest): Promise<{ id: string; dryRun: boolean }>;
  instances(filter: { status?: string; workflow?: string; limit?: number }): WorkflowInstanceView[];
  instance(id: string): WorkflowInstanceDetail | undefined;
  /** Tells what happens to an instance from now on; ends after its end. */
  follow(id: string, listener: (event: WorkflowEventView) => void): () => void;
  /** @throws WORKFLOW_INSTANCE_UNKNOWN, WORKFLOW_INSTANCE_STATE */
  act(id: string, verb: 'cancel' | 'pause' | 'resume' | 'restart', from?: string): Promise<void>;
  purge(what: { id: string } | { endedBefore: number }): number;
  approvals(): ApprovalView[];
  /** @throws WORKFLOW_APPROVAL_UNKNOWN */
  decide(id: string, verdict: 'approve' | 'reject', hash: string): void;
  /** A CloudEvent from outside. @throws WORKFLOW_EVENT_INVALID */
  publish(event: unknown): Promise<void>;
  triggers(): Array<{
    id: string;
    on: string;
    workflow: string;
    running: number;
    starts: number;
    lastAt: number | null;
  }>;
}
