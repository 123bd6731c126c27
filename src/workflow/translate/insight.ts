import { z } from 'zod';

export const OUTCOMES = [
  'fulfilled',
  'already-met',
  'improved',
  'unchanged',
  'worse',
  'undone',
  'failed',
  'cancelled',
  'unseen',
] as const;

/** What a run brought, short enough to plan with: at most 1 kB of JSON. Times are network time in ms. */
export const insightSchema = z.strictObject({
  what: z.string(),
  where: z.strictObject({
    area: z.string().optional(),
    /** The first of them, and how many there are. */
    cells: z.array(z.string()).optional(),
    cellCount: z.number().int().optional(),
    subscribers: z.number().int().optional(),
  }),
  when: z.strictObject({ start: z.number(), end: z.number() }),
  outcome: z.enum(OUTCOMES),
  /** `better` is absent where nobody says which way is good. */
  effect: z.array(
    z.strictObject({
      kpi: z.string(),
      before: z.number(),
      after: z.number(),
      change: z.number(),
      percent: z.number().optional(),
      better: z.boolean().optional(),
    }),
  ),
  /** The first of them, and how many there were. */
  anomalies: z.array(z.strictObject({ task: z.string(), what: z.string() })),
  anomalyCount: z.number().int(),
  suggestions: z.array(z.string()),
  /** 0 to 1: how far the effect may be put down to the run. */
  confidence: z.number().min(0).max(1),
  evidence: z.array(z.string()),
});
export type Insight = z.output<typeof insightSchema>;

/** Bytes of JSON. */
export const MAX_INSIGHT = 1024;
const bytes = (insight: Insight) => Buffer.byteLength(JSON.stringify(insight));
const MAX_TEXT = 80;

/** Cuts an insight down to its limit: lists from their ends, the least telling first, then texts. */
export function fitted(insight: Insight): Insight {
  const cut: Insight = structuredClone(insight);
  const lists = [
    () => cut.evidence.length > 2 && cut.evidence.pop(),
    () => (cut.where.cells?.length ?? 0) > 3 && cut.where.cells?.pop(),
    () => cut.anomalies.length > 2 && cut.anomalies.pop(),
    () => cut.effect.length > 3 && cut.effect.pop(),
    () => cut.suggestions.length > 1 && cut.suggestions.pop(),
    () => cut.anomalies.length > 0 && cut.anomalies.pop(),
    () => (cut.where.cells?.length ?? 0) > 0 && cut.where.cells?.pop(),
    () => cut.evidence.length > 0 && cut.evidence.pop(),
    () => cut.effect.length > 1 && cut.effect.pop(),
    () => cut.suggestions.length > 0 && cut.suggestions.pop(),
  ];
  if (bytes(cut) > MAX_INSIGHT) shorten(cut, MAX_TEXT);
  for (let at = 0; bytes(cut) > MAX_INSIGHT && at < lists.length; ) if (!lists[at]?.()) at += 1;
  if (bytes(cut) > MAX_INSIGHT) shorten(cut, MAX_TEXT / 4);
  return cut;
}

function shorten(insight: Insight, most: number): void {
  insight.what = clipped(insight.what, most);
  if (insight.where.area !== undefined) insight.where.area = clipped(insight.where.area, most);
  insight.anomalies = insight.anomalies.map(({ task, what }) => ({
    task: clipped(task, most),
    what: clipped(what, most),
  }));
  insight.suggestions = insight.suggestions.map((one) => clipped(one, 2 * most));
  insight.effect = insight.effect.map((one) => ({ ...one, kpi: clipped(one.kpi, most) }));
  insight.evidence = insight.evidence.map((one) => clipped(one, most));
}

/** By code points: a character is not cut in two. */
export function clipped(text: string, most: number): string {
  const points = [...text];
  return points.length <= most ? text : `${points.slice(0, most - 1).join('')}…`;
}
