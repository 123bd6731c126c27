import { type ActorRefFrom, createActor } from 'xstate';
import {
  type AgentEvent,
  type AgentLimits,
  type AgentRoleMachine,
  type Clock,
  DEFAULT_LIMITS,
  DEFAULT_RESTARTS,
  type Env,
  type FollowUp,
  NetAgentError,
  type Presence,
  type PublishedArtifact,
  type PublishedStatus,
  type RestartPolicy,
  type TaskRequest,
  taskMachine,
} from '../../../machines/index.ts';
import { defect } from './defect.ts';
import { effectLogic } from './effect.ts';
import { type AgentEffects, performLogic } from './effects.ts';
import { InspectionHub, type InspectionRecord } from './inspection.ts';
import { supervise } from './supervisor.ts';

/** Where the outcome of one turn of a task goes. `settle` is its last call and comes exactly once. */
export interface TaskSink {
  status(status: PublishedStatus): void;
  artifact(artifact: PublishedArtifact): void;
  settle(status: PublishedStatus): void;
}

export interface AgentHostOptions {
  env: Env;
  /** A2A id of the agent, `org/unit/agent`. */
  id: string;
  /** `centralMachine`, `domainMachine`, `embodiedMachine` or `proxyMachine`. */
  machine: AgentRoleMachine;
  effects: AgentEffects;
  /** Clock of the charts' timers; `env.clock` if not given. */
  clock?: Clock;
  limits?: Partial<AgentLimits>;
  restarts?: Partial<RestartPolicy>;
  onPresence?: (presence: Presence) => void;
  /** The agent crashed too often and stays down. */
  onGivenUp?: (reason: string) => void;
  /** Hears every inspection record; may throw without harm. */
  onRecord?: (record: InspectionRecord) => void;
}

export interface AgentHost {
  readonly id: string;
  readonly env: Env;
  presence(): Presence;
  /** Tasks that have not ended, with the state of their charts. */
  tasks(): { taskId: string; state: string }[];
  /** Starts a task; a refusal also comes through the sink. */
  begin(request: TaskRequest, sink: TaskSink): void;
  /** Continues a task that waits for input; false if there is none such. */
  proceed(taskId: string, message: FollowUp, sink: TaskSink): boolean;
  /** Hears how the open turn of a task ends; false if none is open. */
  join(taskId: string, settle: TaskSink['settle']): boolean;
  /** Cancels a task; false if it has ended or is unknown. `sink` is used where no turn is open. */
  cancel(taskId: string, sink: TaskSink): boolean;
  /** Tasks refused and events that nothing took, since the last start of the root. */
  counts(): { refused: number; ignored: number };
  /** The newest inspection records, oldest first. */
  recent(count?: number): InspectionRecord[];
  /** Takes no new tasks; resolves when the last has ended, or `limits.drainMs` is over. */
  drain(): Promise<void>;
  /** Stops at once; open turns end as failed. Idempotent. */
  stop(): void;
}

const INSPECTION_RECORDS = 1000;

type TaskRef = ActorRefFrom<typeof taskMachine>;

/**
 * The one factory of root actors of agents: an error observer before the start, an inspection hub that
 * cannot throw, a supervisor that starts a crashed root afresh and gives up when that does not help.
 * The root is started and prepared when this returns; `prepare` of the effects may still run.
 */
