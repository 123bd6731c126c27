/** Requests to network functions. */
export const SBI_ERRORS = {
  SBI_FAILED: {
    class: 'terminal',
    status: 502,
    message: 'The {nf} answered {operation} with {status} {cause}.',
    hint: 'The problem says what was refused; a status of 429 or 503 means later.',
  },
  SBI_UNREACHABLE: {
    class: 'retryable',
    status: 503,
    message: 'The {nf} at {base} was not reached: {problem}.',
    hint: 'See whether that network function runs and is registered at the NRF.',
  },
  SBI_LOST: {
    class: 'retryable',
    status: 502,
    message: 'The connection to the {nf} was lost during {operation}: {problem}.',
    hint: 'It may have been executed: read the state before the request is repeated.',
  },
  SBI_TIMEOUT: {
    class: 'retryable',
    status: 504,
    message: 'The {nf} did not answer {operation} within {timeoutMs} ms.',
    hint: 'It may have been executed: read the state before the request is repeated.',
  },
  SBI_CANCELLED: {
    class: 'terminal',
    status: 499,
    message: 'The request {operation} to the {nf} was cancelled.',
    hint: 'Nothing: its caller withdrew it.',
  },
} as const;
