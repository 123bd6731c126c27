import type { Action } from './agents/api.ts';

/** Quality of the service over the seconds in which it was used; `secondsMet` counts all targets at once. */
export interface Quality {
  service: string;
  seconds: number;
  secondsMet: number;
  freezes: number;
  freezeSeconds: number;
  /** 1..5. */
  mos: number;
  medianDlMbps: number;
  p5DlMbps: number;
  medianUlMbps: number;
  p95DelayMs: number;
}

/** A measure that monitoring took. */
export interface Measure {
  /** ISO 8601, network time. */
  at: string;
  measure: 'standby-network' | 'qos-priority' | 'proactive-notice' | 'return-to-5g' | 'missed';
  reason: string;
}

/** What a request for assurance ends with: the data part of its artifact. */
export interface Outcome {
  intent: unknown;
  plan: {
    template: string;
    segments: Array<{ kind: string; from: string; to: string; start: string; end: string }>;
    risks: Array<{
      kind: string;
      where: string;
      start: string;
      end: string;
      source: string;
      confidence: number;
    }>;
    steps: Array<{ id: string; domain: string; skill: string; because: string; state: 'done' | 'failed' }>;
    lessons: Array<{ text: string; change: string }>;
  };
  measures: Measure[];
  /** Tool calls: all of the preparation and of the measures, and how many readings monitoring took. */
  actions: Action[];
  readings: number;
  /** Only where the network is simulated beside an unassured twin. */
  quality?: { service: string; targets: Record<string, number>; assured: Quality; unassured: Quality };
  harm?: Record<string, number>;
  knowledge: { applied: string[]; learned: string[]; summary: string };
}
