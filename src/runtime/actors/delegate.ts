import { createActor } from 'xstate';
import {
  type Clock,
  type DelegationLimits,
  type DelegationOutput,
  delegationMachine,
  type Env,
  type Instruction,
  type StatusNote,
  type SubtaskAnswer,
} from '../../../machines/index.ts';
import { effectLogic } from './effect.ts';

export interface DelegateOptions {
  env: Env;
  /** Clock of the limits; `env.clock` if not given. */
  clock?: Clock;
  /** The agent to ask, then the one to ask instead. */
  agents: [string, ...string[]];
  instruction: Instruction;
  limits: DelegationLimits;
  signal: AbortSignal;
  /**
   * The A2A exchange of one assignment. `accepted` when the task is there; `progress` for each status;
   * resolves with the answer, also a refusal. The signal aborts when the assignment is taken back.
   */
  assign: (
    work: { agent: string; instruction: Instruction },
    control: {
      signal: AbortSignal;
      accepted(taskId: string): void;
      progress(note: StatusNote): void;
      exception(note: StatusNote): void;
    },
  ) => Promise<SubtaskAnswer>;
  onProgress?: (agent: string, note: StatusNote) => void;
  onException?: (agent: string, note: StatusNote) => void;
}

/** Runs one subtask by the `delegation` chart; what went wrong is in the answer. Never rejects but for bugs. */
export async function delegate(options: DelegateOptions): Promise<DelegationOutput> {
  const { env, agents, instruction, limits, signal } = options;
  const { promise, resolve, reject } = Promise.withResolvers<DelegationOutput>();
  const actor = createActor(
    delegationMachine.provide({
      actors: {
        assign: effectLogic((work, control) => {
          const send = (event: Parameters<typeof actor.send>[0]) => {
            if (!control.signal.aborted) actor.send(event);
          };
          return options.assign(work, {
            signal: control.signal,
            accepted: (taskId) => send({ type: 'ACCEPTED', taskId }),
            progress: (note) => send({ type: 'PROGRESS', note }),
            exception: (note) => send({ type: 'EXCEPTION', note }),
          });
        }),
      },
      actions: {
        tellProgress: (_, { agent, note }) => options.onProgress?.(agent, note),
        tellException: (_, { agent, note }) => options.onException?.(agent, note),
      },
    }),
    { clock: options.clock ?? env.clock, input: { agents, instruction, ...limits } },
  );
  const cancel = () => actor.send({ type: 'CANCEL' });
  actor.subscribe({
    error: reject,
    complete: () => {
      const { output } = actor.getSnapshot();
      if (output !== undefined) resolve(output);
    },
  });
  actor.start();
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', cancel);
    actor.stop();
  }
}
