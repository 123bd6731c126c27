import type { AgentCard } from '@a2a-js/sdk';
import { BINDING } from '../card.ts';
import type { AgentPresence } from '../discovery.ts';
import { requestTopic } from '../topics.ts';
import { poolsOf } from './extension.ts';

export const servesPool = ({ id, status, card }: AgentPresence, pool: string) =>
  status === 'online' && poolsOf(id, card).includes(pool);

/** The card of a pool is that of any member, with the address of the pool. */
export function poolCard(pool: string, member: AgentCard): AgentCard {
  const supportedInterfaces = member.supportedInterfaces
    .filter(({ protocolBinding }) => protocolBinding === BINDING)
    .map((each) => ({ ...each, url: each.url.replace(/\/\$a2a\/.*$/, `/${requestTopic(pool)}`) }));
  return { ...member, supportedInterfaces, signatures: [] };
}

/** Who serves which pool, how busy each is, and whose turn it is among equals. */
export class PoolMembers {
  readonly #agents = new Map<string, { live: boolean; pools: readonly string[] }>();
  readonly #open = new Map<string, number>();
  readonly #turn = new Map<string, number>();
  #turns = 0;
  readonly #mayServe: (id: string) => boolean;

  constructor(mayServe: (id: string) => boolean) {
    this.#mayServe = mayServe;
  }

  update({ id, status, card }: AgentPresence): void {
    this.#agents.set(id, { live: status === 'online', pools: poolsOf(id, card) });
  }

  isLive(id: string): boolean {
    return this.#agents.get(id)?.live ?? false;
  }

  /** The live member with the fewest open tasks; among equals the one that waits longest. */
  choose(pool: string, avoid: readonly string[] = []): string | undefined {
    const rank = (id: string) => [this.#open.get(id) ?? 0, this.#turn.get(id) ?? 0] as const;
    let best: string | undefined;
    for (const [id, { live, pools }] of this.#agents) {
      if (!live || !pools.includes(pool) || avoid.includes(id) || !this.#mayServe(id)) continue;
      if (best === undefined || isBefore(rank(id), rank(best))) best = id;
    }
    if (best !== undefined) this.#turn.set(best, ++this.#turns);
    return best;
  }

  count(id: string, by: 1 | -1): void {
    this.#open.set(id, Math.max(0, (this.#open.get(id) ?? 0) + by));
  }

  /** Open tasks of each member of a pool. */
  load(pool: string): Record<string, { live: boolean; open: number }> {
    return Object.fromEntries(
      [...this.#agents]
        .filter(([, { pools }]) => pools.includes(pool))
        .map(([id, { live }]) => [id, { live, open: this.#open.get(id) ?? 0 }]),
    );
  }
}

const isBefore = (a: readonly [number, number], b: readonly [number, number]) =>
  a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
