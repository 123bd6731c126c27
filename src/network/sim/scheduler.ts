/**
 * Resource shares of one cell in one second and one direction. PRBs are averages over the slots of
 * the second, so they need not be whole.
 */

/**
 * Weighted max-min share: gives everybody up to its need, and what is short in proportion to the
 * weights. With equal weights this is the long-run result of proportional fair scheduling.
 * Writes to `grants`; returns the PRBs given away, never more than `capacity`.
 */
export function shareByWeight(
  capacity: number,
  needs: Float64Array,
  weights: Float64Array,
  grants: Float64Array,
  count: number,
): number {
  let total = 0;
  for (let i = 0; i < count; i++) total += needs[i] as number;
  if (total <= capacity) {
    for (let i = 0; i < count; i++) grants[i] = needs[i] as number;
    return total;
  }
  grants.fill(-1, 0, count);
  let left = Math.max(0, capacity);
  for (;;) {
    let weight = 0;
    for (let i = 0; i < count; i++) if (grants[i] === -1) weight += weights[i] as number;
    if (weight <= 0) break;
    const each = left / weight;
    let settled = false;
    for (let i = 0; i < count; i++) {
      if (grants[i] !== -1 || (needs[i] as number) > each * (weights[i] as number)) continue;
      grants[i] = needs[i] as number;
      left -= needs[i] as number;
      settled = true;
    }
    if (settled) continue;
    for (let i = 0; i < count; i++) if (grants[i] === -1) grants[i] = each * (weights[i] as number);
    left = 0;
    break;
  }
  for (let i = 0; i < count; i++) if (grants[i] === -1) grants[i] = 0;
  return Math.min(capacity, capacity - left);
}

/** Full service in order, the last one what is left: GBR flows by priority. Returns the PRBs given. */
export function shareInOrder(capacity: number, needs: readonly number[], grants: number[]): number {
  let left = Math.max(0, capacity);
  for (let i = 0; i < needs.length; i++) {
    const grant = Math.min(left, needs[i] as number);
    grants[i] = grant;
    left -= grant;
  }
  return Math.max(0, capacity) - left;
}
