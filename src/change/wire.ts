import { fromPromise } from 'xstate';
import type {
  ApplyVerdict,
  ApprovalVerdict,
  ChangeOutcome,
  ClaimVerdict,
  Look,
  ReachVerdict,
  RehearsalVerdict,
} from '../../machines/index.ts';
import type { changeEffects } from './effects.ts';

/** The effects of one change as the actors that its chart names. */
export function effectActors(effects: ReturnType<typeof changeEffects>, yielded: () => void) {
  return {
    measure: fromPromise<ReachVerdict, { key: string }>(() => effects.measure()),
    claim: fromPromise<ClaimVerdict, { key: string }>(() => effects.claim()),
    rehearse: fromPromise<RehearsalVerdict, { key: string }>(({ signal }) => effects.rehearse(signal)),
    approve: fromPromise<ApprovalVerdict, { key: string; reach: string; rehearsal: RehearsalVerdict }>(
      ({ input, signal }) => effects.approve(input.reach, input.rehearsal, signal),
    ),
    look: fromPromise<Look, { key: string; number: number }>(({ input, signal }) =>
      effects.look(input.number, signal),
    ),
    apply: fromPromise<ApplyVerdict, { key: string; token: string }>(({ input, signal }) =>
      effects.apply(input.token, signal),
    ),
    undo: fromPromise<void, { key: string; result: unknown; before: Look | null }>(({ input, signal }) =>
      effects.undo(input.result, input.before?.whole, signal),
    ),
    release: fromPromise<void, { key: string; outcome: ChangeOutcome; result: unknown; before: Look | null }>(
      async ({ input, signal }) => {
        if (await effects.release(input.outcome, input.result, input.before?.whole, signal)) yielded();
      },
    ),
  };
}
