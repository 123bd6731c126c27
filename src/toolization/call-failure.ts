/** Carries a failure to the chart of the call. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  readonly failure: {
    code: string;
    message: string;
    retryable: boolean;
    executed: 'no' | 'maybe';
    retryAfterMs?: number;
  };

  constructor(
    code: string,
    message: string,
    more: { retryable: boolean; executed: 'no' | 'maybe'; retryAfterMs?: number },
  ) {
    super(message);
    this.failure = { code, message, ...more };
  }
}
