import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { understand, understandingSchema } from '../../src/intent/index.ts';

/** A Tuesday. */
const options = { now: Date.parse('2026-11-24T09:00:00+08:00'), timeZone: 'Asia/Shanghai' };
const wall = (t: number) => new Date(t + 8 * 3_600_000).toISOString().slice(0, 16);

interface Sentence {
  text: string;
  before?: string[];
  kind: 'intent' | 'incomplete' | 'refused';
  code?: string;
  missing?: string[];
  mode?: string;
  to?: string | null;
  service?: string;
  leaves?: string;
  from?: string;
  until?: string;
  dl?: number;
  ul?: number;
  delay?: number;
  priority?: string;
}

/** Share of labelled fields that must be right. Held-out stood at 0.72 (31 of 43) when first measured: a floor, no goal. */
const FLOOR: Record<string, number> = { 'grammar.json': 0.95, 'held-out.json': 0.7 };

const folder = join(import.meta.dirname, 'corpus');
const corpus = readdirSync(folder).map((file) => ({
  file,
  sentences: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Sentence[],
}));

/** What came out, in the words of the corpus. */
function fieldsOf(sentence: Sentence): Record<string, unknown> {
  const result = understand(sentence.text, { ...options, conversation: sentence.before ?? [] });
  if (result.kind === 'refused') return { kind: result.kind, code: result.code };
  if (result.kind === 'incomplete') {
    return { kind: result.kind, missing: result.missing.map(({ field }) => field).sort() };
  }
  const { mode, destination, departure, service } = result.journey;
  return {
    kind: result.kind,
    mode,
    to: destination?.slug ?? null,
    service: service.kind,
    leaves: wall(departure.start),
    from: wall(service.window.start),
    until: wall(service.window.end),
    dl: service.dlMbps,
    ul: service.ulMbps,
    delay: service.maxDelayMs,
    priority: service.priority,
  };
}

describe.each(corpus)('the labelled sentences of $file', ({ file, sentences }) => {
  test('are understood, field by field', () => {
    const scores = new Map<string, { right: number; all: number }>();
    const wrong: string[] = [];
    for (const sentence of sentences) {
      const got = fieldsOf(sentence);
      for (const [field, expected] of Object.entries(sentence)) {
        if (field === 'text' || field === 'before') continue;
        const score = scores.get(field) ?? { right: 0, all: 0 };
        score.all += 1;
        const want = Array.isArray(expected) ? [...expected].sort() : expected;
        if (JSON.stringify(got[field]) === JSON.stringify(want)) score.right += 1;
        else
          wrong.push(
            `${sentence.text} | ${field}: ${JSON.stringify(got[field])} not ${JSON.stringify(want)}`,
          );
        scores.set(field, score);
      }
    }
    const table = [...scores].map(([field, { right, all }]) => `${field} ${right}/${all}`).join(', ');
    process.stdout.write(`${file}: ${table}\n${wrong.map((line) => `  ${line}\n`).join('')}`);
    const right = [...scores.values()].reduce((sum, score) => sum + score.right, 0);
    const all = [...scores.values()].reduce((sum, score) => sum + score.all, 0);
    expect(right / all).toBeGreaterThanOrEqual(FLOOR[file] ?? 1);
  });
});

const PIECES = [
  'I will fly to Shanghai',
  'tomorrow',
  'from 9 pm to 7 pm',
  'video call',
  'at 25:99',
  'midnight',
  'yesterday',
  'for 0 hours',
  'at least 0 Mbps',
  'and',
  '.',
  'in 999 hours',
  'Friday night',
  '__proto__',
  'by midnight',
  'half to 1',
  'constructor',
  'at 8',
  'drive to Cork',
];
const anything = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.array(fc.constantFrom(...PIECES), { maxLength: 8 }).map((pieces) => pieces.join(' ')),
);

test('any text has an answer: windows start before they end, every field has its evidence', () => {
  fc.assert(
    fc.property(anything, fc.array(anything, { maxLength: 2 }), (text, conversation) => {
      const result = understand(text, { ...options, conversation });
      expect(understandingSchema.safeParse(result).error).toBeUndefined();
      if (result.kind !== 'intent') return;
      const { journey } = result;
      const whole = [...conversation, text].join('\n').replaceAll(/[\u2018\u2019]/g, "'");
      for (const field of [
        'mode',
        'departure',
        'service.name',
        'service.window',
        'service.dlMbps',
        'service.ulMbps',
        'service.maxDelayMs',
        'service.priority',
      ]) {
        expect(journey.evidence).toHaveProperty([field]);
      }
      if (journey.destination) expect(journey.evidence.destination?.source).toBe('text');
      for (const evidence of Object.values(journey.evidence)) {
        if (evidence.source === 'text') expect(whole.slice(evidence.start, evidence.end)).toBe(evidence.text);
      }
      expect(journey.service.window.end).toBeGreaterThan(options.now);
    }),
    { seed: 1, numRuns: 1500 },
  );
});
