import type { Identity } from '../session/server-session.ts';

/**
 * What tells callers apart to whom an anchor gives one and the same thing: an agent, and where it was
 * authenticated also by whom it comes and with which rights. A narrow token gets nothing that a wide one began.
 */
export const whose = ({ agent, authenticated, actors, scopes }: Identity): string =>
  authenticated ? JSON.stringify([agent, actors, [...scopes].sort()]) : agent;
