import { changeSetup, problemOf } from './change.setup.ts';

export type { ChangeContext, ChangeInput, ChangeOutput } from './change.setup.ts';

/** Edges to the final state of the outcome. */
const ENDS = (['kept', 'rolledBack', 'rollbackFailed', 'rehearsed', 'refused'] as const).map((outcome) => ({
  target: `#change.${outcome}`,
  guard: { type: 'endsAs' as const, params: { outcome } },
}));
const refuse = (params: (args: { event: never }) => { text: string }) => ({
  type: 'keepRefusal' as const,
  params: params as never,
});
const refuseByError = refuse(({ event }) => ({ text: problemOf((event as { error: unknown }).error) }));
const refuseByOutput = refuse(({ event }) => ({ text: (event as { output: { text: string } }).output.text }));
/** Restored: the state begins again with the time that is left, its effect under the same key. */
const resumed = (target: string) =>
  ({
    target,
    reenter: true,
    actions: { type: 'keepElapsed', params: ({ event }: { event: { elapsedMs: number } }) => event },
  }) as never;
const preempted = { target: 'releasing', actions: refuse(({ event }) => event) } as const;
const cancelled = {
  target: 'releasing',
  actions: ['stopWork', { type: 'keepRefusal', params: { text: 'Cancelled before anything was changed.' } }],
} as const;

/**
 * One guarded change of the network: how far it reaches, whether it may, a rehearsal, the change, a watch of one figure,
 * and back if that figure says so. Nothing is left half: every way out of `applying` leads through `watching`
 * or `rollingBack`.
 */
