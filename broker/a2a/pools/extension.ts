import type { AgentCard, AgentExtension } from '@a2a-js/sdk';
import { parseAgentId } from '../topics.ts';

/** Extension of a card that says which pools of its unit an agent serves: `{ "pools": ["radio"] }`. */
export const POOL_EXTENSION = 'urn:netagent:a2a-mqtt:pool:1';

export function poolExtension(pools: readonly string[]): AgentExtension {
  const description = 'Pools of its unit that this agent serves.';
  return { uri: POOL_EXTENSION, description, required: false, params: { pools: [...pools] } };
}

/** Pools that a card names, as `org/unit/pool/name`. A pool never reaches over its unit (profile 0.1). */
export function poolsOf(id: string, card: AgentCard): string[] {
  const params = card.capabilities?.extensions.find(({ uri }) => uri === POOL_EXTENSION)?.params;
  const names: unknown = params?.pools;
  const [org, unit] = id.split('/');
  if (!Array.isArray(names)) return [];
  return names
    .filter((name) => typeof name === 'string' && parseAgentId(`${org}/${unit}/${name}`) !== null)
    .map((name) => `${org}/${unit}/pool/${name}`);
}
