import type { Identity } from '../session/server-session.ts';
import { beginFlow, type Flow, narrowFlow, type SeenCall } from './flow.ts';

export interface MinerLimits {
  /** Times that a sequence must be seen. */
  minCount: number;
  minSessions: number;
  /** Different agents: no agent alone makes a tool for others. */
  minAgents: number;
  longest: number;
  /** ms of silence after which a session begins a new sequence. */
  gapMs: number;
  maxSessions: number;
  maxPatterns: number;
}

export const MINER_LIMITS: MinerLimits = {
  minCount: 3,
  minSessions: 2,
  minAgents: 2,
  longest: 5,
  gapMs: 5 * 60_000,
  maxSessions: 1_000,
  maxPatterns: 2_000,
};

/** A sequence of tools that came back, with what is known of its arguments. */
export interface Pattern {
  key: string;
  tools: string[];
  count: number;
  sessions: Set<number>;
  agents: Set<string>;
  flow: Flow;
  /** The last time it was seen; its arguments are what a trial is made with. */
  sample: { identity: Identity; calls: SeenCall[] };
}

export interface Miner<S> {
  /** A call of a session ended well. Returns the sequences that have now been seen often enough. */
  seen(session: S, identity: Identity, call: SeenCall, now: number): Pattern[];
  /** The session made a call that cannot be part of a sequence. */
  interrupt(session: S): void;
  gone(session: S): void;
  forget(key: string): void;
  /** Forgets all that has to do with a tool. */
  forgetTool(tool: string): void;
  readonly size: { sessions: number; patterns: number };
}

/** Arguments and outputs above these sizes (characters of JSON) are not kept. */
const MAX_ARGS = 4_096;
const MAX_OUTPUT = 16_384;
const MAX_MARKS = 16;

/**
 * Mines recurring sequences of calls of 2 to `longest` different tools, one after another in a session. Its
 * memory is bounded: the sequence and the session unheard of for longest are forgotten.
 */
export function createMiner<S>(limits: MinerLimits = MINER_LIMITS): Miner<S> {
  const windows = new Map<S, { id: number; calls: SeenCall[]; at: number }>();
  const patterns = new Map<string, Pattern>();
  let sessions = 0;

  function windowOf(session: S, now: number) {
    let window = windows.get(session);
    if (window === undefined) {
      sessions += 1;
      window = { id: sessions, calls: [], at: now };
    }
    if (now - window.at > limits.gapMs) window.calls = [];
    window.at = now;
    windows.delete(session);
    windows.set(session, window);
    trim(windows, limits.maxSessions);
    return window;
  }

  function count(calls: SeenCall[], session: number, identity: Identity): Pattern {
    const key = JSON.stringify(calls.map(({ tool, args }) => [tool, Object.keys(args).sort()]));
    const before = patterns.get(key);
    patterns.delete(key);
    const pattern: Pattern = before ?? {
      key,
      tools: calls.map(({ tool }) => tool),
      count: 0,
      sessions: new Set(),
      agents: new Set(),
      flow: beginFlow(calls),
      sample: { identity, calls },
    };
    if (before !== undefined) narrowFlow(pattern.flow, calls);
    pattern.count += 1;
    pattern.sample = { identity, calls };
    if (pattern.sessions.size < MAX_MARKS) pattern.sessions.add(session);
    if (pattern.agents.size < MAX_MARKS) pattern.agents.add(identity.agent.slice(0, 200));
    patterns.set(key, pattern);
    trim(patterns, limits.maxPatterns);
    return pattern;
  }

  return {
    seen(session, identity, call, now) {
      const window = windowOf(session, now);
      const args = JSON.stringify(call.args);
      if (args.length > MAX_ARGS) {
        window.calls = [];
        return [];
      }
      const output = JSON.stringify(call.output ?? null);
      // A copy: what the client and the tool hold may change.
      window.calls.push({
        tool: call.tool,
        args: JSON.parse(args) as Record<string, unknown>,
        output: output.length <= MAX_OUTPUT ? (JSON.parse(output) as unknown) : null,
      });
      if (window.calls.length > limits.longest) window.calls.shift();
      const ready: Pattern[] = [];
      for (let length = 2; length <= window.calls.length; length += 1) {
        const calls = window.calls.slice(-length);
        // A tool asked again and again is polling, no sequence.
        if (new Set(calls.map(({ tool }) => tool)).size < length) break;
        const pattern = count(calls, window.id, identity);
        if (
          pattern.count >= limits.minCount &&
          pattern.sessions.size >= limits.minSessions &&
          pattern.agents.size >= limits.minAgents
        ) {
          ready.push(pattern);
        }
      }
      return ready;
    },
    interrupt(session) {
      const window = windows.get(session);
      if (window !== undefined) window.calls = [];
    },
    gone: (session) => void windows.delete(session),
    forget: (key) => void patterns.delete(key),
    forgetTool(tool) {
      for (const [key, { tools }] of patterns) if (tools.includes(tool)) patterns.delete(key);
      for (const window of windows.values()) {
        if (window.calls.some((call) => call.tool === tool)) window.calls = [];
      }
    },
    get size() {
      return { sessions: windows.size, patterns: patterns.size };
    },
  };
}

function trim(map: Map<unknown, unknown>, most: number): void {
  while (map.size > most) {
    const oldest = map.keys().next();
    if (oldest.done === true) return;
    map.delete(oldest.value);
  }
}
