import { assign, setup } from 'xstate';

/** Why a session is not available (CAMARA quality-on-demand, StatusInfo). */
export type QosStatusInfo = 'DURATION_EXPIRED' | 'NETWORK_TERMINATED' | 'DELETE_REQUESTED';

/** Times are ms since the epoch. */
export interface QosSessionContext {
  /** Seconds that were asked for; null for one without an end (CAMARA qos-provisioning). */
  duration: number | null;
  /** What the network calls the session. */
  grant: string | null;
  startedAt: number | null;
  /** When it was not available any more. */
  endedAt: number | null;
  statusInfo: QosStatusInfo | null;
  ignored: number;
}

export type QosSessionEvent =
  | { type: 'GRANTED'; grant: string; at: number }
  | { type: 'REFUSED'; at: number }
  | { type: 'EXTEND'; duration: number }
  | { type: 'EXPIRE'; at: number }
  | { type: 'TERMINATED'; at: number }
  | { type: 'DELETE'; at: number }
  | { type: 'RELEASED' }
  | { type: 'REMOVE' };

const unavailable = (statusInfo: QosStatusInfo) => ({
  type: 'end' as const,
  params: ({ event }: { event: { at: number } }) => ({ at: event.at, statusInfo }),
});

/**
 * One QoS session of an application (CAMARA quality-on-demand; without a duration qos-provisioning). The
 * network is asked to `reserve` and `release`, the application is told by `announce`; what these do is up
 * to who runs the chart.
 */
export const qosSessionMachine = setup({
  types: {
    context: {} as QosSessionContext,
    events: {} as QosSessionEvent,
    input: {} as { duration: number | null },
  },
  actions: {
    reserve: () => {},
    release: () => {},
    announce: () => {},
    start: assign((_, { grant, at }: { grant: string; at: number }) => ({ grant, startedAt: at })),
    keepGrant: assign((_, { grant }: { grant: string }) => ({ grant })),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
    extend: assign((_, { duration }: { duration: number }) => ({ duration })),
    end: assign((_, { at, statusInfo }: { at: number; statusInfo: QosStatusInfo }) => ({
      endedAt: at,
      statusInfo,
    })),
  },
}).createMachine({
  id: 'qosSession',
  description: 'A QoS session that an application asked for.',
  context: ({ input }) => ({
    duration: input.duration,
    grant: null,
    startedAt: null,
    endedAt: null,
    statusInfo: null,
    ignored: 0,
  }),
  initial: 'requested',
  on: { '*': { actions: 'countIgnored' } },
  states: {
    requested: {
      description: 'The network is asked.',
      entry: 'reserve',
      on: {
        GRANTED: {
          target: 'available',
          actions: { type: 'start', params: ({ event }) => event },
        },
        REFUSED: { target: 'unavailable', actions: [unavailable('NETWORK_TERMINATED'), 'announce'] },
        DELETE: { target: 'withdrawn', actions: [unavailable('DELETE_REQUESTED')] },
      },
    },
    withdrawn: {
      description: 'Deleted before the network answered: what it grants is given back.',
      on: {
        GRANTED: { target: 'releasing', actions: { type: 'keepGrant', params: ({ event }) => event } },
        REFUSED: { target: 'unavailable' },
      },
    },
    available: {
      description: 'The network guarantees the QoS.',
      entry: 'announce',
      on: {
        EXTEND: { actions: { type: 'extend', params: ({ event }) => event } },
        EXPIRE: { target: 'releasing', actions: [unavailable('DURATION_EXPIRED'), 'announce'] },
        DELETE: { target: 'releasing', actions: [unavailable('DELETE_REQUESTED'), 'announce'] },
        TERMINATED: { target: 'releasing', actions: [unavailable('NETWORK_TERMINATED'), 'announce'] },
      },
    },
    releasing: {
      description: 'Over for the application; the network gives back what it held.',
      entry: 'release',
      on: { RELEASED: { target: 'unavailable' } },
    },
    unavailable: {
      description: 'Over; readable for those who poll.',
      on: { REMOVE: { target: 'removed' } },
    },
    removed: { type: 'final', description: 'Nothing is known of it any more.' },
  },
  options: { maxIterations: 1000 },
});
