import { failBus } from '../../errors.ts';
import { parseAgentId } from '../topics.ts';

/** A pool of agents that serve the same requests. */
export interface PoolId {
  org: string;
  unit: string;
  pool: string;
}

/** Profile 0.1: one level deeper than a request topic, so an agent named `pool` does not clash. */
const POOL_TOPIC = /^\$a2a\/v1\/request\/([^/]+)\/([^/]+)\/pool\/([^/]+)$/;

/** What a dispatcher subscribes to. */
export const POOL_FILTER = '$a2a/v1/request/+/+/pool/+';

/** The topic to which requests for a pool go. @throws BUS_ID_INVALID */
export function poolTopic(org: string, unit: string, pool: string): string {
  const id = `${org}/${unit}/${pool}`;
  if (parseAgentId(id) === null) throw failBus('BUS_ID_INVALID', { id });
  return `$a2a/v1/request/${org}/${unit}/pool/${pool}`;
}

/** Takes the topic of a pool apart; null for every other topic. */
export function parsePoolTopic(topic: string): PoolId | null {
  const [, org, unit, pool] = POOL_TOPIC.exec(topic) ?? [];
  if (org === undefined || unit === undefined || pool === undefined) return null;
  return parseAgentId(`${org}/${unit}/${pool}`) === null ? null : { org, unit, pool };
}
