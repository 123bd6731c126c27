/** ProblemDetails of TS 29.571 5.2.4.1 (RFC 9457 with a cause). */
export interface ProblemDetails {
  title?: string;
  status: number;
  detail?: string;
  /** Application error, upper case (TS 29.500 5.2.7.2 and each API). */
  cause: string;
  invalidParams?: Array<{ param: string; reason: string }>;
}

export const PROBLEM_TYPE = 'application/problem+json';

/** Thrown by a handler: the answer is this problem instead. */
export class SbiProblem extends Error {
  override readonly name = 'SbiProblem';
  readonly problem: ProblemDetails;
  readonly headers: Record<string, string>;

  constructor(problem: ProblemDetails, headers: Record<string, string> = {}) {
    super(`${problem.status} ${problem.cause}${problem.detail === undefined ? '' : `: ${problem.detail}`}`);
    this.problem = problem;
    this.headers = headers;
  }
}

/** An SbiProblem of a status and cause; returns, never throws. */
export function problem(status: number, cause: string, detail?: string): SbiProblem {
  return new SbiProblem({ status, cause, ...(detail !== undefined && { detail }) });
}
