import type { ActorRefFrom } from 'xstate';
import type { TaskRequest, TaskResult, taskMachine } from '../../../machines/index.ts';
import { effectLogic, type TaskControl } from './effect.ts';

/** The work of a task, whole: for agents whose work has no chart of its own. */
export type Perform = (request: TaskRequest, control: TaskControl) => Promise<TaskResult>;

export interface CommonEffects {
  /** What the agent needs before its first task; rejecting leaves it offline. */
  prepare?: () => Promise<void>;
}

export interface PlainEffects extends CommonEffects {
  perform: Perform;
}

export type AgentEffects = PlainEffects;

export interface WorkContext {
  report: (error: unknown) => void;
  taskRef: (taskId: string) => ActorRefFrom<typeof taskMachine> | undefined;
}

/** What a task invokes as its work. */
export function performLogic(effects: AgentEffects, { report }: WorkContext) {
  return effectLogic<TaskRequest, TaskResult>(effects.perform, report);
}
