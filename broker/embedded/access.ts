import { POOL_FILTER, parsePoolTopic } from '../a2a/pools/topic.ts';
import { parseTopic, type TopicName } from '../a2a/topics.ts';
import type { Identity, Member } from './identity.ts';

/** Who may do what with which topic. Pure: a decision or the reason against it. */

export type Refusal =
  | 'foreign-topic'
  | 'guest'
  | 'card-not-retained'
  | 'card-too-large'
  | 'card-not-json'
  | 'card-invalid'
  | 'text-invalid'
  | 'request-retained'
  | 'response-topic-foreign'
  | 'reply-not-asked'
  | 'reply-retained'
  | 'wildcard'
  | 'shared-subscription';

export interface Publication {
  topic: string;
  retain: boolean;
  payload: Buffer | string;
  responseTopic?: string | undefined;
  contentType?: string | undefined;
  userProperties?: object | undefined;
}

const MAX_CARD_BYTES = 65_536;

/**
 * Decides whether `who` may publish this. `asked` tells whether a reply topic came with a request that
 * was delivered to `who`; nobody else can answer there.
 */
export function refusesPublish(
  who: Identity,
  packet: Publication,
  asked: (replyTopic: string) => boolean,
): Refusal | null {
  if (who.role === 'guest') return 'guest';
  if (!hasWellFormedTexts(packet)) return 'text-invalid';
  if (parsePoolTopic(packet.topic) !== null) return refusesRequest(who, packet);
  const name = parseTopic(packet.topic);
  if (name === null) return 'foreign-topic';
  switch (name.use) {
    case 'discovery':
      return name.owner === who.key ? refusesCard(packet) : 'foreign-topic';
    case 'event':
      return name.owner === who.key ? null : 'foreign-topic';
    case 'request':
      return refusesRequest(who, packet);
    case 'reply':
      // A kept reply would outlive the asker, and cost the broker a topic for every suffix.
      if (packet.retain) return 'reply-retained';
      // A dispatcher passes replies on, also after a restart, when nobody remembers who asked.
      return who.role === 'dispatcher' || asked(packet.topic) ? null : 'reply-not-asked';
  }
}

function refusesCard(packet: Publication): Refusal | null {
  if (!packet.retain) return 'card-not-retained';
  if (Buffer.byteLength(packet.payload) > MAX_CARD_BYTES) return 'card-too-large';
  if (packet.payload.length === 0) return null; // unregisters
  let card: unknown;
  try {
    card = JSON.parse(packet.payload.toString());
  } catch {
    return 'card-not-json';
  }
  return isCard(card) ? null : 'card-invalid';
}

/** What everybody who lists agents relies on (A2A 1.0, 8.3); the rest is for the reader to judge. */
function isCard(card: unknown): boolean {
  if (typeof card !== 'object' || card === null || Array.isArray(card)) return false;
  // ProtoJSON leaves empty lists out: a card without skills has none.
  const { name, version, skills = [], supportedInterfaces } = card as Record<string, unknown>;
  const isText = (value: unknown) => typeof value === 'string' && value !== '' && isWellFormed(value);
  const isList = (value: unknown) =>
    Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null);
  return isText(name) && isText(version) && isList(skills) && isList(supportedInterfaces);
}

/**
 * MQTT 5, 1.5.4: neither NUL nor, here, any control character or non-character. The pinned parser reads
 * ill-formed UTF-8 as U+FFFD, so that one is taken for a sign of it.
 */
export function isWellFormed(text: string): boolean {
  return text.isWellFormed() && !/[\p{Cc}\ufffd\ufdd0-\ufdef\ufffe\uffff]/u.test(text);
}

/** Texts of a packet other than its topics, which have patterns of their own. */
function hasWellFormedTexts({ contentType, userProperties }: Publication): boolean {
  if (contentType !== undefined && !isWellFormed(contentType)) return false;
  return Object.entries(userProperties ?? {}).every(
    // A value may hold line breaks, for all that MQTT says; a name is a name.
    ([name, value]) => isWellFormed(name) && !String(value).includes('\0') && String(value).isWellFormed(),
  );
}

/**
 * Replies go only to a topic of the asker: nobody can make an agent write to a third party. A dispatcher
 * passes on requests of others, whose replies go to them.
 */
function refusesRequest(who: Member, packet: Publication): Refusal | null {
  if (packet.retain) return 'request-retained';
  const reply = packet.responseTopic === undefined ? null : parseTopic(packet.responseTopic);
  if (reply?.use !== 'reply') return 'response-topic-foreign';
  return reply.owner === who.key || who.role === 'dispatcher' ? null : 'response-topic-foreign';
}

/** True for a message whose receiver may answer to its Response Topic. */
export function asksForReply(topic: string): boolean {
  return parseTopic(topic)?.use === 'request' || parsePoolTopic(topic) !== null;
}

/** Decides whether a message of this topic may be delivered to `who`; asked for every delivery. */
export function mayReceive(who: Identity, topic: string): boolean {
  // Members of a pool get its requests from the dispatcher, on their own topics.
  if (parsePoolTopic(topic) !== null) return who.role === 'dispatcher';
  const name = parseTopic(topic);
  return name !== null && mayRead(who, name);
}

function mayRead(who: Identity, name: TopicName): boolean {
  if (name.use === 'discovery') return true;
  if (who.role === 'guest') return false;
  return name.use === 'event' || name.owner === who.key;
}

/** Decides whether `who` may subscribe to this filter. */
export function refusesSubscribe(who: Identity, filter: string): Refusal | null {
  if (filter.startsWith('$share/')) return 'shared-subscription';
  const levels = filter.split('/');
  const [dollar, version, use, ...rest] = levels;
  if (levels[0] === '#' || levels[0] === '+') return 'wildcard';
  if (dollar !== '$a2a' || version !== 'v1') return 'foreign-topic';
  if (use === 'discovery' || use === 'event') {
    if (use === 'event' && who.role === 'guest') return 'guest';
    return coversOwners(rest) ? null : 'foreign-topic';
  }
  if (use !== 'request' && use !== 'reply') return 'foreign-topic';
  if (who.role === 'guest') return 'guest';
  if (filter === POOL_FILTER || parsePoolTopic(filter) !== null) {
    return who.role === 'dispatcher' ? null : 'foreign-topic';
  }
  // A wildcard at the end of one's own reply prefix stands for the suffixes.
  if (use === 'reply' && rest.length === 4 && (rest[3] === '+' || rest[3] === '#')) {
    return rest.slice(0, 3).join('/') === who.key ? null : 'foreign-topic';
  }
  const name = parseTopic(filter);
  return name !== null && name.owner === who.key ? null : 'foreign-topic';
}

/** Up to three levels of ids, any of them `+`, or a trailing `#`. */
function coversOwners(levels: string[]): boolean {
  const open = levels.at(-1) === '#';
  const ids = open ? levels.slice(0, -1) : levels;
  if (open ? ids.length > 3 : ids.length !== 3) return false;
  return ids.every((level) => level === '+' || /^[A-Za-z0-9_.-]{1,64}$/.test(level));
}
