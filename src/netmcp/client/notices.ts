import type { Clock } from '../../../machines/ports.ts';
import type { LoadNotice } from '../schema/index.ts';

export interface NoticeGate {
  take(notice: LoadNotice): void;
  close(): void;
}

/** Notices of one server at once, and after that one each so many ms. */
const BURST = 20;
const EVERY_MS = 100;
/** Servers whose notices are counted. */
const MAX_SERVERS = 1_024;

/**
 * Holds back a flood of load notices (NetMCP 6): past the burst only the newest of a server counts, and
 * only so often.
 */
export function createNoticeGate(clock: Clock, apply: (notice: LoadNotice) => void): NoticeGate {
  const seen = new Map<string, { tokens: number; at: number }>();
  const held = new Map<string, LoadNotice>();
  let timer: unknown = null;

  function admitted(serverId: string): boolean {
    const now = clock.now();
    const before = seen.get(serverId) ?? { tokens: BURST, at: now };
    if (!seen.has(serverId) && seen.size >= MAX_SERVERS) seen.delete(seen.keys().next().value as string);
    const tokens = Math.min(BURST, before.tokens + Math.max(0, now - before.at) / EVERY_MS);
    seen.set(serverId, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1;
  }

  function flush(): void {
    timer = null;
    const notices = [...held.values()];
    held.clear();
    for (const notice of notices) apply(notice);
  }

  return {
    take(notice) {
      if (!held.has(notice.serverId) && admitted(notice.serverId)) return apply(notice);
      if (held.size < MAX_SERVERS || held.has(notice.serverId)) held.set(notice.serverId, notice);
      timer ??= clock.setTimeout(flush, EVERY_MS);
    },
    close() {
      if (timer !== null) clock.clearTimeout(timer);
      held.clear();
    },
  };
}
