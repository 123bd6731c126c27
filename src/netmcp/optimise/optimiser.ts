import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { EXTENSION, resultMetaSchema } from '../schema/index.ts';
import type { CallRequest, CallToolResult, Identity } from '../session/server-session.ts';
import type { Caller } from '../toolserver/caller.ts';
import type { Shelf } from '../toolserver/shelf.ts';
import { type Composite, compose, NotComposable } from './compose.ts';
import { argumentsOf, canonical } from './flow.ts';
import { createMiner, MINER_LIMITS, type MinerLimits, type Pattern } from './miner.ts';
import { runComposite } from './run.ts';

/** How far a sequence may go by itself. */
export type Stage = 'observe' | 'propose' | 'try' | 'register';

export interface OptimiseOptions {
  /** Default `register`: all stages. */
  upTo?: Stage;
  limits?: Partial<MinerLimits>;
  /** ms after a sequence has been seen often enough until it is proposed, so that a longer one can show. Default 30 s. */
  settleMs?: number;
  /** ms without use after which a composite is withdrawn. Default 7 days. */
  unusedMs?: number;
  /** Failures in a row after which it is withdrawn. Default 3. */
  maxFailures?: number;
  /** Composites offered at a time. Default 16. */
  maxComposites?: number;
  /** ms until a sequence that was refused or withdrawn may be proposed again. Default 1 day. */
  restMs?: number;
}

export interface Entry {
  name: string;
  steps: string[];
  stage: 'proposed' | 'tried' | 'registered' | 'refused' | 'withdrawn';
  reason: string;
  /** How often, in how many sessions, by how many agents it was seen when it was proposed. */
  support: { count: number; sessions: number; agents: number };
  uses: number;
  since: number;
}

/** Learns recurring sequences of calls and offers each as one tool (NetMCP 8). */
export interface Optimiser<S> {
  /** The way to a tool, composites among them. */
  call: Caller;
  /** A call of a client ended. */
  seen(session: S, request: CallRequest, result: CallToolResult): void;
  gone(session: S): void;
  list(): Entry[];
  /** Registers one that was tried and waits, as `upTo: 'try'` leaves it. False if there is none. */
  register(name: string): boolean;
  withdraw(name: string, reason: string): boolean;
  onEvent(listener: (entry: Entry) => void): () => void;
  close(): void;
}

interface Kept extends Entry {
  key: string;
  composite: Composite | null;
  failures: number;
  usedAt: number;
}

const MAX_ENTRIES = 128;
const MAX_LISTENERS = 32;
const TRIAL_MS = 5_000;

