/** The quantile of sorted values by nearest rank: `p` in 0..1. NaN of none. */
export function quantile(sorted: ArrayLike<number>, p: number): number {
  const n = sorted.length;
  return n === 0 ? Number.NaN : (sorted[Math.min(n - 1, Math.floor(p * n))] as number);
}

export const ascending = (values: Iterable<number>): Float64Array => Float64Array.from(values).sort();

/** Largest distance between two empirical distribution functions (Kolmogorov and Smirnov). */
export function ksDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let i = 0;
  let j = 0;
  let most = 0;
  while (i < a.length && j < b.length) {
    const x = Math.min(a[i] as number, b[j] as number);
    while (i < a.length && (a[i] as number) <= x) i++;
    while (j < b.length && (b[j] as number) <= x) j++;
    most = Math.max(most, Math.abs(i / a.length - j / b.length));
  }
  return most;
}
