import { standardError } from '../fault.ts';

/** How deep data may be nested: what writes and copies them goes down by recursion. */
const MAX_DEPTH = 500;
/** Characters of one result; each value counts as eight beside its text. */
const MAX_SIZE = 16_000_000;
const VALUE = 8;
/** Characters of the state of an instance. */
export const MAX_STATE = 64_000_000;
/** Pieces of work that charts begin in one turn of the event loop. */
const IN_TURN = 25;

/**
 * A result, if it can be kept: JSON, not too deep, not too large.
 * @throws RaisedError `runtime` saying what is wrong with it
 */
export function keepable<T>(value: T): T {
  const problem = unkeepable(value);
  if (problem === undefined) return value;
  throw standardError('runtime', 'Its result cannot be kept.', { detail: problem });
}

/** Why a value cannot be kept; undefined if it can. */
export function unkeepable(value: unknown): string | undefined {
  let size = 0;
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return `nested more than ${MAX_DEPTH} deep`;
    const next: unknown[] = [];
    for (const one of level) {
      size += VALUE + (typeof one === 'string' ? one.length : 0);
      if (size > MAX_SIZE) return `more than ${MAX_SIZE} characters`;
      if (typeof one === 'bigint') return 'a bigint is no JSON';
      if (one === null || typeof one !== 'object') continue;
      for (const inner of Array.isArray(one) ? one : Object.values(one)) next.push(inner);
    }
    level = next;
  }
  return undefined;
}

/**
 * Gives everything else its turn: charts whose work needs no I/O move in microtasks alone, and one that goes round for
 * ever would let nothing else happen. Undefined while there is time.
 */
export function createTurns(): () => Promise<void> | undefined {
  let begun = 0;
  return () => {
    if (begun === 0) {
      setImmediate(() => {
        begun = 0;
      });
    }
    begun += 1;
    return begun > IN_TURN ? new Promise((resolve) => setImmediate(resolve)) : undefined;
  };
}
