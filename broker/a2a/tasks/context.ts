import type { RequestContext, ServerCallContext } from '@a2a-js/sdk/server';
import { STATE_HEADERS_KEY } from '@a2a-js/sdk/server';
import type { TaskScope } from './ledger.ts';

/** What travels with a call besides its parameters. */

const ABORT = 'netagent.abort';
const SEQ = 'netagent.seq';
const RECOVERED = 'netagent.recovered';
const FAILURE = 'netagent.failure';

export const scopeOf = (context: ServerCallContext): TaskScope => ({
  tenant: context.tenant ?? '',
  owner: context.user?.userName ?? '',
});

/** Fires when the task of this turn is cancelled; hand it to whatever the turn calls. */
export function abortSignalOf({ context }: RequestContext): AbortSignal {
  return (context.state.get(ABORT) as (() => AbortSignal) | undefined)?.() ?? new AbortController().signal;
}

/** The turn was begun before and its process died: what it does may have been done already. */
export const isRecovered = ({ context }: RequestContext) => context.state.get(RECOVERED) === true;

export function setTurn(context: ServerCallContext, signal: () => AbortSignal, recovered: boolean): void {
  context.state.set(ABORT, signal);
  context.state.set(RECOVERED, recovered);
}

/** Number of the item that a stream has just yielded, in the log of its task. */
export const seqOf = (context: ServerCallContext) => context.state.get(SEQ) as number | undefined;
export const setSeq = (context: ServerCallContext, seq: number) => void context.state.set(SEQ, seq);

/** A user property of the request (names in lower case). */
export function propertyOf(context: ServerCallContext, name: string): string | undefined {
  return (context.state.get(STATE_HEADERS_KEY) as Record<string, string> | undefined)?.[name];
}

/** What a call failed with that A2A has no error for. */
export const failureOf = (context: ServerCallContext) => context.state.get(FAILURE);
export const setFailure = (context: ServerCallContext, error: unknown) =>
  void context.state.set(FAILURE, error);
