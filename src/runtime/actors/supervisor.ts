import { type ActorRefFrom, createActor } from 'xstate';
import {
  type AgentRoleMachine,
  type Clock,
  type Env,
  type RestartPolicy,
  supervisionMachine,
} from '../../../machines/index.ts';
import { defect } from './defect.ts';

export interface SuperviseOptions {
  env: Env;
  id: string;
  /** Clock of the pauses between restarts. */
  clock: Clock;
  policy: RestartPolicy;
  /** Makes a fresh root, not started. */
  create: () => ActorRefFrom<AgentRoleMachine>;
  /** After each crash, before the pause. */
  onCrash: (error: unknown) => void;
  onGivenUp: (reason: string) => void;
}

/** Starts a root and keeps it running as the `supervision` chart says. */
export function supervise(options: SuperviseOptions): { stop(): void } {
  const { env, id, clock } = options;
  let root: ActorRefFrom<AgentRoleMachine> | undefined;
  let due = false;
  const crashed = (error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    env.log.error({ agent: id, ...defect(error ?? reason) }, 'agent crashed');
    options.onCrash(error);
    supervisor.send({ type: 'CRASHED', at: clock.now(), reason });
  };
  const supervisor = createActor(
    supervisionMachine.provide({
      actions: {
        startFresh: () => {
          due = true;
        },
        stopSupervised: () => root?.stop(),
        tellGivenUp: (_, { reason, crashes }) => {
          env.log.error({ agent: id, crashes, reason }, 'agent given up');
          options.onGivenUp(reason);
        },
      },
    }),
    { clock, input: options.policy },
  );
  supervisor.subscribe({
    // Not in the action itself: XState takes the making of an actor there for a misuse of `assign`.
    next: () => {
      if (!due) return;
      due = false;
      root = options.create();
      root.subscribe({ error: crashed });
      root.start();
    },
    error: (error) => env.log.error({ agent: id, problem: String(error) }, 'supervisor broke'),
  });
  supervisor.start();
  return {
    stop() {
      if (supervisor.getSnapshot().status === 'active') supervisor.send({ type: 'STOP' });
    },
  };
}
