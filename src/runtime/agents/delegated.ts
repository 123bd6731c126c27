import { type DelegationLimits, type DelegationOutput, NetAgentError } from '../../../machines/index.ts';
import type { Clock, Env } from '../../../machines/ports.ts';
import { delegate } from '../actors/index.ts';
import type { Answer, AskOptions } from './ask.ts';
import { childId } from './child-id.ts';

/** How an agent asks another, and takes a task back. */
export interface Asking {
  ask(
    agent: string,
    data: unknown,
    options: AskOptions & { callId?: string; step: string; ids: AskIds },
  ): Promise<Answer>;
  cancel(agent: string, taskId: string): Promise<void>;
}

/** The same in every life of the asking process: the other side knows the task again. */
export interface AskIds {
  taskId: string;
  messageId: string;
  contextId: string;
}

/** Key in a message's metadata: which step of the caller this is. Effects of the callee are named by it. */
export const STEP_KEY = 'netagent/step';
/** In the data of a status: something went wrong, and the work goes on. */
export const EXCEPTION_KEY = 'exception';

/** Wall time within which a domain accepts a task, and within which it ends it, ms. */
export const DELEGATION: DelegationLimits = { acceptMs: 15_000, deadlineMs: 600_000 };
/** Pauses before an agent that was cut off is asked again, ms; the last repeats. */
const PAUSES = [500, 1_000, 2_000, 4_000, 8_000];
/** Where another agent may do it, the first one has so long to come back, ms. */
const LOST_MS = 30_000;

export interface Note {
  agent: string;
  kind: 'progress' | 'exception';
  text: string;
  data?: unknown;
}

/**
 * One step of a workflow in the hands of another agent. An agent that is cut off is asked again under the same ids
 * until it is back, so that the step goes on where it is; a task that ended badly is given once more, to the next agent
 * of the list, under ids of its own. What is not wanted any more is cancelled there. The steps of both carry the
 * same names, so that an effect that was there is not there twice.
 */
export async function delegated(options: {
  env: Env;
  asking: Asking;
  agents: [string, ...string[]];
  instruction: { skill: string; input: Record<string, unknown> };
  /** Names the step; see `idempotencyKey` of a function. */
  step: string;
  callId?: string;
  limits?: DelegationLimits;
  signal: AbortSignal;
  onNote?: (note: Note) => void;
}): Promise<DelegationOutput> {
  const { env, asking, agents, step, limits = DELEGATION, onNote } = options;
  let assignments = 0;
  return delegate({
    env,
    agents,
    instruction: options.instruction,
    limits,
    signal: options.signal,
    onProgress: (agent, { text, data }) => onNote?.({ agent, kind: 'progress', text, data }),
    onException: (agent, { text, data }) => onNote?.({ agent, kind: 'exception', text, data }),
    async assign({ agent, instruction }, control) {
      assignments += 1;
      const ids = {
        taskId: childId(step, `task ${assignments}`),
        messageId: childId(step, `message ${assignments}`),
        contextId: childId(step, 'context'),
      };
      const takeBack = () => void asking.cancel(agent, ids.taskId).catch(() => undefined);
      control.signal.addEventListener('abort', takeBack, { once: true });
      const mayGo = agents.length > 1 && assignments < 2;
      let lostAt: number | null = null;
      try {
        for (let attempt = 0; ; attempt += 1) {
          try {
            const { state, text, data } = await asking.ask(agent, instruction, {
              signal: control.signal,
              step,
              ids,
              ...(options.callId !== undefined && { callId: options.callId }),
              onAccepted(taskId) {
                lostAt = null;
                control.accepted(taskId);
              },
              onStatus({ text, data }) {
                const isException = data !== null && typeof data === 'object' && EXCEPTION_KEY in data;
                if (isException) control.exception({ text, data });
                else control.progress({ text, data });
              },
            });
            return { state, text, data };
          } catch (error) {
            if (control.signal.aborted || !isCutOff(error)) throw error;
            const now = env.clock.now();
            lostAt ??= now;
            if (mayGo && now - lostAt >= LOST_MS) {
              // It may come back and go on: it must not, once another has the task.
              takeBack();
              throw error;
            }
            control.exception({
              text: `${agent} cannot be reached now.`,
              data: { [EXCEPTION_KEY]: 'cut-off' },
            });
            await pause(env.clock, PAUSES[Math.min(attempt, PAUSES.length - 1)] as number, control.signal);
          }
        }
      } finally {
        control.signal.removeEventListener('abort', takeBack);
      }
    },
  });
}

/** The agent, or the way to it, is away: what the bus says of that may pass. */
function isCutOff(error: unknown): boolean {
  return error instanceof NetAgentError && error.class === 'retryable' && error.code.startsWith('BUS_');
}

function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const id = clock.setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    const stop = () => {
      clock.clearTimeout(id);
      reject(signal.reason);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
}
