import { fromPromise, setup } from 'xstate';

/** A member's own presence on the bus: its card is online exactly while it can be asked. */

export type PresenceEvent =
  /** The connection is up, or up again. */
  | { type: 'CONNECTED' }
  | { type: 'LOST' }
  /** The broker will not have this member: id refused or taken over. */
  | { type: 'REFUSED' }
  | { type: 'CARD_CHANGED' }
  | { type: 'LEAVE' };

export const presenceMachine = setup({
  types: { events: {} as PresenceEvent },
  actors: {
    /** Subscribes, then publishes the retained card as online. */
    announce: fromPromise<void>(async () => {}),
    /** Publishes the retained card as offline. */
    withdraw: fromPromise<void>(async () => {}),
  },
  actions: { countUnexpected: () => {} },
  delays: { announceRetry: 1_000, withdrawTimeout: 2_000 },
}).createMachine({
  id: 'presence',
  description: "A member's own presence on the bus.",
  initial: 'connecting',
  on: { '*': { actions: 'countUnexpected' } },
  states: {
    connecting: {
      description: 'No connection; the last will has said offline if there was one before.',
      on: {
        CONNECTED: { target: 'announcing' },
        REFUSED: { target: 'refused' },
        LEAVE: { target: 'left' },
      },
    },
    announcing: {
      description: 'Connected; subscriptions and the card are on their way.',
      on: {
        CARD_CHANGED: { target: 'announcing', reenter: true },
        CONNECTED: { target: 'announcing', reenter: true },
        LOST: { target: 'connecting' },
        REFUSED: { target: 'refused' },
        LEAVE: { target: 'withdrawing' },
      },
      invoke: {
        src: 'announce',
        id: 'announce',
        onDone: { target: 'online' },
        onError: { target: 'unannounced' },
      },
    },
    unannounced: {
      description: 'The broker did not take the subscriptions or the card; tried again after a pause.',
      on: {
        LOST: { target: 'connecting' },
        REFUSED: { target: 'refused' },
        LEAVE: { target: 'withdrawing' },
      },
      after: { announceRetry: { target: 'announcing' } },
    },
    online: {
      description: 'The card is retained as online; requests reach this member.',
      on: {
        CARD_CHANGED: { target: 'announcing' },
        CONNECTED: { target: 'announcing' },
        LOST: { target: 'connecting' },
        REFUSED: { target: 'refused' },
        LEAVE: { target: 'withdrawing' },
      },
    },
    withdrawing: {
      description: 'Saying offline before the connection is ended, so that no last will is needed.',
      on: { LOST: { target: 'left' }, REFUSED: { target: 'left' } },
      invoke: {
        src: 'withdraw',
        id: 'withdraw',
        onDone: { target: 'left' },
        onError: { target: 'left' },
      },
      after: { withdrawTimeout: { target: 'left' } },
    },
    left: { type: 'final', description: 'Off the bus by its own wish.' },
    refused: { type: 'final', description: 'Off the bus by the broker; it does not come back by itself.' },
  },
  options: { maxIterations: 1000 },
});
