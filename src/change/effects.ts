import type {
  ApplyVerdict,
  ApprovalVerdict,
  ChangeOutcome,
  ClaimVerdict,
  Clock,
  Look,
  ReachVerdict,
  RehearsalVerdict,
} from '../../machines/index.ts';
import { fail } from '../errors.ts';
import type { Arbiter, Ask } from './arbiter.ts';
import { judgeReach, type ReachLimit, type ReachPorts, reachOf } from './blast.ts';
import { claimsOf } from './claims.ts';
import { type Change, filled, pointed, usesFields } from './input.ts';

/** How a call of a tool ended; the shape of a NetMCP client's outcome. */
export interface CallOutcome {
  output: Record<string, unknown> | null;
  isError: boolean;
  text: string;
  /** Of a call that failed: `maybe` if it is not known whether it took effect. */
  executed?: 'no' | 'maybe';
  /** What a human must approve. */
  approval?: { plan: string; question: string };
}

/** How a call is made. */
export interface CallWay {
  /** The change, and the agent that makes it. */
  key: string;
  agent: string;
  idempotencyKey?: string;
  dryRun?: boolean;
  approval?: string;
  signal: AbortSignal;
}

export interface ChangePorts extends ReachPorts {
  /** Rejects where it is not known how the call ended. The same key never executes an effect twice. */
  callTool(tool: string, args: Record<string, unknown>, way: CallWay): Promise<CallOutcome>;
  /** Asks a human; without it, what needs one is refused. */
  approve?(question: {
    key: string;
    holder: string;
    text: string;
    change: Change;
    plan?: string;
    signal: AbortSignal;
  }): Promise<ApprovalVerdict>;
}

export interface Bounds {
  /** Level of autonomy, 0 to 5. */
  level: number;
  limits?: readonly ReachLimit[];
}

/** Limit of one effect on the network, ms. */
export const EFFECT_MS = 90_000;

/** What a change asks of arbitration. */
export function askOf(key: string, holder: string, change: Change): Ask {
  const { claims, window } = claimsOf(change.do);
  return {
    id: key,
    holder,
    claims: [...claims, ...change.claims],
    priority: change.priority,
    window: change.window ?? window,
    // Prolonged at each look: a killed process that returns within a few looks still has its claims.
    leaseMs: Math.max(60_000, 3 * change.guard.periodS * 1000 + EFFECT_MS),
    patienceMs: change.waitS * 1000,
  };
}

/** The effects of the `change` chart for one change. `lost` is told why the change may not stay. */
export function changeEffects(options: {
  key: string;
  holder: string;
  agent: string;
  change: Change;
  arbiter: Arbiter;
  clock: Clock;
  ports: ChangePorts;
  bounds: Bounds;
  lost: (text: string) => void;
}) {
  const { key, agent, change, arbiter, clock, ports, bounds } = options;
  const ask = askOf(key, options.holder, change);

  /** Why the claims do not hold any more; null if they do. A lease that ran out is asked for again. */
  const fenced = (): string | null => {
    const { state, text } = arbiter.renew(key);
    if (state === 'held') return null;
    if (state === 'ending') return text;
    const again = arbiter.ask({ ...ask, patienceMs: 0 });
    return again.state === 'held' ? null : 'text' in again ? again.text : text;
  };

  const undo = async (result: unknown, before: unknown, signal: AbortSignal): Promise<void> => {
    const args = filled(change.undo.arguments, { result, before }) as Record<string, unknown>;
    const { isError, text } = await ports.callTool(change.undo.tool, args, {
      key,
      agent,
      idempotencyKey: `${key}:undo`,
      signal,
    });
    if (isError) throw fail('CHANGE_UNDO', { tool: change.undo.tool, problem: text });
  };

  return {
    ask,
    undo,
    async measure(): Promise<ReachVerdict> {
      const reach = await reachOf([change.do], ports, agent);
      const judged = judgeReach(reach, { ...bounds, what: change.do.tool });
      if (change.approval === 'as-needed' || judged.verdict !== 'within') return judged;
      return { verdict: 'approve', text: `${judged.text} A human was asked for.` };
    },

    async claim(): Promise<ClaimVerdict> {
      const decision = arbiter.ask(ask);
      return decision.state === 'held' ? { state: 'held' } : { state: decision.state, text: decision.text };
    },

    async rehearse(signal: AbortSignal): Promise<RehearsalVerdict> {
      const { tool, arguments: args } = change.do;
      const { isError, text, approval } = await ports.callTool(tool, args, {
        key,
        agent,
        dryRun: true,
        signal,
      });
      if (approval !== undefined) return { ok: true, text, approval };
      if (isError) return { ok: false, text };
      // A way back that would be refused is none; one that needs the result cannot be tried yet.
      if (!usesFields(change.undo.arguments)) {
        const back = await ports.callTool(change.undo.tool, change.undo.arguments, {
          key,
          agent,
          dryRun: true,
          signal,
        });
        if (back.isError && back.approval === undefined) {
          return { ok: false, text: `Its undo would be refused: ${back.text}` };
        }
      }
      return { ok: true, text };
    },

    async approve(reach: string, rehearsal: RehearsalVerdict, signal: AbortSignal): Promise<ApprovalVerdict> {
      const text = [reach, rehearsal.approval?.question ?? rehearsal.text]
        .filter((part) => part !== '')
        .join(' ');
      if (ports.approve === undefined) return { approved: false, text: `${text} There is nobody to ask.` };
      const plan = rehearsal.approval?.plan;
      return ports.approve({
        key,
        holder: options.holder,
        text,
        change,
        ...(plan !== undefined && { plan }),
        signal,
      });
    },

    async look(number: number, signal: AbortSignal): Promise<Look> {
      const why = fenced();
      if (why !== null) options.lost(why);
      const { read, kpi } = change.guard;
      const { output, isError, text } = await ports.callTool(read.tool, read.arguments, {
        key,
        agent,
        signal,
      });
      const value = pointed(output, kpi);
      if (isError || typeof value !== 'number' || !Number.isFinite(value)) {
        const problem = isError ? text : 'there is no number';
        throw fail('CHANGE_UNSEEN', { kpi, tool: read.tool, problem });
      }
      return { value, at: clock.now(), ...(number === 0 && { whole: output }) };
    },

    async apply(token: string, signal: AbortSignal): Promise<ApplyVerdict> {
      const why = fenced();
      if (why !== null) return { state: 'refused', text: why };
      const outcome = await ports.callTool(change.do.tool, change.do.arguments, {
        key,
        agent,
        idempotencyKey: key,
        ...(token !== '' && { approval: token }),
        signal,
      });
      if (!outcome.isError) return { state: 'applied', result: outcome.output };
      return { state: outcome.executed === 'maybe' ? 'unknown' : 'refused', text: outcome.text };
    },

    /** True if what was to be kept had to yield in the last moment and was undone. */
    async release(
      outcome: ChangeOutcome,
      result: unknown,
      before: unknown,
      signal: AbortSignal,
    ): Promise<boolean> {
      // What could not be undone may still be there: nobody builds on it before the lease ends.
      if (outcome === 'rollbackFailed') return false;
      if (outcome === 'kept' && !arbiter.keep(key)) {
        await undo(result, before, signal);
        arbiter.release(key);
        return true;
      }
      if (outcome !== 'kept') arbiter.release(key);
      return false;
    },
  };
}
