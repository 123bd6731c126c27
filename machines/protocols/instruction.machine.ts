import { assign, sendTo, setup } from 'xstate';
import { effect, hostAction } from '../effects.ts';
import type { Instruction, UnderstoodInstruction, WorkEvent } from './delegation.messages.ts';
import { failureResult } from './result.ts';
import type { ArtifactNote, StatusNote, TaskRequest, TaskResult } from './task.messages.ts';

interface Context {
  request: TaskRequest;
  instruction: Instruction;
  result: TaskResult;
  ignored: number;
}

/**
 * Delegation on the domain's side (Table 2: understands the instruction, orchestrates its domain's
 * workflow, real-time feedback): the work of one of its A2A tasks.
 */
export const instructionMachine = setup({
  types: {
    context: {} as Context,
    events: {} as WorkEvent,
    input: {} as TaskRequest,
    output: {} as TaskResult,
  },
  actors: {
    understandInstruction: effect<UnderstoodInstruction, TaskRequest>('understandInstruction'),
    runSkill: effect<TaskResult, { request: TaskRequest; instruction: Instruction }>('runSkill'),
  },
  actions: {
    passStatus: hostAction<{ taskId: string; note: StatusNote }>('passStatus'),
    passArtifact: hostAction<{ taskId: string; artifact: ArtifactNote }>('passArtifact'),
    stopWork: sendTo('runSkill', { type: 'CANCEL' }),
    keepInstruction: assign({
      instruction: ({ context }, { understood }: { understood: UnderstoodInstruction }) =>
        understood.kind === 'instruction' ? understood.instruction : context.instruction,
    }),
    keepResult: assign({ result: (_, params: { result: TaskResult }) => params.result }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  guards: {
    understood: (_, params: { understood: UnderstoodInstruction }) =>
      params.understood.kind === 'instruction',
  },
}).createMachine({
  id: 'instruction',
  description: 'One instruction of the central agent in a domain.',
  context: ({ input }) => ({
    request: input,
    instruction: { skill: '', input: {} },
    result: { state: 'failed', text: '' },
    ignored: 0,
  }),
  output: ({ context }) => context.result,
  initial: 'understanding',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    understanding: {
      description: 'Reads which skill is asked for, with which input.',
      invoke: {
        src: 'understandInstruction',
        id: 'understandInstruction',
        input: ({ context }) => context.request,
        onDone: [
          {
            target: 'orchestrating',
            guard: { type: 'understood', params: ({ event }) => ({ understood: event.output }) },
            actions: { type: 'keepInstruction', params: ({ event }) => ({ understood: event.output }) },
          },
          {
            target: 'refused',
            actions: { type: 'keepResult', params: ({ event }) => ({ result: refusal(event.output) }) },
          },
        ],
        onError: {
          target: 'reported',
          actions: { type: 'keepResult', params: ({ event }) => ({ result: failureResult(event.error) }) },
        },
      },
      on: { CANCEL: { target: 'reported' } },
    },
    orchestrating: {
      description: 'The workflow of the skill runs; its feedback goes up as it comes.',
      invoke: {
        src: 'runSkill',
        id: 'runSkill',
        input: ({ context: { request, instruction } }) => ({ request, instruction }),
        onDone: {
          target: 'reported',
          actions: { type: 'keepResult', params: ({ event }) => ({ result: event.output }) },
        },
        onError: {
          target: 'reported',
          actions: { type: 'keepResult', params: ({ event }) => ({ result: failureResult(event.error) }) },
        },
      },
      on: {
        PROGRESS: {
          actions: {
            type: 'passStatus',
            params: ({ context, event }) => ({ taskId: context.request.taskId, note: event.note }),
          },
        },
        ARTIFACT: {
          actions: {
            type: 'passArtifact',
            params: ({ context, event }) => ({ taskId: context.request.taskId, artifact: event.artifact }),
          },
        },
        CANCEL: { actions: 'stopWork' },
      },
    },
    refused: { type: 'final', description: 'The agent does not know this skill, or cannot read the input.' },
    reported: { type: 'final', description: 'The result, good or bad, is with the central agent.' },
  },
  options: { maxIterations: 1000 },
});

function refusal(understood: UnderstoodInstruction): TaskResult {
  return { state: 'rejected', text: understood.kind === 'refused' ? understood.text : '' };
}
