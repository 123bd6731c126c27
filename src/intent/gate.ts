import type { Understanding } from './types.ts';

type Refusal = Extract<Understanding, { kind: 'refused' }>;

export const MAX_LENGTH = 2000;

const UNSAFE =
  /\b(?:ignore|disregard|forget|override|bypass)\b.{0,40}\b(?:instruction|rule|prompt|polic|previous|above|guideline)|\bsystem prompt\b|\byou are now\b|\bjailbreak\b|\b(?:delete|drop|remove|wipe|erase|destroy|shut ?down|switch off|turn off|disable|reboot|hack|kill|jam|block|disconnect)\b.{0,40}\b(?:firewall|rules|cells?|base stations?|networks?|subscribers?|core|databases?|gnbs?|slices?|amf|smf|pcf|policies|everyone|other users?|all users?|other people)\b|\brm -rf\b|<script\b|\bdrop table\b/i;
const OFF_TOPIC =
  /\b(?:joke|weather|recipe|poem|translate|homework|capital of|stock price|essay|horoscope|who (?:is|was|won)|what (?:is|are|does)|tell me about|how (?:do|does|to|many|much)|write (?:me|a|an)|explain)\b|\b(?:book|buy|order|reserve|cancel)\b.{0,20}\b(?:flight|ticket|hotel|table|pizza|taxi|room)s?\b/i;
const NEED =
  /\b(?:assur\w+|guarante\w+|network|connection|coverage|bandwidth|signal|quality|latency|mbps|uninterrupted|smooth|stable|reliable)\b/i;
const ENGLISH =
  /\b(?:i|i'm|i'll|we|my|the|a|an|to|in|on|at|need|want|will|and|for|have|with|is|please|me|tomorrow|tonight|today)\b/gi;
const FOREIGN =
  /\b(?:ich|und|morgen|nach|eine?n?|muss|heute|je|demain|avec|pour|une|vais|mañana|voy|una|con|para|domani|devo|sono|quiero|necesito|brauche|möchte|ik|een|naar|amanhã)\b/gi;

/** Refuses what is no request to the network, before anything is read out of it. */
export function gate(text: string, whole: string): Refusal | undefined {
  if (text.trim() === '') return refuse('INTENT_EMPTY', 'Nothing was said.');
  if (text.length > MAX_LENGTH || whole.length > 4 * MAX_LENGTH) {
    return refuse('INTENT_TOO_LONG', `More than ${MAX_LENGTH} characters: say it in a sentence or two.`);
  }
  if (UNSAFE.test(text.replace(/\s+/g, ' '))) {
    return refuse(
      'INTENT_UNSAFE',
      'This asks to change the network or its rules, not for a service of your own.',
    );
  }
  const letters = text.match(/\p{L}/gu)?.length ?? 0;
  const latin = text.match(/\p{Script=Latin}/gu)?.length ?? 0;
  if (letters > 0 && latin < letters * 0.7)
    return refuse('INTENT_LANGUAGE', 'Only English is understood so far.');
  const foreign = text.match(FOREIGN)?.length ?? 0;
  if (foreign >= 2 && foreign > (text.match(ENGLISH)?.length ?? 0)) {
    return refuse('INTENT_LANGUAGE', 'Only English is understood so far.');
  }
  if (OFF_TOPIC.test(text) && !NEED.test(whole)) return notNetwork();
  return undefined;
}

export const asksForNetwork = (text: string) => NEED.test(text);

export function notNetwork(): Refusal {
  return refuse(
    'INTENT_NOT_NETWORK',
    'No need of the network is in this: say which service you use, where you go and when.',
  );
}

function refuse(code: Refusal['code'], reason: string): Refusal {
  return { kind: 'refused', code, reason };
}
