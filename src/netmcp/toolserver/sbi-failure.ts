import type { ExecutionFailure } from '../../../machines/protocols/tool-call.machine.ts';

/** An SBI request that did not succeed, in the terms of the tool-call chart. */
export class SbiFailure extends Error {
  override readonly name = 'SbiFailure';
  readonly failure: ExecutionFailure;

  constructor(failure: ExecutionFailure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** No request reached the NF, or the NF could not be found. */
export function notReached(nf: string, problem: string): SbiFailure {
  return new SbiFailure({
    code: 'NF_NOT_REACHED',
    message: `${nf} was not reached: ${problem}`,
    retryable: true,
    executed: 'no',
  });
}

/**
 * A status of 400 and above. 4xx: the NF refused and did nothing. 429 and 503 mean later (TS 29.500
 * 5.2.7.2); other 5xx may have been executed.
 */
export function answeredBad(nf: string, operation: string, status: number, body: unknown): SbiFailure {
  const problem = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {};
  const text = [problem.cause, problem.title, problem.detail]
    .filter((part) => typeof part === 'string')
    .join(', ');
  return new SbiFailure({
    code: typeof problem.cause === 'string' ? problem.cause : `HTTP_${status}`,
    message: `${nf} answered ${operation} with ${status}${text === '' ? '' : `: ${text.slice(0, 300)}`}`,
    retryable: status >= 500 || status === 429,
    executed: status < 500 || status === 503 ? 'no' : 'maybe',
  });
}
