/**
 * Admission of GBR flows to one cell by allocation and retention priority (TS 23.501 5.7.2.2). ARP
 * decides who gets in and who has to go; the 5QI priority decides only the order of scheduling.
 */
export interface Claim {
  /** PRBs that the guaranteed rates take, downlink and uplink. */
  needDl: number;
  needUl: number;
  arp: number;
  mayPreempt: boolean;
  preemptable: boolean;
  /** In: was admitted here before. Out: is admitted now. */
  admitted: boolean;
  /** Breaks ties, so that the result does not depend on the order of arrival in a list. */
  order: number;
}

const fits = (used: number, need: number, limit: number) => used + need <= limit + 1e-9;

/**
 * Keeps who is admitted (also when their needs have grown: then the scheduler's order decides), lets
 * others in while their needs fit under the limits, and pre-empts weaker flows for who may.
 */
export function admit(claims: Claim[], limitDl: number, limitUl: number): void {
  let dl = 0;
  let ul = 0;
  for (const claim of claims) {
    if (!claim.admitted) continue;
    dl += claim.needDl;
    ul += claim.needUl;
  }
  const waiting = claims.filter((c) => !c.admitted).sort((a, b) => a.arp - b.arp || a.order - b.order);
  for (const claim of waiting) {
    if (claim.needDl > limitDl || claim.needUl > limitUl) continue;
    const victims: Claim[] = [];
    let freeDl = dl;
    let freeUl = ul;
    if (claim.mayPreempt && !(fits(dl, claim.needDl, limitDl) && fits(ul, claim.needUl, limitUl))) {
      const weaker = claims
        .filter((c) => c.admitted && c.preemptable && c.arp > claim.arp)
        .sort((a, b) => b.arp - a.arp || b.order - a.order);
      for (const victim of weaker) {
        if (fits(freeDl, claim.needDl, limitDl) && fits(freeUl, claim.needUl, limitUl)) break;
        victims.push(victim);
        freeDl -= victim.needDl;
        freeUl -= victim.needUl;
      }
    }
    if (!(fits(freeDl, claim.needDl, limitDl) && fits(freeUl, claim.needUl, limitUl))) continue;
    for (const victim of victims) victim.admitted = false;
    claim.admitted = true;
    dl = freeDl + claim.needDl;
    ul = freeUl + claim.needUl;
  }
}
