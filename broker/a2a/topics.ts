import { failBus } from '../errors.ts';

/** Topics and identifiers of the A2A-over-MQTT profile 0.1. */

export interface AgentId {
  org: string;
  unit: string;
  agent: string;
}

/** Profile 0.1: every part of an id. No `/`, wildcard, NUL or `$` can occur in it. */
const ID_PART = /^[A-Za-z0-9_.-]{1,64}$/;
const ID = /^([A-Za-z0-9_.-]{1,64})\/([A-Za-z0-9_.-]{1,64})\/([A-Za-z0-9_.-]{1,64})$/;
const ROOT = '$a2a/v1';

/** `org/unit/agent`, or null when the text is no agent id. */
export function parseAgentId(text: string): AgentId | null {
  const [, org, unit, agent] = ID.exec(text) ?? [];
  return org && unit && agent ? { org, unit, agent } : null;
}

/** The id as text; it is also the MQTT client id. @throws BUS_ID_INVALID */
export function agentKey(id: AgentId | string): string {
  const text = typeof id === 'string' ? id : `${id.org}/${id.unit}/${id.agent}`;
  if (parseAgentId(text) === null) throw failBus('BUS_ID_INVALID', { id: text });
  return text;
}

export const DISCOVERY_FILTER = `${ROOT}/discovery/+/+/+`;

/** The cards of the unit to which an agent or pool belongs. */
export const unitFilter = (key: string) => `${ROOT}/discovery/${key.split('/').slice(0, 2).join('/')}/+`;
export const discoveryTopic = (key: string) => `${ROOT}/discovery/${key}`;
export const requestTopic = (key: string) => `${ROOT}/request/${key}`;
export const eventTopic = (key: string) => `${ROOT}/event/${key}`;
export const replyTopic = (key: string, suffix: string) => `${ROOT}/reply/${key}/${suffix}`;

export type TopicUse = 'discovery' | 'request' | 'event' | 'reply';

export interface TopicName {
  use: TopicUse;
  /** Agent that the topic belongs to. */
  owner: string;
  /** Levels after the owner; only a reply topic has one. */
  suffix: string;
}

/** Names taken apart before: every packet is judged several times, by few different topics. */
const known = new Map<string, TopicName | null>();
const MAX_KNOWN = 4_096;

/** Takes a topic name of the profile apart; null for every other topic. */
export function parseTopic(topic: string): TopicName | null {
  const earlier = known.get(topic);
  if (earlier !== undefined) return earlier;
  const name = takeApart(topic);
  if (known.size >= MAX_KNOWN) known.clear();
  if (topic.length < 512) known.set(topic, name);
  return name;
}

function takeApart(topic: string): TopicName | null {
  const [dollar, version, use, org, unit, agent, ...rest] = topic.split('/');
  if (`${dollar}/${version}` !== ROOT) return null;
  if (use !== 'discovery' && use !== 'request' && use !== 'event' && use !== 'reply') return null;
  const owner = `${org}/${unit}/${agent}`;
  if (parseAgentId(owner) === null) return null;
  if (rest.length !== (use === 'reply' ? 1 : 0)) return null;
  const suffix = rest[0] ?? '';
  if (use === 'reply' && !ID_PART.test(suffix)) return null;
  return { use, owner, suffix };
}

/** The pool (`org/unit/pool/name`) that a text names; an agent named `pool` is one level up. */
export function poolKey(text: string): string | null {
  const [org, unit, pool, name, ...rest] = text.split('/');
  if (pool !== 'pool' || name === undefined || rest.length > 0) return null;
  return parseAgentId(`${org}/${unit}/${name}`) === null ? null : text;
}

/**
 * The agent or pool that an `mqtt://host:port/$a2a/v1/request/org/unit/agent` address names, if it names
 * one.
 */
export function agentOfUrl(url: string): string | null {
  const at = url.indexOf(`/${ROOT}/request/`);
  if (at < 0) return null;
  const key = url.slice(at + `/${ROOT}/request/`.length);
  return parseAgentId(key) === null ? poolKey(key) : key;
}
