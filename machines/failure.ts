/**
 * The one shape of an error that may reach a user, a peer or a log.
 *
 * `terminal`: trying again without a change cannot help. `retryable`: it may, after
 * `retryAfterMs` where that is known.
 */
export interface ErrorEntry {
  readonly class: 'terminal' | 'retryable';
  /** Nearest HTTP status; the bindings map it to A2A, MCP and MQTT codes. */
  readonly status: number;
  /** Message pattern; `{name}` is replaced from the details. */
  readonly message: string;
  /** What the reader can do about it. */
  readonly hint: string;
}

export type ErrorCatalog = Readonly<Record<string, ErrorEntry>>;

export class NetAgentError extends Error {
  override readonly name = 'NetAgentError';
  readonly code: string;
  readonly class: ErrorEntry['class'];
  readonly status: number;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: string,
    entry: ErrorEntry,
    details: Record<string, unknown>,
    options?: { cause?: unknown; retryAfterMs?: number },
  ) {
    super(fill(entry.message, details), options?.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.class = entry.class;
    this.status = entry.status;
    this.hint = fill(entry.hint, details);
    this.details = details;
    this.retryAfterMs = options?.retryAfterMs;
  }
}

/** Builds the constructor of a catalogue's errors: `fail('CODE', {details})` returns, never throws. */
export function errorsOf<C extends ErrorCatalog>(catalog: C) {
  return (
    code: keyof C & string,
    details: Record<string, unknown> = {},
    options?: { cause?: unknown; retryAfterMs?: number },
  ): NetAgentError => new NetAgentError(code, catalog[code] as ErrorEntry, details, options);
}

function fill(pattern: string, details: Record<string, unknown>): string {
  return pattern.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(details, name) ? String(details[name]) : whole,
  );
}
