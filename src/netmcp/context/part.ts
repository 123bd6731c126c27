import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import type { Peers } from '../anchor/peers.ts';
import { PeerLost, rpcOf } from '../anchor/problem.ts';
import { type ContextRef, contextOpenParamsSchema, METHODS, NOTIFICATIONS } from '../schema/index.ts';
import type { McpPeer, RequestContext, ServerPart, VendorMethod } from '../session/server-session.ts';
import type { Contexts, Place } from './contexts.ts';
import { changesOf } from './keys.ts';
import { beyond, unknownContext } from './meta.ts';
import { contextOperations, type Operation, readParams } from './operations.ts';
import type { Waiting } from './waiting.ts';

export interface ContextPart extends ServerPart {
  close(): void;
}

interface Subscription {
  peer: McpPeer;
  prefix: string;
  /** The last revision that it was told of. */
  told: number;
}

/**
 * The methods of execution contexts (NetMCP 7). A context that is owned elsewhere is reached through its
 * owner; one whose owner is gone is taken over, if this server shares its store.
 */
export function contextPart(options: {
  env: Env;
  contexts: Contexts;
  peers: Peers;
  waiting: Waiting;
  maxWatchers: number;
  scheduled(): void;
}): ContextPart {
  const { env, contexts, peers, waiting } = options;
  const subscriptions = new Map<string, Subscription[]>();

  const operations = contextOperations({
    env,
    contexts,
    waiting,
    scheduled: options.scheduled,
    subscribe(peer, contextId, prefix) {
      const there = (subscriptions.get(contextId) ?? []).filter((one) => one.peer !== peer);
      if (there.length >= options.maxWatchers) throw beyond('watchers', options.maxWatchers);
      const told = contexts.within(contextId, null, (tx) => tx.meta.revision);
      subscriptions.set(contextId, [...there, { peer, prefix, told }]);
    },
  });

  contexts.onChange((contextId) => {
    waiting.wake(contextId);
    const there = subscriptions.get(contextId);
    if (there === undefined) return;
    try {
      for (const one of there) {
        const { revision, changes } = contexts.within(contextId, null, (tx) =>
          changesOf(tx, one.prefix, one.told),
        );
        one.told = revision;
        for (const { key, revision: at, deleted } of changes)
          one.peer.notify(NOTIFICATIONS.context, { contextId, key, revision: at, deleted });
      }
    } catch (error) {
      // Closed, or owned by another server now: its watchers ask there.
      subscriptions.delete(contextId);
      env.log.debug({ contextId, error: String(error) }, 'watching has ended');
    }
  });

  /** Runs the method at the owner, in the name of the agent. */
  async function forward(
    to: { serverId: string; endpoints: string[] },
    method: string,
    params: ContextRef & Record<string, unknown>,
    { identity, signal }: RequestContext,
  ): Promise<Record<string, unknown>> {
    // A subscription ends here: the notifications of the owner would not reach our client.
    const passed = { ...params, ...(params.subscribe === true && { subscribe: false }) };
    const waitMs = typeof params.waitMs === 'number' ? params.waitMs : 0;
    try {
      return await peers
        .session(identity, { ...to, url: to.endpoints[0] ?? '', digest: '' })
        .request(method, passed, z.looseObject({}), { timeoutMs: 5_000 + waitMs, signal });
    } catch (error) {
      throw rpcOf(error);
    }
  }

  async function reach(
    method: string,
    one: Operation,
    params: ContextRef & Record<string, unknown>,
    peer: McpPeer,
    request: RequestContext,
  ): Promise<Record<string, unknown>> {
    const { agent } = request.identity;
    let place: Place = contexts.locate(agent, params);
    if (place.at === 'nowhere') {
      const first = params.contextId.split(':')[0] as string;
      const owner = contexts.knows(first) ? undefined : await peers.find(first).catch(() => undefined);
      if (owner === undefined) throw unknownContext();
      return forward(owner, method, params, request);
    }
    if (place.at === 'owner') {
      try {
        return await forward(place, method, params, request);
      } catch (error) {
        if (!(error instanceof PeerLost) || request.signal.aborted) throw error;
        env.log.warn({ contextId: params.contextId, owner: place.serverId }, 'the owner cannot be reached');
      }
    }
    if (place.at !== 'here') {
      contexts.claim(params.contextId, place.at === 'owner');
      options.scheduled();
      place = { at: 'here' };
    }
    return one.run(params, peer, request);
  }

  const methods = new Map<string, VendorMethod>(
    [...operations].map(([method, one]) => [
      method,
      (peer, params, request) => reach(method, one, one.read(params), peer, request),
    ]),
  );
  methods.set(METHODS.contextOpen, async (_, params, { identity }) => ({
    ...contexts.open(identity.agent, readParams(contextOpenParamsSchema, params).ttlMs),
  }));

  return {
    features: ['context'],
    methods,
    onClose(peer) {
      for (const [contextId, there] of subscriptions) {
        const left = there.filter((one) => one.peer !== peer);
        if (left.length === 0) subscriptions.delete(contextId);
        else subscriptions.set(contextId, left);
      }
    },
    close: () => waiting.wakeAll(),
  };
}
