import { type AnyActorRef, fromPromise, type PromiseActorLogic } from 'xstate';
import type { ArtifactNote, StatusNote } from '../../../machines/index.ts';

/** What the work of an agent is given to report with. */
export interface TaskControl {
  /** Aborts when the task is cancelled: stop at once, give back what was taken, then settle. */
  signal: AbortSignal;
  /** A status update while working. */
  status(text: string, data?: unknown): void;
  artifact(artifact: ArtifactNote): void;
}

/**
 * Actor logic of an effect. Its reports go to the chart that invoked it, as PROGRESS and ARTIFACT. CANCEL
 * aborts its signal and lets it clean up: it ends when its promise does. Reports after that are dropped.
 * `onError` hears what it threw unless it was told to stop.
 */
export function effectLogic<Input, Output>(
  run: (input: Input, control: TaskControl) => Promise<Output>,
  onError: (error: unknown) => void = () => undefined,
): PromiseActorLogic<Output, Input> {
  const told = new WeakMap<object, AbortController>();
  const logic = fromPromise<Output, Input>(async ({ input, self, signal }) => {
    const cancelled = new AbortController();
    told.set(self, cancelled);
    let live = true;
    const either = AbortSignal.any([signal, cancelled.signal]);
    // XState has no public way to the parent of an actor that is not a machine.
    const parent = self._parent as AnyActorRef | undefined;
    const report = (event: { type: string; note?: StatusNote; artifact?: ArtifactNote }) => {
      if (live && !either.aborted) parent?.send(event);
    };
    try {
      return await run(input, {
        signal: either,
        status: (text, data) =>
          report({ type: 'PROGRESS', note: data === undefined ? { text } : { text, data } }),
        artifact: (artifact) => report({ type: 'ARTIFACT', artifact }),
      });
    } catch (error) {
      if (!either.aborted) onError(error);
      throw error;
    } finally {
      live = false;
    }
  });
  return {
    ...logic,
    transition(state, event, scope) {
      if ((event as { type: string }).type === 'CANCEL') {
        told.get(scope.self)?.abort();
        return state;
      }
      return logic.transition(state, event, scope);
    },
  };
}
