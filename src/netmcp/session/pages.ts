import { INVALID_PARAMS, RpcError } from './rpc-error.ts';

/** Items of one page of a list, unless a server says otherwise. */
export const PAGE = 100;

/**
 * One page of a list (MCP 2025-11-25, pagination). The cursor is opaque to clients; one that is not ours is
 * refused. @throws RpcError -32602
 */
export function pageOf<T>(
  items: readonly T[],
  cursor: string | undefined,
  size = PAGE,
): { items: T[]; nextCursor?: string } {
  const from = cursor === undefined ? 0 : read(cursor);
  const next = from + size;
  return {
    items: items.slice(from, next),
    ...(next < items.length && { nextCursor: Buffer.from(`from:${next}`).toString('base64url') }),
  };
}

function read(cursor: string): number {
  const match = /^from:(\d{1,9})$/.exec(Buffer.from(cursor.slice(0, 64), 'base64url').toString('latin1'));
  if (match === null) throw new RpcError(INVALID_PARAMS, 'Invalid cursor');
  return Number(match[1]);
}
