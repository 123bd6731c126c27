import { assign, setup } from 'xstate';
import type { LoadState } from './session.machine.ts';

/** One heartbeat of a tool server. Load in percent of what it can take, times in ms. */
export interface LoadReport {
  load: number;
  inFlight: number;
  queue: number;
  p95Ms: number;
}

export type LeaseEvent =
  | ({ type: 'REPORT' } & LoadReport)
  | { type: 'RENEW' }
  | { type: 'DRAIN' }
  | { type: 'LEAVE' };

export interface LeaseContext {
  serverId: string;
  leaseMs: number;
  graceMs: number;
  drainMs: number;
  report: LoadReport;
  band: 'normal' | 'high' | 'overloaded';
  reason: string;
  ignored: number;
}

/** Enter at the first figure, leave below the second: a load that swings around one does not flap. */
const BANDS = { high: [70, 60], overloaded: [90, 80] } as const;

/** The load state after a report of `load` percent, given the one before. */
export function bandOf(load: number, before: LeaseContext['band']): LeaseContext['band'] {
  const above = (band: 'high' | 'overloaded', holds: boolean) => load >= BANDS[band][holds ? 1 : 0];
  if (above('overloaded', before === 'overloaded')) return 'overloaded';
  return above('high', before !== 'normal') ? 'high' : 'normal';
}

/** The state that is told to clients; a suspect server is treated like one under high load. */
export function loadStateOf(value: string, band: LeaseContext['band']): LoadState {
  if (value === 'gone' || value === 'draining') return value;
  return value === 'suspect' && band === 'normal' ? 'high' : band;
}

/** Share of new calls that a server should get, 0..100. */
export function weightOf(state: LoadState, load: number): number {
  if (state === 'gone' || state === 'draining') return 0;
  if (state === 'overloaded') return 1;
  const free = Math.max(1, Math.round(100 - Math.min(100, load)));
  return state === 'high' ? Math.max(1, Math.round(free / 2)) : free;
}

/** The lease of one tool server at the management server (NetMCP 4): missed, it is suspect, then gone. */
export const leaseMachine = setup({
  types: {
    context: {} as LeaseContext,
    events: {} as LeaseEvent,
    input: {} as { serverId: string; leaseMs: number; graceMs: number; drainMs: number },
    output: {} as { reason: string },
  },
  guards: {
    idle: (_, params: LoadReport) => params.inFlight === 0 && params.queue === 0,
  },
  actions: {
    keepReport: assign({
      report: (_, { load, inFlight, queue, p95Ms }: LoadReport) => ({ load, inFlight, queue, p95Ms }),
      band: ({ context }, params) => bandOf(params.load, context.band),
    }),
    keepReason: assign({ reason: (_, params: { reason: string }) => params.reason }),
    countIgnored: assign({ ignored: ({ context }) => context.ignored + 1 }),
  },
  delays: {
    lease: ({ context }) => context.leaseMs,
    grace: ({ context }) => context.graceMs,
    drain: ({ context }) => context.drainMs,
  },
}).createMachine({
  id: 'lease',
  description: 'The stay of a tool server in the registry.',
  context: ({ input }) => ({
    ...input,
    report: { load: 0, inFlight: 0, queue: 0, p95Ms: 0 },
    band: 'normal',
    reason: '',
    ignored: 0,
  }),
  output: ({ context }) => ({ reason: context.reason }),
  initial: 'live',
  on: {
    LEAVE: {
      target: '.gone',
      actions: { type: 'keepReason', params: { reason: 'deregistered' } },
    },
    '*': { actions: 'countIgnored' },
  },
  states: {
    live: {
      description: 'Reports arrive in time.',
      on: {
        REPORT: {
          target: 'live',
          reenter: true,
          actions: { type: 'keepReport', params: ({ event }) => event },
        },
        RENEW: { target: 'live', reenter: true },
        DRAIN: { target: 'draining' },
      },
      after: { lease: { target: 'suspect' } },
    },
    suspect: {
      description: 'A report is overdue; new calls prefer other servers.',
      on: {
        REPORT: { target: 'live', actions: { type: 'keepReport', params: ({ event }) => event } },
        RENEW: { target: 'live' },
        DRAIN: { target: 'draining' },
      },
      after: {
        grace: {
          target: 'gone',
          actions: { type: 'keepReason', params: { reason: 'the lease expired' } },
        },
      },
    },
    draining: {
      description: 'The server leaves: no new calls, those in flight finish.',
      on: {
        REPORT: [
          {
            target: 'gone',
            guard: { type: 'idle', params: ({ event }) => event },
            actions: { type: 'keepReason', params: { reason: 'drained' } },
          },
          { actions: { type: 'keepReport', params: ({ event }) => event } },
        ],
      },
      after: {
        drain: {
          target: 'gone',
          actions: { type: 'keepReason', params: { reason: 'the time to drain is over' } },
        },
      },
    },
    gone: { type: 'final', description: 'Out of the registry.' },
  },
  options: { maxIterations: 1000 },
});
