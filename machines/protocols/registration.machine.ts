import { assign, setup } from 'xstate';

/** The standing of an agent with the operator: known by its card, then let in, or shut out again. */

export interface RegistrationInput {
  /** What the agent is known by: the key that signed its card, or the card itself. */
  fingerprint: string;
  /** Who is seen is let in at once. */
  auto: boolean;
}

export type RegistrationEvent =
  /** A card of the agent came. */
  { type: 'SEEN'; fingerprint: string } | { type: 'APPROVE' } | { type: 'REVOKE' };

export interface RegistrationContext extends RegistrationInput {
  ignored: number;
}

export const registrationMachine = setup({
  types: {
    input: {} as RegistrationInput,
    context: {} as RegistrationContext,
    events: {} as RegistrationEvent,
  },
  guards: {
    auto: ({ context }) => context.auto,
    /** Another key, or without a key another card: no longer what was let in. */
    changedUnasked: ({ context }, params: { fingerprint: string }) =>
      !context.auto && params.fingerprint !== context.fingerprint,
  },
  actions: {
    keepFingerprint: assign({ fingerprint: (_, params: { fingerprint: string }) => params.fingerprint }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
}).createMachine({
  id: 'registration',
  description: 'The standing of an agent with the operator.',
  context: ({ input }) => ({ ...input, ignored: 0 }),
  initial: 'registered',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    registered: {
      description: 'Known by its card; nothing is routed to it.',
      always: { guard: 'auto', target: 'approved' },
      on: {
        SEEN: { actions: { type: 'keepFingerprint', params: ({ event }) => event } },
        APPROVE: { target: 'approved' },
        REVOKE: { target: 'revoked' },
      },
    },
    approved: {
      description: 'Let in, as what it was then.',
      on: {
        SEEN: [
          {
            guard: { type: 'changedUnasked', params: ({ event }) => event },
            target: 'registered',
            actions: { type: 'keepFingerprint', params: ({ event }) => event },
          },
          { actions: { type: 'keepFingerprint', params: ({ event }) => event } },
        ],
        REVOKE: { target: 'revoked' },
      },
    },
    revoked: {
      description: 'Shut out by the operator, whatever card it shows.',
      on: {
        SEEN: { actions: { type: 'keepFingerprint', params: ({ event }) => event } },
        APPROVE: { target: 'approved' },
      },
    },
  },
  options: { maxIterations: 1000 },
});
