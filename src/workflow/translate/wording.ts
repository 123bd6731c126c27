import type { Insight } from './insight.ts';

/** Says an insight in one sentence. */
export interface Wording {
  phrase(insight: Insight, signal?: AbortSignal): Promise<string>;
}

export type Language = 'en' | 'zh';

const OUTCOME: Record<Insight['outcome'], Record<Language, string>> = {
  fulfilled: { en: 'reached its goal', zh: '达到目标' },
  'already-met': { en: 'had nothing to do: its goal was met', zh: '无需动作，目标已满足' },
  improved: { en: 'improved the service, short of the goal', zh: '有所改善，但未达到目标' },
  unchanged: { en: 'changed nothing that was measured', zh: '未见可测的变化' },
  worse: { en: 'made it worse', zh: '使指标变差' },
  undone: { en: 'was taken back', zh: '已回退' },
  failed: { en: 'failed', zh: '失败' },
  cancelled: { en: 'was cancelled', zh: '已取消' },
  unseen: { en: 'ended, and its effect could not be measured', zh: '已结束，效果无法测量' },
};

/** The sentence without a model: always true, always there. */
export function phraseOf(insight: Insight, language: Language = 'en'): string {
  const { what, where, effect, anomalyCount: count } = insight;
  const [first] = effect;
  const outcome = OUTCOME[insight.outcome][language];
  const cells = where.cellCount ?? 0;
  if (language === 'zh') {
    const place = [where.area, cells > 0 ? `${cells}个小区` : undefined].filter(Boolean).join('，');
    const figure = first === undefined ? '' : `：${first.kpi} 由 ${first.before} 变为 ${first.after}`;
    const odd = count === 0 ? '' : `；异常 ${count} 处`;
    return `${what}${place === '' ? '' : `（${place}）`}${outcome}${figure}${odd}。`;
  }
  const place = [where.area, cells > 0 ? `${cells} cell${cells === 1 ? '' : 's'}` : undefined]
    .filter(Boolean)
    .join(', ');
  const figure = first === undefined ? '' : `: ${first.kpi} went from ${first.before} to ${first.after}`;
  const odd = count === 0 ? '' : `; ${count} anomal${count === 1 ? 'y' : 'ies'}`;
  return `${what}${place === '' ? '' : ` (${place})`} ${outcome}${figure}${odd}.`;
}

export const offlineWording = (language: Language = 'en'): Wording => ({
  phrase: async (insight) => phraseOf(insight, language),
});

const FIGURE = /\d+(?:[.,]\d+)*/g;
const MAX_SENTENCE = 400;

/** Figures of a text, without separators of thousands and trailing zeros. */
function figuresOf(text: string): string[] {
  return (text.normalize('NFKC').match(FIGURE) ?? []).map((one) => {
    const plain = /^\d{1,3}(,\d{3})+(\.\d+)?$/.test(one) ? one.replaceAll(',', '') : one.replaceAll(',', '.');
    const value = Number(plain);
    return Number.isFinite(value) ? String(value) : plain;
  });
}

/** Number words, in which a figure could hide from the check. */
const WORDS =
  /\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|half|twice|double|triple)\b|[二三四五六七八九十百千万亿两半倍]/i;

/** Why a sentence does not say what the insight says; null if nothing speaks against it. */
export function untrue(sentence: string, insight: Insight): string | null {
  const text = sentence.trim();
  if (text === '') return 'it is empty';
  if (text.length > MAX_SENTENCE) return `it is longer than ${MAX_SENTENCE} characters`;
  if (/[\n\r]/.test(text)) return 'it is more than one line';
  const known = new Set(figuresOf(JSON.stringify(insight)));
  const counts = [insight.effect, insight.anomalies, insight.suggestions, insight.where.cells ?? []];
  for (const { length } of counts) known.add(String(length));
  const made = figuresOf(text).find((one) => !known.has(one));
  if (made !== undefined) return `the figure ${made} is not in the insight`;
  const source = JSON.stringify(insight);
  const word = WORDS.exec(text)?.[0];
  if (word !== undefined && !source.toLowerCase().includes(word.toLowerCase())) {
    return `the number "${word}" is not in the insight`;
  }
  return null;
}

/**
 * A wording that is believed only as far as the insight goes: a sentence with a figure of its own, one that is too
 * long, an error or no answer in time give way to the sentence without a model.
 */
export function checkedWording(
  wording: Wording,
  options: { language?: Language; signal?: AbortSignal; onRefused?: (reason: string) => void } = {},
): Wording {
  return {
    async phrase(insight, signal = options.signal) {
      const refuse = (reason: string) => {
        options.onRefused?.(reason);
        return phraseOf(insight, options.language);
      };
      try {
        const { promise, reject } = Promise.withResolvers<never>();
        const stop = () => reject(new Error('no answer in time'));
        if (signal?.aborted) stop();
        signal?.addEventListener('abort', stop, { once: true });
        try {
          const sentence = await Promise.race([wording.phrase(insight, signal), promise]);
          const reason = untrue(sentence, insight);
          return reason === null ? sentence.trim() : refuse(reason);
        } finally {
          signal?.removeEventListener('abort', stop);
        }
      } catch (error) {
        return refuse(error instanceof Error ? error.message : String(error));
      }
    },
  };
}
