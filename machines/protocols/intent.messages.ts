import { z } from 'zod';

/** What the central agent made of the words (TS 28.312: an intent, or why there is none). */
export const understandingSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('understood'), intent: z.unknown() }),
  /** Something is missing: `text` asks for it and says why. */
  z.object({ kind: z.literal('incomplete'), text: z.string(), data: z.unknown().optional() }),
  z.object({ kind: z.literal('refused'), text: z.string(), data: z.unknown().optional() }),
]);
export type IntentUnderstanding = z.infer<typeof understandingSchema>;

/** Stages of an intent that is pursued, in their order. */
export const stages = ['planning', 'evaluating', 'assuring', 'monitoring', 'reviewing'] as const;
export type Stage = (typeof stages)[number];

/** Which stage a progress note belongs to, by `data.phase`. */
const PHASES = new Map<string, Stage>([
  ...stages.map((stage): [string, Stage] => [stage, stage]),
  ['intent', 'planning'],
  ['lesson', 'evaluating'],
  ['evaluated', 'evaluating'],
  ['planned', 'assuring'],
  ['prepared', 'monitoring'],
  ['measure', 'monitoring'],
  ['missed', 'monitoring'],
  ['review', 'reviewing'],
]);

const phased = z.looseObject({ phase: z.string() });

/** The stage that a note's data names, undefined if it names none. */
export function stageOf(data: unknown): Stage | undefined {
  const read = phased.safeParse(data);
  return read.success ? PHASES.get(read.data.phase) : undefined;
}
