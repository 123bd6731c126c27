import { NetAgentError } from '../errors.ts';

/** RFC 7807 as the DSL has it (1.0.3, "Error"). */
export interface WorkflowError {
  type: string;
  status: number;
  title: string;
  detail: string;
  /** JSON Pointer of the task that faulted. */
  instance: string;
}

const BASE = 'https://open-workflow-specification.org/spec/1.0.0/errors';

/** The standard error types (DSL 1.0.3, "Standard Error Types") with the status of each. */
const STANDARD = {
  configuration: 400,
  validation: 400,
  expression: 400,
  authentication: 401,
  authorization: 403,
  timeout: 408,
  communication: 500,
  runtime: 500,
} as const;
export type StandardError = keyof typeof STANDARD;

/** Carries an error that a task raises, up to the task that catches it. */
export class RaisedError extends Error {
  readonly fault: Omit<WorkflowError, 'instance'> & { instance?: string };

  constructor(fault: Omit<WorkflowError, 'instance'> & { instance?: string }) {
    super(fault.title);
    this.fault = fault;
  }
}

/**
 * An error of a standard type, to be thrown. A transport that failed is `communication` with the best HTTP
 * status there is; an error that a peer answered over MCP or A2A is `runtime`.
 */
export function standardError(
  kind: StandardError,
  title: string,
  { status = STANDARD[kind], detail = '' }: { status?: number; detail?: string } = {},
): RaisedError {
  return new RaisedError({ type: `${BASE}/${kind}`, status, title, detail });
}

/**
 * Whether two type URIs mean the same error: the text, the conformance kit and the host's two names write
 * standard types under different prefixes.
 */
export function sameErrorType(left: string, right: string): boolean {
  return bare(left) === bare(right);
}

const PREFIX =
  /^https?:\/\/(?:www\.)?(?:serverlessworkflow\.io|open-workflow-specification\.org)\/(?:spec\/\d+\.\d+\.\d+\/errors|dsl\/errors\/types|errors\/types)\//;

const bare = (type: string) => type.replace(PREFIX, 'standard:');

/** Turns what a task threw into a workflow error; an error raised by the document stays as it is. */
export function faultOf(error: unknown, pointer: string): WorkflowError {
  if (error instanceof RaisedError) return { ...error.fault, instance: error.fault.instance ?? pointer };
  if (error instanceof NetAgentError) {
    const kind =
      error.code === 'WORKFLOW_EXPRESSION'
        ? 'expression'
        : error.class === 'retryable'
          ? 'communication'
          : 'runtime';
    return {
      type: `${BASE}/${kind}`,
      status: error.status,
      title: error.message,
      detail: error.code,
      instance: pointer,
    };
  }
  const title = error instanceof Error ? error.message : String(error);
  return { type: `${BASE}/runtime`, status: 500, title, detail: 'INTERNAL', instance: pointer };
}
