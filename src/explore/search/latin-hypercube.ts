import type { Random } from '../../../machines/ports.ts';

/** `n` points of the unit cube of which each n-th of each dimension has exactly one. */
export function latinHypercube(dimensions: number, n: number, random: Random): number[][] {
  const columns = Array.from({ length: dimensions }, () => {
    const order = Array.from({ length: n }, (_, i) => i);
    for (let i = n - 1; i > 0; i--) {
      const j = Math.floor(random.next() * (i + 1));
      [order[i], order[j]] = [order[j] as number, order[i] as number];
    }
    return order.map((slot) => (slot + random.next()) / n);
  });
  return Array.from({ length: n }, (_, i) => columns.map((column) => column[i] as number));
}
