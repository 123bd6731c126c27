import type { MediaComponent } from './app-session.ts';
import { toBitRate } from './schemas.ts';
import type { QosData } from './sm-policy.ts';

/** Packet delay budgets in ms, TS 23.501 table 5.7.4-1. */
const BUDGET: Readonly<Record<number, number>> = { 1: 100, 2: 150, 3: 50, 4: 300, 71: 150, 72: 300 };
/** Guaranteed 5QIs that suit a kind of media, best first; the last has the least budget. */
const GUARANTEED = {
  AUDIO: [1, 3],
  VIDEO: [2, 3],
  LIVE: [72, 71, 3],
  OTHER: [4, 2, 3],
} as const;
/** Subject to ARP, TS 23.501 5.7.2.2: where nobody asked for more. */
const DEFAULT_ARP = 8;

/** QoS of a media component: what the PCF decides (TS 29.513 7.3). */
export function qosOf(component: MediaComponent, qosId: string): QosData {
  const { mirBwDl = 0, mirBwUl = 0, marBwDl, marBwUl, desMaxLatency, resPrio } = component;
  const guaranteed = mirBwDl > 0 || mirBwUl > 0;
  return {
    qosId,
    '5qi': guaranteed ? guaranteedFiveQi(component) : bestEffortFiveQi(desMaxLatency),
    arp: {
      priorityLevel:
        resPrio === undefined ? DEFAULT_ARP : Math.min(15, Number(resPrio.slice('PRIO_'.length))),
      preemptCap: component.preemptCap ?? 'NOT_PREEMPT',
      preemptVuln: component.preemptVuln ?? 'PREEMPTABLE',
    },
    ...(guaranteed && { gbrDl: toBitRate(mirBwDl), gbrUl: toBitRate(mirBwUl), qnc: true }),
    // The maximum is never under the guarantee (TS 23.501 5.7.2.5).
    ...(marBwDl !== undefined && { maxbrDl: toBitRate(Math.max(marBwDl, mirBwDl)) }),
    ...(marBwUl !== undefined && { maxbrUl: toBitRate(Math.max(marBwUl, mirBwUl)) }),
  };
}

function guaranteedFiveQi({ medType, mirBwDl = 0, mirBwUl = 0, desMaxLatency }: MediaComponent): number {
  const live = medType === 'VIDEO' && mirBwUl > mirBwDl;
  const kind = live ? 'LIVE' : medType === 'AUDIO' || medType === 'VIDEO' ? medType : 'OTHER';
  const candidates: readonly number[] = GUARANTEED[kind];
  const latency = desMaxLatency ?? Number.POSITIVE_INFINITY;
  return candidates.find((fiveQi) => (BUDGET[fiveQi] ?? 0) <= latency) ?? (candidates.at(-1) as number);
}

const bestEffortFiveQi = (latency: number | undefined) => (latency !== undefined && latency <= 100 ? 7 : 9);
