import type { View } from './view.ts';

/** What agents ask a network for. */
const WANTED =
  /supi|gpsi|msisdn|imsi|ueid|phone|ipv4|address|device|qos|5qi|arp|dnn|snssai|slice|bandwidth|bitrate|rate|latenc|delay|jitter|loss|priorit|area|cell|tai|tac|plmn|region|location|radius|latitude|longitude|time|start|stop|end|expir|duration|period|status|state|event|threshold|load|nftype|nfinstance|profile|media|flow|session|application|appid|server|port|power|coverage|filter|name|type|reason|cause|amount|volume|limit|max/i;
/** What matters to machines, or to nobody. */
const UNWANTED =
  /supp?feat|supportedfeat|^ext|vendor|trace|callback|websock|testnotif|requesttest|credential|^sink|notif|href|^self|^@|schemalocation|etag|ifmatch|if-|correlat|legacy|accessidentifier|deprecat|charg|sms|roam|hplmn|vplmn|n9|n16|binding|lcs|wlan|ladn|eps|mme|sgsn|gli|gci|cag/i;

/** How much an optional field is wanted; a higher one is taken earlier. */
export function scoreOf(at: readonly string[], view: View, description: string): number {
  const name = at.at(-1) ?? '';
  let score = 12 - 3 * Math.max(0, at.length - 2);
  if (WANTED.test(name)) score += 4;
  if (at.slice(1).some((step) => UNWANTED.test(step))) score -= 8;
  if (view.example !== undefined) score += 2;
  if (view.enum !== undefined) score += 1;
  if (view.type !== 'object' && view.type !== 'array') score += 2;
  if (view.mixed || view.type === undefined) score -= 3;
  if (/deprecated|reserved for|not supported|RESERVED/.test(description)) score -= 8;
  return score;
}
