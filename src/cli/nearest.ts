/** Closest known name within two edits. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [best] = nearestNames(name, known, 1);
  return best !== undefined && edits(name, best) < 3 ? best : undefined;
}

/**
 * The `count` known names that differ least from `name`; one with a word that is it but for a slip is near too. Of equals the
 * earlier one first.
 */
export function nearestNames(name: string, known: readonly string[], count: number): string[] {
  return known
    .map((candidate) => {
      const words = candidate.split(/[-:/]/);
      const slip = words.length > 1 && words.some((word) => edits(name, word) < 2);
      return { candidate, distance: Math.min(edits(name, candidate), slip ? 2 : Infinity) };
    })
    .sort((a, b) => a.distance - b.distance)
    .slice(0, count)
    .map(({ candidate }) => candidate);
}

function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
