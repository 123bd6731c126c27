import type { SnapshotFrom } from 'xstate';
import type { Agreement } from '../../../machines/protocols/negotiation.machine.ts';
import type { LoadState, sessionMachine } from '../../../machines/protocols/session.machine.ts';
import type { TransportKind } from '../transport/dial.ts';

/** What a session says of itself. */
export interface SessionState {
  phase: 'connecting' | 'ready' | 'closing' | 'closed' | 'gone';
  loadState: LoadState;
  weight: number;
  load: number;
  inFlight: number;
  agreement: Agreement | null;
  reason: string;
  /** What carries the session; null before it was first connected. */
  transport: TransportKind | null;
  /** The better endpoint that could not be used, and why. */
  fellBack: string | null;
}

function loadStateOf(phase: SessionState['phase'], sub: string | undefined): LoadState {
  if (phase === 'connecting') return 'normal';
  if (phase !== 'ready' || sub === 'doubted') return 'gone';
  return (sub as LoadState | undefined) ?? 'normal';
}

/** The state of a session as its chart has it. */
export function readState(
  snapshot: SnapshotFrom<typeof sessionMachine>,
): Omit<SessionState, 'transport' | 'fellBack'> {
  const { context } = snapshot;
  const value = typeof snapshot.value === 'string' ? snapshot.value : 'ready';
  const phase =
    value === 'ready' || value === 'closing' || value === 'closed' || value === 'gone' ? value : 'connecting';
  const sub = typeof snapshot.value === 'object' ? snapshot.value.ready : undefined;
  return {
    phase: snapshot.status === 'error' ? 'gone' : phase,
    loadState: loadStateOf(phase, sub),
    weight: context.weight,
    load: context.load,
    inFlight: context.inFlight,
    agreement: context.agreement,
    reason: context.reason,
  };
}
