/** From texts to terms, the same for templates and for tasks: English words to stems, Chinese to pairs of characters. */

const EMPTY = new Set(
  (
    'a an and any are as at be been being but by can could did do does for from get give had has have her his how i if in into ' +
    'is it its just let like make me more my need now of on or our out please she he should so some such than that the their ' +
    'them then there these they this those to us want was we were what when where which who will with would you your am im id ' +
    'one ones all also about here find take takes took taken back show check look see tell put set get got bring order again another other ' +
    'right up down give come comes go goes keep help thing things something whether while during every each so much many too'
  ).split(' '),
);
/** Characters that join Chinese words and say nothing of their own. */
const EMPTY_HAN =
  /怎么样|哪些|这些|那些|一下|现在|接下来|会不会|是不是|好不好|够不够|[的了吗呢吧和与及在把将被给对请我你他她它这那个是有做要都还几]/g;
const HAN = /\p{Script=Han}+/gu;

const ENDINGS: ReadonlyArray<readonly [string, string]> = [
  ['isation', 'is'],
  ['ization', 'is'],
  ['ations', ''],
  ['ation', ''],
  ['ating', ''],
  ['ated', ''],
  ['ates', ''],
  ['ate', ''],
  ['ments', ''],
  ['ment', ''],
  ['ances', ''],
  ['ance', ''],
  ['ence', ''],
  ['ingly', ''],
  ['ings', ''],
  ['ing', ''],
  ['ions', ''],
  ['ion', ''],
  ['ities', ''],
  ['ity', ''],
  ['ised', 'is'],
  ['ized', 'is'],
  ['ise', 'is'],
  ['ize', 'is'],
  ['ness', ''],
  ['ies', 'y'],
  ['ers', ''],
  ['er', ''],
  ['ed', ''],
  ['es', ''],
  ['ly', ''],
  ['s', ''],
];

/** A word without its ending; crude, and the same on both sides. */
export function stem(word: string): string {
  if (word.length < 4 || /[^a-z]/.test(word)) return word;
  let base = word;
  for (const [ending, instead] of ENDINGS) {
    if (base.endsWith(ending) && base.length - ending.length >= 3 && !/(ss|us)$/.test(base)) {
      base = base.slice(0, -ending.length) + instead;
      break;
    }
  }
  if (/([bdfgklmnprt])\1$/.test(base) && !base.endsWith('ll')) base = base.slice(0, -1);
  if (base.length > 4 && base.endsWith('e')) base = base.slice(0, -1);
  return base;
}

/** Words that mean the same here, a group a line: the first stands for all, on both sides. */
const SAME = `
prb, prbs, block, blocks, rb
qoe, experience, mos
latency, delay, lag, delays
congestion, congested, crowded, overcrowded, jam, jammed, busy, full
overload, overloaded
subscriber, user, customer, ue, phone, terminal, handset, device
reserve, reservation, book, earmark
release, free, return, relinquish
path, route, link, paths, links
coverage, reception
alarm, alert, alarms, alerts
fault, failure, broken, faulty, outage, dead, crash, crashed, sick
diagnose, diagnosis, troubleshoot
priority, prioritise, prioritize
guarantee, assure, assurance, ensure, sla
slice, slicing, nssai
handover, handoff
interference, interfered, disturbed, noise, noisy
energy, power, electricity
saving, save, savings
predict, prediction, forecast, expect, anticipate
edge, mec
lte, 4g
nr, 5g
bucket, storage, objects, object
backup, replicate, copy, replication
complaint, complain, complains, complained, ticket
slow, sluggish, poor, bad, degraded
locate, location, whereabouts, position
offload, offloading
event, concert, stadium, match, festival, venue, arena
rootcause, cause, culprit, reason
job, workload, workloads, jobs, work
move, migrate, evacuate, relocate, drain
restart, reboot, revive
`;
const LEADER = new Map(
  SAME.trim()
    .split('\n')
    .flatMap((line) => {
      const [leader = '', ...others] = line.split(', ').map(stem);
      return [leader, ...others].map((word) => [word, leader] as const);
    }),
);

export interface Word {
  /** What is compared. */
  term: string;
  /** As it stands in the text. */
  text: string;
}

/** Words of a text, without the empty ones. */
export function wordsOf(text: string): Word[] {
  const plain = text
    .normalize('NFKC')
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase();
  const english = plain
    .replace(HAN, ' ')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word.length > 1 && !EMPTY.has(word))
    .map((word) => {
      const base = stem(word);
      return { term: LEADER.get(base) ?? base, text: word };
    });
  const chinese = (plain.match(HAN) ?? [])
    .flatMap((run) => run.replace(EMPTY_HAN, ' ').split(' '))
    .flatMap((run) => {
      const letters = [...run];
      return letters.length < 2 ? [] : letters.slice(1).map((letter, at) => `${letters[at]}${letter}`);
    })
    .map((pair) => ({ term: pair, text: pair }));
  return [...english, ...chinese];
}
