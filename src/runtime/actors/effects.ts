import type { ActorRefFrom } from 'xstate';
import {
  type ArtifactNote,
  type Instruction,
  type IntentUnderstanding,
  instructionMachine,
  instructionSchema,
  intentMachine,
  type StatusNote,
  type TaskRequest,
  type TaskResult,
  type taskMachine,
  type UnderstoodInstruction,
} from '../../../machines/index.ts';
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

/** A domain agent: the work of a task is the `instruction` chart. */
export interface SkillEffects extends CommonEffects {
  name: string;
  /** Ids of the skills that it knows; a message asking for another is rejected. */
  skills: string[];
  runSkill: (instruction: Instruction, request: TaskRequest, control: TaskControl) => Promise<TaskResult>;
}

/** The central agent: the work of a task is the `intent` chart. */
export interface IntentEffects<I = unknown, O = unknown> extends CommonEffects {
  understand: (
    request: TaskRequest,
  ) => Promise<Exclude<IntentUnderstanding, { kind: 'understood' }> | { kind: 'understood'; intent: I }>;
  /** Runs the workflow. Status notes with `data.phase` move the chart: see `stageOf`. */
  assure: (work: { request: TaskRequest; intent: I }, control: TaskControl) => Promise<O>;
  report: (
    work: { request: TaskRequest; intent: I; outcome: O },
    control: TaskControl,
  ) => Promise<TaskResult>;
  /** Runs after every end of `assure`, also a failed or cancelled one, and once `assure` has settled. */
  release: (work: { request: TaskRequest }) => Promise<void>;
}

export type AgentEffects = PlainEffects | SkillEffects | IntentEffects;

/** Keeps the types of intent and outcome together inside one agent. */
export function intentEffects<I, O>(effects: IntentEffects<I, O>): IntentEffects {
  // The chart hands back only what these same effects made.
  return effects as unknown as IntentEffects;
}

export interface WorkContext {
  report: (error: unknown) => void;
  taskRef: (taskId: string) => ActorRefFrom<typeof taskMachine> | undefined;
}

type PerformLogic = ReturnType<typeof effectLogic<TaskRequest, TaskResult>>;

/** What a task invokes as its work. */
export function performLogic(effects: AgentEffects, context: WorkContext): PerformLogic {
  if ('perform' in effects) return effectLogic(effects.perform, context.report);
  const machine = 'runSkill' in effects ? instructionLogic(effects, context) : intentLogic(effects, context);
  // A chart with the input, the output and the events of an effect.
  return machine as unknown as PerformLogic;
}

function instructionLogic(effects: SkillEffects, context: WorkContext) {
  return instructionMachine.provide({
    actors: {
      understandInstruction: effectLogic(
        async (request) => understandInstruction(effects, request),
        context.report,
      ),
      runSkill: effectLogic(
        ({ instruction, request }, control) => effects.runSkill(instruction, request, control),
        context.report,
      ),
    },
    actions: passing(context),
  });
}

function intentLogic(effects: IntentEffects, context: WorkContext) {
  return intentMachine.provide({
    actors: {
      understand: effectLogic(async (request) => effects.understand(request), context.report),
      assure: effectLogic(async (work, control) => effects.assure(work, control), context.report),
      report: effectLogic(async (work, control) => effects.report(work, control), context.report),
      release: effectLogic(async (work) => effects.release(work), context.report),
    },
    actions: passing(context),
  });
}

function understandInstruction({ name, skills }: SkillEffects, { data }: TaskRequest): UnderstoodInstruction {
  const read = instructionSchema.safeParse(data);
  if (read.success && skills.includes(read.data.skill))
    return { kind: 'instruction', instruction: read.data };
  const problem = read.success ? `"${read.data.skill}" is none of them` : 'the message has none';
  return {
    kind: 'refused',
    text: `${name} needs a data part {skill, input} with one of the skills ${skills.join(', ')}; ${problem}.`,
  };
}

/** Reports of the work go through the chart of the task, which knows whether they are still wanted. */
function passing({ taskRef }: WorkContext) {
  return {
    passStatus: (_: unknown, { taskId, note }: { taskId: string; note: StatusNote }) =>
      taskRef(taskId)?.send({ type: 'PROGRESS', note }),
    passArtifact: (_: unknown, { taskId, artifact }: { taskId: string; artifact: ArtifactNote }) =>
      taskRef(taskId)?.send({ type: 'ARTIFACT', artifact }),
  };
}
