const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?/;

/** Orders two semantic versions (SemVer 2.0.0, clause 11): below 0 where `a` is the older. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [VERSION.exec(a), VERSION.exec(b)];
  if (left === null || right === null) return a < b ? -1 : a > b ? 1 : 0;
  for (let part = 1; part <= 3; part += 1) {
    const difference = Number(left[part]) - Number(right[part]);
    if (difference !== 0) return difference;
  }
  // A version under preparation is older than the one that it prepares.
  if (left[4] === undefined || right[4] === undefined)
    return left[4] === right[4] ? 0 : left[4] === undefined ? 1 : -1;
  return comparePre(left[4].split('.'), right[4].split('.'));
}

function comparePre(a: string[], b: string[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const [left, right] = [a[at], b[at]];
    if (left === undefined) return -1;
    if (right === undefined) return 1;
    if (left === right) continue;
    const [x, y] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (x && y) return Number(left) - Number(right);
    if (x !== y) return x ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return 0;
}
