import type { QosSessionContext, QosStatusInfo } from '../../../machines/index.ts';
import type { Device, SinkCredential } from './schemas.ts';

export type QosStatus = 'REQUESTED' | 'AVAILABLE' | 'UNAVAILABLE';

/** A notice that its application has not taken yet. */
export interface PendingNotice {
  id: string;
  time: number;
  status: 'AVAILABLE' | 'UNAVAILABLE';
  statusInfo: QosStatusInfo | null;
}

/** A QoS session (with a duration) or assignment (without one) as it is kept; JSON. */
export interface QosRecord {
  id: string;
  kind: 'session' | 'assignment';
  /** Who made it: nobody else sees it. */
  client: string;
  supi: string;
  /** As it was given; null where the token named the device. */
  device: Device | null;
  profile: string;
  /** What is only kept to be shown again: application server and ports. */
  shown: Record<string, unknown>;
  sink: string | null;
  sinkCredential: SinkCredential | null;
  createdAt: number;
  state: string;
  context: QosSessionContext;
  notices: PendingNotice[];
}

/** How long a session that ended stays readable (CAMARA: at least 360 s), ms. */
export const READABLE = 360_000;

export const statusOf = ({ state }: Pick<QosRecord, 'state'>): QosStatus => {
  if (state === 'requested') return 'REQUESTED';
  return state === 'available' ? 'AVAILABLE' : 'UNAVAILABLE';
};

const iso = (at: number) => new Date(at).toISOString();

/** When a session's time is over; null where it has none or has not begun. */
export const expiryOf = ({ context: { startedAt, duration } }: QosRecord): number | null =>
  startedAt === null || duration === null ? null : startedAt + duration * 1000;

/** SessionInfo or AssignmentInfo. Secrets of the sink are not shown again. */
export function viewOf(record: QosRecord): Record<string, unknown> {
  const { context, kind } = record;
  const status = statusOf(record);
  const expires = expiryOf(record) ?? context.endedAt;
  return {
    ...(kind === 'session' ? { sessionId: record.id } : { assignmentId: record.id }),
    ...(record.device !== null && { device: record.device }),
    ...record.shown,
    qosProfile: record.profile,
    ...(record.sink !== null && { sink: record.sink }),
    ...(kind === 'session'
      ? {
          duration: context.duration,
          qosStatus: status,
          ...(status !== 'REQUESTED' && expires !== null && { expiresAt: iso(expires) }),
        }
      : { status }),
    ...(status === 'AVAILABLE' && context.startedAt !== null && { startedAt: iso(context.startedAt) }),
    ...(status === 'UNAVAILABLE' && context.statusInfo !== null && { statusInfo: context.statusInfo }),
  };
}
