import { ERROR_FORBIDDEN } from '../schema/index.ts';
import { RpcError } from '../session/rpc-error.ts';
import type { Identity } from '../session/server-session.ts';

/**
 * What tells callers apart to whom an anchor gives one and the same thing: an agent, and where it was
 * authenticated also by whom it comes and with which rights. A narrow token gets nothing that a wide one began.
 */
export const whose = ({ agent, authenticated, actors, scopes }: Identity): string =>
  authenticated ? JSON.stringify([agent, actors, [...scopes].sort()]) : agent;

/** The same without the rights: one execution id of a caller is one execution, whatever token it comes with. */
export const callerOf = ({ agent, authenticated, actors }: Identity): string =>
  authenticated ? JSON.stringify([agent, actors]) : agent;

/** What an execution may do, and who may have its result: servers grant an agent different scopes. */
export const rightsOf = ({ authenticated, scopes }: Identity): string[] =>
  authenticated ? [...new Set(scopes)].sort() : [];

/** @throws RpcError -32012 if the execution was begun with rights that the caller has not got now */
export function mustCover(rights: string[], begunWith: readonly string[]): void {
  const missing = begunWith.filter((scope) => !rights.includes(scope));
  if (missing.length === 0) return;
  throw new RpcError(
    ERROR_FORBIDDEN,
    `The execution was begun with more rights (${missing.join(', ')}); ask with a token that has them`,
  );
}