export const changeMachine = changeSetup.createMachine({
  id: 'change',
  description: 'One change of the network with arbitration, rehearsal, watch and a way back.',
  context: ({ input }) => ({
    ...input,
    needsApproval: false,
    reach: '',
    rehearsal: { ok: false, text: '' },
    token: '',
    before: null,
    result: null,
    looks: [],
    seen: 0,
    badRun: 0,
    missedRun: 0,
    tries: 0,
    stopping: '',
    outcome: 'refused',
    reason: '',
    elapsedMs: 0,
    ignored: 0,
  }),
  output: ({ context: { outcome, reason, reach, before, looks, result } }) => ({
    outcome,
    reason,
    reach,
    before,
    looks,
    result,
  }),
  initial: 'planned',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    planned: {
      description: 'Finds how far it reaches.',
      on: { RESUME: resumed('planned'), CANCEL: cancelled },
      invoke: {
        src: 'measure',
        id: 'measure',
        input: ({ context: { key } }) => ({ key }),
        onDone: [
          {
            target: 'refused',
            guard: { type: 'isTooWide', params: ({ event }) => event.output },
            actions: [{ type: 'keepReach', params: ({ event }) => event.output }, refuseByOutput],
          },
          { target: 'claiming', actions: { type: 'keepReach', params: ({ event }) => event.output } },
        ],
        onError: { target: 'refused', actions: refuseByError },
      },
    },
    claiming: {
      description: 'Asks arbitration for all that it sets, at once.',
      on: { RESUME: resumed('claiming'), CANCEL: cancelled },
      invoke: {
        src: 'claim',
        id: 'claim',
        input: ({ context: { key } }) => ({ key }),
        onDone: [
          { target: 'dryRun', guard: { type: 'isHeld', params: ({ event }) => event.output } },
          {
            target: 'queued',
            guard: { type: 'isWaiting', params: ({ event }) => event.output },
            actions: 'beginAgain',
          },
          { target: 'releasing', actions: refuseByOutput },
        ],
        onError: { target: 'releasing', actions: refuseByError },
      },
    },
    queued: {
      description: 'Another change holds what it would set; it holds nothing itself.',
      on: { CANCEL: cancelled, RESUME: resumed('queued') },
      after: { claimAgain: { target: 'claiming' } },
    },
    dryRun: {
      description: 'Every check of the real call, without the call.',
      on: { RESUME: resumed('dryRun'), CANCEL: cancelled, PREEMPTED: preempted },
      invoke: {
        src: 'rehearse',
        id: 'rehearse',
        input: ({ context: { key } }) => ({ key }),
        onDone: [
          {
            target: 'releasing',
            guard: { type: 'failedRehearsal', params: ({ event }) => event.output },
            actions: refuseByOutput,
          },
          {
            target: 'releasing',
            guard: 'onlyRehearsal',
            actions: { type: 'keepRehearsed', params: ({ event }) => event.output },
          },
          {
            target: 'approving',
            guard: { type: 'wantsApproval', params: ({ event }) => event.output },
            actions: [{ type: 'keepRehearsal', params: ({ event }) => event.output }, 'beginAgain'],
          },
          { target: 'sighting', actions: { type: 'keepRehearsal', params: ({ event }) => event.output } },
        ],
        onError: { target: 'releasing', actions: refuseByError },
      },
    },
    approving: {
      description: 'A human looks at reach and rehearsal; no answer is a no.',
      on: { RESUME: resumed('approving'), CANCEL: cancelled, PREEMPTED: preempted },
      invoke: {
        src: 'approve',
        id: 'approve',
        input: ({ context: { key, reach, rehearsal } }) => ({ key, reach, rehearsal }),
        onDone: [
          {
            target: 'sighting',
            guard: { type: 'isApproved', params: ({ event }) => event.output },
            actions: { type: 'keepToken', params: ({ event }) => event.output },
          },
          { target: 'releasing', actions: refuseByOutput },
        ],
        onError: { target: 'releasing', actions: refuseByError },
      },
      after: {
        approval: {
          target: 'releasing',
          actions: { type: 'keepRefusal', params: { text: 'Nobody approved it in time.' } },
        },
      },
    },
    sighting: {
      description: 'Reads the figure as it is before; what cannot be seen is not changed.',
      on: { RESUME: resumed('sighting'), CANCEL: cancelled, PREEMPTED: preempted },
      invoke: {
        src: 'look',
        id: 'before',
        input: ({ context: { key } }) => ({ key, number: 0 }),
        onDone: {
          target: 'applying',
          actions: [{ type: 'keepBefore', params: ({ event }) => event.output }, 'beginAgain'],
        },
        onError: { target: 'releasing', actions: refuseByError },
      },
    },
    applying: {
      description: 'The call is out; a word to stop is kept until it is known how it ended.',
      on: {
        RESUME: resumed('applying'),
        CANCEL: { actions: { type: 'keepStopping', params: { text: 'Cancelled.' } } },
        PREEMPTED: { actions: { type: 'keepStopping', params: ({ event }) => event } },
      },
      invoke: {
        src: 'apply',
        id: 'apply',
        input: ({ context: { key, token } }) => ({ key, token }),
        onDone: [
          {
            target: 'rollingBack',
            guard: { type: 'isAppliedInVain', params: ({ event }) => event.output },
            actions: [
              { type: 'keepResult', params: ({ event }) => event.output as never },
              { type: 'keepReason', params: ({ context }) => ({ text: context.stopping }) },
            ],
          },
          {
            target: 'watching',
            guard: { type: 'isApplied', params: ({ event }) => event.output },
            actions: { type: 'keepResult', params: ({ event }) => event.output as never },
          },
          {
            target: 'releasing',
            guard: { type: 'isNotApplied', params: ({ event }) => event.output },
            actions: refuseByOutput,
          },
          { target: 'doubtful' },
        ],
        onError: { target: 'doubtful' },
      },
      after: { effect: { target: 'doubtful' } },
    },
    doubtful: {
      description: 'It may or may not have been applied: the same key asks again without a second effect.',
      on: {
        CANCEL: { actions: { type: 'keepStopping', params: { text: 'Cancelled.' } } },
        PREEMPTED: { actions: { type: 'keepStopping', params: ({ event }) => event } },
        RESUME: resumed('doubtful'),
      },
      after: {
        again: [
          { target: 'applying', guard: 'mayTryAgain', actions: 'countTry' },
          {
            target: 'rollingBack',
            guard: 'canUndoBlind',
            actions: [
              { type: 'keepReason', params: { text: 'It stayed unknown whether it was applied.' } },
              'beginAgain',
            ],
          },
          {
            target: 'releasing',
            actions: {
              type: 'keepNotUndone',
              params: { text: 'It stayed unknown whether it was applied, and its undo needs its result.' },
            },
          },
        ],
      },
    },
    watching: {
      description: 'Applied, and on trial.',
      initial: 'pausing',
      on: {
        CANCEL: {
          target: 'rollingBack',
          actions: ['stopWork', { type: 'keepReason', params: { text: 'Cancelled.' } }],
        },
        PREEMPTED: {
          target: 'rollingBack',
          actions: ['stopWork', { type: 'keepReason', params: ({ event }) => event }],
        },
      },
      states: {
        pausing: {
          description: 'Until the next look.',
          on: {
            RESUME: resumed('pausing'),
          },
          after: { period: { target: 'looking' } },
        },
        looking: {
          description: 'Reads the figure.',
          on: { RESUME: resumed('looking') },
          invoke: {
            src: 'look',
            id: 'look',
            input: ({ context: { key, seen } }) => ({ key, number: seen + 1 }),
            onDone: {
              target: 'judging',
              actions: { type: 'keepLook', params: ({ event }) => event.output },
            },
            onError: { target: 'judging', actions: 'countMissed' },
          },
        },
        judging: {
          description: 'Keep, go back, or look again.',
          always: [
            { target: '#change.rollingBack', guard: 'isHarm', actions: 'keepHarm' },
            { target: '#change.releasing', guard: 'isProven', actions: 'keepKept' },
            {
              target: '#change.rollingBack',
              guard: 'isUnclear',
              actions: { type: 'keepReason', params: { text: 'The figure did not become clear in time.' } },
            },
            { target: 'pausing' },
          ],
        },
      },
    },
    rollingBack: {
      description: 'Takes it back, under a key of its own.',
      on: { RESUME: resumed('rollingBack') },
      invoke: {
        src: 'undo',
        id: 'undo',
        input: ({ context: { key, result, before } }) => ({ key, result, before }),
        onDone: { target: 'releasing', actions: 'keepUndone' },
        onError: [
          { target: 'undoAgain', guard: 'mayTryAgain', actions: 'countTry' },
          {
            target: 'releasing',
            actions: {
              type: 'keepNotUndone',
              params: ({ event }) => ({ text: `It could not be taken back: ${problemOf(event.error)}` }),
            },
          },
        ],
      },
      after: {
        effect: [
          { target: 'undoAgain', guard: 'mayTryAgain', actions: 'countTry' },
          {
            target: 'releasing',
            actions: {
              type: 'keepNotUndone',
              params: { text: 'It could not be taken back: no answer in time.' },
            },
          },
        ],
      },
    },
    undoAgain: {
      description: 'Before the undo is tried again.',
      on: {
        RESUME: resumed('undoAgain'),
      },
      after: { again: { target: 'rollingBack', actions: 'beginAgain' } },
    },
    releasing: {
      description: 'Gives the claims back, or keeps them for a change that stays.',
      on: { RESUME: resumed('releasing') },
      entry: 'beginAgain',
      invoke: {
        src: 'release',
        id: 'release',
        input: ({ context: { key, outcome, result, before } }) => ({ key, outcome, result, before }),
        onDone: ENDS,
        // Claims that were not given back end with their lease.
        onError: ENDS,
      },
      after: { effect: ENDS },
    },
    kept: { type: 'final', description: 'Applied and proven.' },
    rolledBack: { type: 'final', description: 'Applied, found wanting or no longer wanted, and taken back.' },
    rollbackFailed: { type: 'final', description: 'It may still be in the network: a human must look.' },
    rehearsed: { type: 'final', description: 'It would have been allowed; nothing was changed.' },
    refused: { type: 'final', description: 'Nothing was changed.' },
  },
  options: { maxIterations: 1000 },
});