export function createOptimiser<S>(options: {
  env: Env;
  serverId: string;
  shelf: Shelf;
  call: Caller;
  options?: OptimiseOptions;
}): Optimiser<S> {
  const { env, serverId, shelf } = options;
  const own = options.options ?? {};
  const upTo = own.upTo ?? 'register';
  const unusedMs = own.unusedMs ?? 7 * 86_400_000;
  const restMs = own.restMs ?? 86_400_000;
  const miner = createMiner<S>({ ...MINER_LIMITS, ...own.limits });
  const entries = new Map<string, Kept>();
  /** Those on the shelf, by name. */
  const offered = new Map<string, Kept>();
  const ready = new Map<string, Pattern>();
  const listeners = new Set<(entry: Entry) => void>();
  let settling: unknown = null;
  let ageing: unknown = null;
  let changing = false;
  let closed = false;

  const publicOf = ({ name, steps, stage, reason, support, uses, since }: Kept): Entry => ({
    name,
    steps: [...steps],
    stage,
    reason,
    support: { ...support },
    uses,
    since,
  });

  function move(entry: Kept, stage: Entry['stage'], reason = ''): void {
    entry.stage = stage;
    entry.reason = reason;
    entry.since = env.clock.now();
    env.log.info({ tool: entry.name, steps: entry.steps, stage, reason }, 'composite tool');
    for (const listener of listeners) listener(publicOf(entry));
  }

  /** Changes the shelf without taking the change for somebody else's. */
  function change(work: () => void): void {
    changing = true;
    try {
      work();
    } finally {
      changing = false;
    }
  }

  function settle(): void {
    settling = null;
    const patterns = [...ready.values()];
    ready.clear();
    for (const pattern of patterns) {
      const longer = patterns.filter(({ count }) => count >= pattern.count - 1).map(({ tools }) => tools);
      const taken = [...offered.values()].map(({ steps }) => steps);
      if (![...longer, ...taken].some((steps) => within(pattern.tools, steps))) void propose(pattern);
    }
  }

  async function propose(pattern: Pattern): Promise<void> {
    const entry: Kept = {
      key: pattern.key,
      name: pattern.tools.join(' then ').slice(0, 128),
      steps: pattern.tools,
      stage: 'proposed',
      reason: '',
      support: { count: pattern.count, sessions: pattern.sessions.size, agents: pattern.agents.size },
      uses: 0,
      since: env.clock.now(),
      composite: null,
      failures: 0,
      usedAt: env.clock.now(),
    };
    entries.delete(pattern.key);
    entries.set(pattern.key, entry);
    forgetOld();
    try {
      const composite = compose(pattern, shelf);
      entry.name = composite.tool.name;
      entry.composite = composite;
      move(entry, 'proposed');
      if (upTo === 'propose') return;
      await rehearse(composite, pattern);
      if (closed || entries.get(pattern.key) !== entry) return;
      move(entry, 'tried');
      if (upTo === 'register') offer(entry);
    } catch (error) {
      const expected = error instanceof NotComposable || error instanceof NetAgentError;
      if (!expected) env.log.error({ steps: entry.steps, error: String(error) }, 'composite tool not made');
      refuse(entry, expected ? error.message : 'it could not be tried');
    }
  }

  function refuse(entry: Kept, reason: string): void {
    entry.composite = null;
    move(entry, 'refused', reason);
    miner.forget(entry.key);
  }

  /**
   * The last time it was seen, again with the composite's own arguments: nothing is executed. What
   * only a human's word let through is not composed.
   */
  async function rehearse(composite: Composite, pattern: Pattern): Promise<void> {
    const { identity, calls } = pattern.sample;
    const limit = new AbortController();
    const timer = env.clock.setTimeout(() => limit.abort(new Error('the trial took too long')), TRIAL_MS);
    try {
      const inputs = Object.fromEntries(
        [...composite.plan.inputs].map(([name, { step, parameter }]) => [name, calls[step]?.args[parameter]]),
      );
      const outputs = calls.map(({ output }) => output);
      for (const [step, sources] of composite.plan.steps.entries()) {
        const args = argumentsOf(sources, inputs, outputs);
        if (canonical(args) !== canonical(calls[step]?.args))
          throw new NotComposable(`step ${step + 1} would be called with other arguments`);
        const tried = await options.call(trial(composite.steps[step] ?? '', args, identity, limit.signal));
        if (tried.isError === true) throw new NotComposable(`step ${step + 1} is refused in the trial`);
        const read = resultMetaSchema.safeParse(tried._meta?.[EXTENSION]);
        if (read.data?.approval !== undefined)
          throw new NotComposable(`step ${step + 1} needs the approval of a human`);
      }
    } finally {
      env.clock.clearTimeout(timer);
    }
  }

  function offer(entry: Kept): void {
    const problem = place(entry.composite);
    if (problem !== null) {
      refuse(entry, problem);
      return;
    }
    offered.set(entry.name, entry);
    entry.usedAt = env.clock.now();
    move(entry, 'registered');
    age();
  }

  /** Puts it on the shelf; says why not, where it cannot be. */
  function place(composite: Composite | null): string | null {
    if (composite === null || !unchanged(composite)) return 'a step changed';
    if (offered.size >= (own.maxComposites ?? 16)) return 'enough composites are offered';
    if (shelf.get(composite.tool.name) !== undefined) return 'its name is taken';
    try {
      change(() => shelf.put(composite.tool));
      return null;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  const unchanged = ({ steps, definitions }: Composite) =>
    steps.every((name, at) => JSON.stringify(shelf.get(name)?.definition) === definitions[at]);

  function withdraw(entry: Kept, reason: string): void {
    const { composite } = entry;
    if (composite !== null && shelf.get(composite.tool.name)?.tool === composite.tool)
      change(() => shelf.remove(composite.tool.name));
    offered.delete(entry.name);
    entry.composite = null;
    move(entry, 'withdrawn', reason);
    miner.forget(entry.key);
  }

  /** One timer for the composite that will be the first to be unused. */
  function age(): void {
    if (ageing !== null) env.clock.clearTimeout(ageing);
    ageing = null;
    const now = env.clock.now();
    let first = Number.POSITIVE_INFINITY;
    for (const entry of offered.values()) {
      if (now - entry.usedAt >= unusedMs) withdraw(entry, 'unused');
      else first = Math.min(first, entry.usedAt + unusedMs - now);
    }
    if (first < Number.POSITIVE_INFINITY && !closed) ageing = env.clock.setTimeout(age, first);
  }

  function forgetOld(): void {
    for (const [key, { stage }] of entries) {
      if (entries.size <= MAX_ENTRIES) return;
      if (stage !== 'registered') entries.delete(key);
    }
  }

  const stop = shelf.onChange(() => {
    if (changing) return;
    for (const entry of entries.values()) {
      const { composite } = entry;
      if (composite === null || unchanged(composite)) continue;
      if (entry.stage === 'registered') withdraw(entry, 'a step changed');
      else refuse(entry, 'a step changed');
    }
  });

  const find = (name: string) => [...entries.values()].find((entry) => entry.composite?.tool.name === name);

  const call: Caller = async (request) => {
    const entry = offered.get(request.name);
    if (entry === undefined || entry.composite === null) return options.call(request);
    const { result, failed } = await runComposite(
      { clock: env.clock, serverId, call: options.call },
      entry.composite,
      request,
    );
    if (result.isError !== true && !isDryRun(request)) {
      entry.uses += 1;
      entry.usedAt = env.clock.now();
      entry.failures = 0;
    }
    if (failed) {
      entry.failures += 1;
      if (entry.stage === 'registered' && entry.failures >= (own.maxFailures ?? 3))
        withdraw(entry, `failed ${entry.failures} times in a row`);
    }
    return result;
  };

  return {
    call,
    seen(session, request, result) {
      if (closed || isDryRun(request)) return;
      const tool = shelf.get(request.name)?.tool;
      if (tool === undefined || result.isError === true || tool.meta.kind === 'composite') {
        miner.interrupt(session);
        return;
      }
      const now = env.clock.now();
      const found = miner.seen(
        session,
        request.identity,
        { tool: tool.name, args: request.arguments, output: result.structuredContent ?? null },
        now,
      );
      if (upTo === 'observe') return;
      for (const pattern of found) {
        const before = entries.get(pattern.key);
        const resting = before !== undefined && now - before.since < restMs;
        if (before?.stage === 'registered' || before?.composite != null || resting) continue;
        ready.set(pattern.key, pattern);
      }
      if (ready.size > 0) settling ??= env.clock.setTimeout(settle, own.settleMs ?? 30_000);
    },
    gone: (session) => miner.gone(session),
    list: () => [...entries.values()].map(publicOf),
    register(name) {
      const entry = find(name);
      if (entry?.stage !== 'tried') return false;
      offer(entry);
      // `offer` moves it on, which the compiler cannot see.
      return (entry.stage as Entry['stage']) === 'registered';
    },
    withdraw(name, reason) {
      const entry = find(name);
      if (entry === undefined) return false;
      withdraw(entry, reason);
      return true;
    },
    onEvent(listener) {
      if (listeners.size >= MAX_LISTENERS) throw new RangeError('too many listeners');
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    close() {
      closed = true;
      stop();
      for (const timer of [settling, ageing]) if (timer !== null) env.clock.clearTimeout(timer);
      listeners.clear();
    },
  };
}

function within(part: readonly string[], whole: readonly string[]): boolean {
  return part.length < whole.length && ` ${whole.join(' ')} `.includes(` ${part.join(' ')} `);
}

function trial(
  name: string,
  args: Record<string, unknown>,
  identity: Identity,
  signal: AbortSignal,
): CallRequest {
  return {
    name,
    arguments: args,
    identity,
    meta: { dryRun: true },
    signal,
    progress: () => {},
  };
}

function isDryRun({ meta }: CallRequest): boolean {
  return typeof meta === 'object' && meta !== null && 'dryRun' in meta && meta.dryRun === true;
}
