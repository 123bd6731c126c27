/**
 * Whether a pattern of a description may be run on a text that others give: it compiles, and no group that is
 * repeated without limit holds a repetition of variable length or a choice, and there are no back-references.
 * Errs towards no.
 */
export function safePattern(pattern: string): boolean {
  if (pattern.length > 2_000) return false;
  try {
    new RegExp(pattern);
  } catch {
    return false;
  }
  const bare = pattern
    .replace(/\\./g, (pair) => (/\\[1-9k]/.test(pair) ? '\u0001' : 'x'))
    .replace(/\[[^\]]*\]/g, 'c');
  if (bare.includes('\u0001')) return false;
  /** For each open group: whether it holds something of variable length. */
  const open: boolean[] = [];
  let inner = false;
  for (let at = 0; at < bare.length; at += 1) {
    const letter = bare[at];
    if (letter === '(') {
      open.push(inner);
      inner = false;
    } else if (letter === '|') inner = true;
    else if (letter === ')') {
      const before = open.pop() ?? false;
      const repeat = repeatAt(bare, at + 1);
      if (inner && (repeat.most === Number.POSITIVE_INFINITY || repeat.most > 32)) return false;
      inner = before || inner || repeat.most !== repeat.least;
    } else {
      const repeat = repeatAt(bare, at + 1);
      if (repeat.most !== repeat.least && !'*+?{}'.includes(letter ?? '')) inner = true;
    }
  }
  return true;
}

function repeatAt(pattern: string, at: number): { least: number; most: number } {
  const letter = pattern[at];
  if (letter === '*') return { least: 0, most: Number.POSITIVE_INFINITY };
  if (letter === '+') return { least: 1, most: Number.POSITIVE_INFINITY };
  if (letter === '?') return { least: 0, most: 1 };
  const found = /^\{(\d+)(,(\d*))?\}/.exec(pattern.slice(at, at + 20));
  if (found === null) return { least: 1, most: 1 };
  const least = Number(found[1]);
  if (found[2] === undefined) return { least, most: least };
  return { least, most: found[3] === '' ? Number.POSITIVE_INFINITY : Number(found[3]) };
}
