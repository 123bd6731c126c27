import { AsyncLocalStorage } from 'node:async_hooks';

/** W3C Trace Context over user properties (profile 0.1, observability). */

export const TRACEPARENT = 'traceparent';
export const TRACESTATE = 'tracestate';

/** What is being answered; requests that are made meanwhile belong to the same trace. */
const current = new AsyncLocalStorage<string>();

export const inTrace = <T>(traceparent: string, work: () => T): T => current.run(traceparent, work);
export const currentTrace = () => current.getStore();

/** Trace Context 3.2.2: version 00; a later one may say more behind it. */
const PATTERN = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export function isTraceparent(text: string | undefined): text is string {
  const [, version, trace, span, , more] = PATTERN.exec(text ?? '') ?? [];
  if (trace === undefined || span === undefined) return false;
  return !/^0+$/.test(trace) && !/^0+$/.test(span) && (version !== '00' || more === undefined);
}

/** A span of its own below `parent`, or the first of a new trace; `uuid` is where its ids come from. */
export function childOf(parent: string | undefined, uuid: string): string {
  const hex = uuid.replaceAll('-', '');
  const [, , trace, , flags] = (isTraceparent(parent) ? PATTERN.exec(parent) : null) ?? [];
  // The end of a UUID is random in all its bits; its middle is not.
  return `00-${trace ?? hex}-${hex.slice(16)}-${flags ?? '01'}`;
}
