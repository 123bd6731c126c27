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

/** Turns what a task threw into a workflow error; an error raised by the document stays as it is. */
export function faultOf(error: unknown, pointer: string): WorkflowError {
  if (error instanceof RaisedError) return { ...error.fault, instance: pointer };
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

/** Carries an error that a `raise` task defines. */
export class RaisedError extends Error {
  readonly fault: Omit<WorkflowError, 'instance'>;

  constructor(fault: Omit<WorkflowError, 'instance'>) {
    super(fault.title);
    this.fault = fault;
  }
}
