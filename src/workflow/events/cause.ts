import type { CloudEvent } from './types.ts';

/** Extension attribute: the workflows that led to an event, the first first, parted by spaces. */
export const CAUSE = 'netagentcause';
/** Workflows one after the other, each caused by the one before: more of them are taken for a loop. */
export const MAX_CHAIN = 16;

/** The workflows that led to an event; none for one that came from outside. */
export const causeOf = (event: CloudEvent): string[] =>
  typeof event[CAUSE] === 'string' ? event[CAUSE].split(' ').filter((one) => one !== '') : [];

/** All workflows that led to any of these events. */
export const causesOf = (events: readonly CloudEvent[]): string[] => [...new Set(events.flatMap(causeOf))];

/** The attribute of an event that an instance of `workflow` emits, which was itself started for `cause`. */
export const causedBy = (cause: readonly string[], workflow: string): string =>
  [...cause, workflow].join(' ');
