/**
 * Proportional fairness over one tick as a fluid: maximises Σ w log(mean') where mean' is the average
 * rate after the tick. The solution is x = clamp(w·μ − credit, 0, need), with `credit` the PRBs that the
 * average so far is worth, and one level μ for all that makes Σ x the capacity. With no memory this is
 * the weighted max-min share.
 *
 * Writes PRBs to `grants`; returns their sum, never more than `capacity`.
 */
export function shareFairly(
  capacity: number,
  needs: Float64Array,
  weights: Float64Array,
  credits: Float64Array,
  grants: Float64Array,
  count: number,
): number {
  let wanted = 0;
  for (let i = 0; i < count; i++) wanted += needs[i] as number;
  if (wanted <= capacity) {
    for (let i = 0; i < count; i++) grants[i] = needs[i] as number;
    return wanted;
  }
  if (capacity <= 0) {
    grants.fill(0, 0, count);
    return 0;
  }
  // Σ x(μ) is monotone and piecewise linear: Newton's step where it stays in the bracket, else bisection.
  let low = 0;
  let high = 0;
  for (let i = 0; i < count; i++) {
    const need = needs[i] as number;
    if (need <= 0) continue;
    // At this level everybody has all that it needs, or the whole capacity.
    const top = (Math.min(need, capacity) + (credits[i] as number)) / (weights[i] as number);
    if (top > high) high = top;
  }
  let level = high;
  for (let step = 0; step < 60; step++) {
    let sum = 0;
    let slope = 0;
    for (let i = 0; i < count; i++) {
      const need = needs[i] as number;
      const weight = weights[i] as number;
      const x = weight * level - (credits[i] as number);
      if (x <= 0 || need <= 0) continue;
      if (x >= need) sum += need;
      else {
        sum += x;
        slope += weight;
      }
    }
    const miss = capacity - sum;
    if (miss < 1e-9 * capacity && miss > -1e-9 * capacity) break;
    if (miss > 0) low = level;
    else high = level;
    const next = slope > 0 ? level + miss / slope : (low + high) / 2;
    level = next > low && next < high ? next : (low + high) / 2;
    if (high - low <= 1e-12 * high) break;
  }
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const need = needs[i] as number;
    const x = (weights[i] as number) * level - (credits[i] as number);
    const grant = need <= 0 || x <= 0 ? 0 : Math.min(x, need);
    grants[i] = grant;
    sum += grant;
  }
  if (sum <= capacity) return sum;
  const scale = capacity / sum;
  for (let i = 0; i < count; i++) grants[i] = (grants[i] as number) * scale;
  return capacity;
}
