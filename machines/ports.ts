/**
 * What the pure parts are given from outside. `machines/` declares the shapes and never
 * implements them; the composition root (`src/runtime`) hands in the real ones, tests hand in
 * virtual ones.
 */

/** A clock in milliseconds since the Unix epoch; its timers have the shape of an XState clock. */
export interface Clock {
  now(): number;
  setTimeout(fn: () => void, ms: number): unknown;
  clearTimeout(id: unknown): void;
}

/** Source of identifiers: RFC 9562 version 4 UUIDs, from a seeded source in tests. */
export interface Ids {
  uuid(): string;
}

/** Source of uniform numbers in [0, 1). */
export interface Random {
  next(): number;
}

/** Structured log of one component. Never pass secrets or whole payloads. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Everything ambient that a component may use; built once, at the composition root. */
export interface Env {
  clock: Clock;
  ids: Ids;
  random: Random;
  log: Log;
}
