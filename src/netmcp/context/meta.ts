import { ERROR_CONFLICT, ERROR_LIMIT, ERROR_NOT_OWNER } from '../schema/index.ts';
import { INVALID_PARAMS, RpcError } from '../session/rpc-error.ts';
import type { ContextLimits } from './limits.ts';
import type { ContextRows } from './store.ts';

/** The head of a context. */
export interface Meta {
  contextId: string;
  agent: string;
  /** SHA-256 of the secret; empty: a context of an execution, without access from outside. */
  secret: string;
  owner: string;
  /** The run of the owner: a server that started anew is another owner. */
  term: string;
  /** The fencing token: rises with every change of owner. */
  epoch: number;
  expiresAt: number;
  /** Of the last change of a key. */
  revision: number;
  /** Deletions up to this revision are forgotten. */
  pruned: number;
  bytes: number;
  keys: number;
  tombstones: number;
  queues: number;
  schedules: number;
}

/** One transaction on one context. */
export interface Tx {
  rows: ContextRows;
  meta: Meta;
  limits: ContextLimits;
  now: number;
}

/** The same answer for a context that is not there and for one of somebody else. */
export const UNKNOWN_CONTEXT = 'Unknown context';
export const unknownContext = () => new RpcError(INVALID_PARAMS, UNKNOWN_CONTEXT);

export const notOwner = (data: { owner: string; url: string; epoch: number }) =>
  new RpcError(ERROR_NOT_OWNER, 'This server does not own the context', data);

export const conflict = (revision: number) =>
  new RpcError(ERROR_CONFLICT, 'The revision is another one', { revision });

export const beyond = (limit: keyof ContextLimits, max: number) =>
  new RpcError(ERROR_LIMIT, `The limit ${limit} of ${max} is reached`, { limit, max });

/** Bytes that a value takes. @throws RpcError -32014 if it is beyond the limit of one value */
export function sizeOf(tx: Tx, key: string, value: unknown): number {
  const bytes = Buffer.byteLength(JSON.stringify(value)) + Buffer.byteLength(key);
  if (bytes > tx.limits.valueBytes) throw beyond('valueBytes', tx.limits.valueBytes);
  return bytes;
}

/** @throws RpcError -32014 if the context would grow beyond its limit */
export function grow(tx: Tx, bytes: number): void {
  if (bytes > 0 && tx.meta.bytes + bytes > tx.limits.contextBytes)
    throw beyond('contextBytes', tx.limits.contextBytes);
  tx.meta.bytes += bytes;
}