export function createAgentHost(options: AgentHostOptions): AgentHost {
  const { env, id } = options;
  const clock = options.clock ?? env.clock;
  const sinks = new Map<string, TaskSink>();
  const hub = new InspectionHub({
    size: INSPECTION_RECORDS,
    now: () => env.clock.now(),
    ...(options.onRecord === undefined ? {} : { onRecord: options.onRecord }),
  });
  let presence: Presence = 'starting';
  let drained: (() => void) | undefined;
  let root: ActorRefFrom<AgentRoleMachine> | undefined;

  const settle = (status: PublishedStatus) => {
    const sink = sinks.get(status.taskId);
    sinks.delete(status.taskId);
    sink?.settle(status);
  };
  const failAll = (text: string) => {
    for (const taskId of [...sinks.keys()]) settle({ taskId, contextId: '', state: 'failed', text });
  };
  const tell = (now: Presence) => {
    presence = now;
    options.onPresence?.(now);
    if (now === 'offline') drained?.();
  };
  const report = (error: unknown) => {
    if (error instanceof NetAgentError) {
      env.log.info({ agent: id, code: error.code, problem: error.message }, 'work failed');
      return;
    }
    env.log.error({ agent: id, ...defect(error) }, 'work broke');
  };
  const taskRef = (taskId: string) =>
    (root?.getSnapshot().children as Record<string, TaskRef | undefined> | undefined)?.[taskId];

  const machine = options.machine.provide({
    actors: {
      prepare: effectLogic(async () => options.effects.prepare?.(), report),
      task: taskMachine.provide({
        actors: { perform: performLogic(options.effects, { report, taskRef }) },
        actions: {
          publishStatus: (_, status) => sinks.get(status.taskId)?.status(status),
          publishArtifact: (_, artifact) => sinks.get(artifact.taskId)?.artifact(artifact),
          settle: (_, status) => settle(status),
        },
      }),
    },
    actions: {
      refuseTask: (_, { taskId, contextId, reason }) =>
        settle({ taskId, contextId, state: 'rejected', text: `${id}: ${reason}.` }),
      failTask: (_, { taskId, error }) => {
        report(error);
        settle({ taskId, contextId: '', state: 'failed', text: 'The agent broke at this task.' });
      },
      tellPresence: (_, params) => tell(params.presence),
    },
  });

  const supervisor = supervise({
    env,
    id,
    clock,
    policy: { ...DEFAULT_RESTARTS, ...options.restarts },
    create: () => {
      root = createActor(machine, {
        id,
        clock,
        inspect: hub.observe,
        input: { agentId: id, ...DEFAULT_LIMITS, ...options.limits },
      });
      return root;
    },
    onCrash: () => {
      presence = 'starting';
      failAll('The agent crashed at this task or beside it and was started again.');
    },
    onGivenUp: (reason) => {
      tell('offline');
      options.onGivenUp?.(reason);
    },
  });

  const send = (event: AgentEvent): boolean => {
    if (root === undefined || root.getSnapshot().status !== 'active') return false;
    root.send(event);
    return true;
  };

  return {
    id,
    env,
    presence: () => presence,
    tasks: () =>
      (root?.getSnapshot().context.tasks ?? []).flatMap((taskId) => {
        const snapshot = taskRef(taskId)?.getSnapshot();
        return snapshot === undefined ? [] : [{ taskId, state: nameOf(snapshot.value) }];
      }),
    begin(request, sink) {
      sinks.set(request.taskId, sink);
      if (!send({ type: 'TASK', request })) {
        const { taskId, contextId } = request;
        settle({ taskId, contextId, state: 'rejected', text: `${id}: the agent is out of service.` });
      }
    },
    proceed(taskId, message, sink) {
      if (taskRef(taskId)?.getSnapshot().matches('inputRequired') !== true) return false;
      sinks.set(taskId, sink);
      return send({ type: 'MESSAGE', taskId, message });
    },
    join(taskId, settleToo) {
      const open = sinks.get(taskId);
      if (open === undefined) return false;
      sinks.set(taskId, both(open, settleToo));
      return true;
    },
    cancel(taskId, sink) {
      if (taskRef(taskId)?.getSnapshot().status !== 'active') return false;
      if (!this.join(taskId, sink.settle)) sinks.set(taskId, sink);
      return send({ type: 'CANCEL', taskId });
    },
    counts() {
      const { refused = 0, ignored = 0 } = root?.getSnapshot().context ?? {};
      return { refused, ignored };
    },
    recent: (count) => hub.recent(count),
    async drain() {
      if (presence === 'offline') return;
      const { promise, resolve } = Promise.withResolvers<void>();
      drained = resolve;
      if (send({ type: 'DRAIN' })) await promise;
    },
    stop() {
      supervisor.stop();
      failAll('The agent was stopped.');
      if (presence !== 'offline') tell('offline');
    },
  };
}

/** The requester of the work hears everything, who joins only how it ended. */
function both(open: TaskSink, settle: TaskSink['settle']): TaskSink {
  return {
    status: (status) => open.status(status),
    artifact: (artifact) => open.artifact(artifact),
    settle(status) {
      open.settle(status);
      settle(status);
    },
  };
}

function nameOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
