import { AsyncLocalStorage } from 'node:async_hooks';

/** W3C Trace Context over user properties (profile 0.1, observability). */

export const TRACEPARENT = 'traceparent';
export const TRACESTATE = 'tracestate';

/** With a request: how many agents have asked each other before. */
export const HOPS = 'a2a-hops';
/** Agents that ask each other in a circle are stopped here. */
export const MAX_HOPS = 16;

export interface Origin {
  traceparent: string | undefined;
  hops: number;
}

/** What is being answered; requests that are made meanwhile belong to the same trace. */
const current = new AsyncLocalStorage<Origin>();

export const answering = <T>(origin: Origin, work: () => T): T => current.run(origin, work);
export const beingAnswered = () => current.getStore();

/** The number of a request; one that says none, or nonsense, begins. */
export function hopsOf(properties: Readonly<Record<string, string>>): number {
  const hops = Number(properties[HOPS] ?? 0);
  return Number.isInteger(hops) && hops > 0 ? hops : 0;
}

/** Trace Context 3.2.2: version 00; a later one may say more behind it. */
const PATTERN = /^(?!ff)([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

export function isTraceparent(text: string | undefined): text is string {
  return partsOf(text) !== null;
}

function partsOf(text: string | undefined): { trace: string; flags: string } | null {
  if (text === undefined) return null;
  const [, version, trace, span, flags, more] = PATTERN.exec(text) ?? [];
  if (trace === undefined || span === undefined || flags === undefined) return null;
  if (trace === NO_TRACE || span === NO_SPAN || (version === '00' && more !== undefined)) return null;
  return { trace, flags };
}

const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/** A span of its own below `parent`, or the first of a new trace; `uuid` is where its ids come from. */
export function childOf(parent: string | undefined, uuid: string): string {
  const hex = uuid.replaceAll('-', '');
  const { trace, flags } = partsOf(parent) ?? { trace: hex, flags: '01' };
  // The end of a UUID is random in all its bits; its middle is not.
  return `00-${trace}-${hex.slice(16)}-${flags}`;
}
