import type { Category, Template } from './template.ts';
import { type Word, wordsOf } from './words.ts';

export interface Task {
  /** What is to be done, in English or Chinese. */
  text: string;
  /** Only templates of this domain, category or effects are looked at. */
  domain?: string;
  category?: Category;
  effects?: Template['effects'];
}

export interface Match {
  template: Template;
  /** 0..1: how much of what the task says the template is about. */
  score: number;
  /** Which words counted and where they stand, in one sentence. */
  reason: string;
}

/** Where a word stands counts differently: what people call the task more than what a schema calls its fields. */
const FIELDS: ReadonlyArray<readonly [name: string, weight: number, read: (template: Template) => string]> = [
  ['title', 3, ({ title }) => title],
  ['tasks', 2.5, ({ tasks }) => tasks.join('\n')],
  ['name', 2, ({ name }) => name.replaceAll('-', ' ')],
  ['keywords', 1.5, ({ tags }) => Object.values(tags).flat().join(' ')],
  ['summary', 1, ({ summary }) => summary],
  ['inputs', 0.4, ({ input }) => describe(input)],
];
/** How fast a word that is repeated stops to count more (k1 of BM25). */
const SATURATION = 1.6;
/** How much a word counts that no template has; of the pairs of Chinese characters most join two words and are none. */
const UNKNOWN = 0.5;
const UNKNOWN_PAIR = 0.2;
/** An atomic one is there for other templates: where a chain that looks first fits as well, that is the better. */
const ATOMIC = 0.85;
/** Of a longer text the beginning says what is wanted. */
const LONGEST = 4_000;
/** A template must be about this much of the task. */
export const THRESHOLD = 0.172;

/** The inputs in words: their names and descriptions. */
function describe(schema: Template['input']): string {
  const properties = (schema?.properties ?? {}) as Record<string, { description?: string }>;
  return Object.entries(properties)
    .map(([name, { description = '' }]) => `${name} ${description}`)
    .join('\n');
}

interface Weight {
  sum: number;
  /** Where it counts most. */
  field: string;
}

/** What is known of the templates' words, made once for a state of the pool. */
export interface Index {
  templates: readonly Template[];
  weights: ReadonlyArray<ReadonlyMap<string, Weight>>;
  /** How telling a word is (idf of BM25); a word that no template has tells the most, and speaks for none. */
  telling(term: string): number;
}

export function indexOf(templates: readonly Template[]): Index {
  const weights = templates.map((template) => {
    const found = new Map<string, Weight>();
    for (const [field, weight, read] of FIELDS) {
      for (const term of new Set(wordsOf(read(template)).map(({ term }) => term))) {
        const before = found.get(term);
        found.set(term, { sum: (before?.sum ?? 0) + weight, field: before?.field ?? field });
      }
    }
    return found;
  });
  const having = new Map<string, number>();
  for (const found of weights) for (const term of found.keys()) having.set(term, (having.get(term) ?? 0) + 1);
  const count = templates.length;
  return {
    templates,
    weights,
    telling: (term) => {
      const n = having.get(term) ?? 0;
      return Math.log(1 + (count - n + 0.5) / (n + 0.5));
    },
  };
}

/** The templates by how well they fit the task, the best first; those that share no word with it are not there. */
export function rank(index: Index, task: Task): Match[] {
  const words = [...new Map(wordsOf(task.text.slice(0, LONGEST)).map((word) => [word.term, word])).values()];
  const known = words.filter(({ term }) => index.weights.some((found) => found.has(term)));
  if (known.length === 0) return [];
  // A word that nobody has speaks against all alike, but less: names and places are such words.
  const unknown = words.filter((word) => !known.includes(word));
  const all =
    known.reduce((sum, { term }) => sum + index.telling(term), 0) +
    unknown.reduce(
      (sum, { term }) => sum + index.telling('') * (/\p{Script=Han}/u.test(term) ? UNKNOWN_PAIR : UNKNOWN),
      0,
    );
  return index.templates
    .flatMap((template, at) => {
      if (!wanted(template, task)) return [];
      const found = index.weights[at] as ReadonlyMap<string, Weight>;
      const counted = known
        .filter(({ term }) => found.has(term))
        .map((word) => {
          const { sum, field } = found.get(word.term) as Weight;
          return { word, field, gain: index.telling(word.term) * (sum / (sum + SATURATION)) };
        })
        .sort((a, b) => b.gain - a.gain);
      if (counted.length === 0) return [];
      const sum = counted.reduce((total, { gain }) => total + gain, 0);
      const score =
        Math.round((sum / all) * (template.category === 'atomic-capability' ? ATOMIC : 1) * 1_000) / 1_000;
      return [{ template, score, reason: because(template, task, counted) }];
    })
    .sort((a, b) => b.score - a.score || a.template.id.localeCompare(b.template.id));
}

function wanted(template: Template, { domain, category, effects }: Task): boolean {
  return (
    (domain === undefined || template.domain === domain) &&
    (category === undefined || template.category === category) &&
    (effects === undefined || template.effects === effects)
  );
}

const WORDS_NAMED = 5;

function because(template: Template, task: Task, counted: Array<{ word: Word; field: string }>): string {
  const words = counted.slice(0, WORDS_NAMED).map(({ word, field }) => `"${word.text}" (${field})`);
  const filters = (['domain', 'category', 'effects'] as const)
    .filter((name) => task[name] !== undefined)
    .map((name) => `${name} ${template[name]}`);
  const rest = counted.length > WORDS_NAMED ? ` and ${counted.length - WORDS_NAMED} more` : '';
  return `"${template.title}" is about ${words.join(', ')}${rest}${filters.length > 0 ? `, and has ${filters.join(', ')}` : ''}.`;
}
