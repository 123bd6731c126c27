import type { ListenTask } from '../dsl/types.ts';
import { after, type Parts } from './parts.ts';
import type { Config } from './types.ts';

/**
 * The states of `listen`: the chart keeps what was consumed, so that it is written with everything else before it
 * counts, and gives it to the actor that listens, also to one that was started again. With `foreach`, events
 * are handled one at a time in their order while others still come.
 */
export function listenStates(task: ListenTask, parts: Parts, done: Config): Record<string, Config> {
  const id = `listen ${parts.pointer}`;
  const invoke = { id, ...parts.listen() };
  const read = task.listen.read;
  const on = (target: Config) => ({
    LISTENING: { actions: { type: 'giveHeld', params: { id } } },
    CONSUMED: [
      { guard: 'consumedAll', ...after(target, { type: 'takeEvents', params: { read } }) },
      { actions: { type: 'takeEvents', params: { read } } },
    ],
  });
  const { foreach } = task;
  if (foreach === undefined) {
    return {
      work: { description: 'Waits for events.', invoke, on: on(after(done, 'joinItems')) },
    };
  }
  const shape = foreach.output !== undefined || foreach.export !== undefined;
  const handled = shape ? { target: 'shape' } : { target: 'idle', actions: ['keepItem', 'nextItem'] };
  const first = foreach.do === undefined ? 'shape' : 'body';
  return {
    work: {
      description: 'Waits for events and handles each.',
      type: 'parallel',
      states: {
        receive: {
          description: 'Events come.',
          initial: 'listening',
          states: {
            listening: { description: 'Waits for events.', invoke, on: on({ target: 'received' }) },
            received: { type: 'final', description: 'All events have come.' },
          },
        },
        handle: {
          description: 'Events are handled.',
          initial: 'idle',
          states: {
            idle: {
              description: 'The next event, or the end.',
              always: [
                { guard: 'bodyEndedAll', target: 'handled' },
                { guard: 'hasItem', target: first },
                { guard: 'handledAll', target: 'handled' },
              ],
            },
            ...(foreach.do === undefined
              ? {}
              : {
                  body: {
                    description: 'Handles one event.',
                    invoke: parts.scope(
                      `${parts.pointer}/foreach/do`,
                      { each: foreach.item, at: foreach.at, item: true },
                      [
                        parts.rethrown,
                        { guard: 'bodyEnds', target: '#end', actions: ['takeBody', 'keepRaw'] },
                        after(handled, 'takeBody'),
                      ],
                    ),
                  },
                }),
            ...(shape || foreach.do === undefined
              ? {
                  shape: {
                    description: 'Output and context of one event.',
                    invoke: {
                      ...parts.job('each'),
                      onDone: { target: 'idle', actions: ['takeEach', 'keepItem', 'nextItem'] },
                    },
                  },
                }
              : {}),
            handled: { type: 'final', description: 'All events are handled.' },
          },
        },
      },
      onDone: after(done, 'joinBranches'),
    },
  };
}
