import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Env } from '../../../machines/ports.ts';
import type { ContextRef, OpenedContext } from '../schema/index.ts';
import type { ContextLimits } from './limits.ts';
import { beyond, type Meta, notOwner, type Tx, unknownContext } from './meta.ts';
import { dropSchedules } from './schedule.ts';
import type { ContextRows, ContextStore } from './store.ts';

interface Member {
  endpoints: string[];
  term: string;
  /** Its lease, renewed by its heartbeat. */
  until: number;
}

/** A context in the list of all. */
interface Entry {
  agent: string;
  expiresAt: number;
  /** It belongs to one execution. */
  execution: boolean;
  finished: boolean;
}

export type Place =
  | { at: 'here' }
  /** Another server owns it and its lease is alive. */
  | { at: 'owner'; serverId: string; endpoints: string[] }
  /** Its owner is gone: it can be taken over. */
  | { at: 'orphan' }
  | { at: 'nowhere' };

/** The contexts of one server: who owns them, who may use them, and what changes them (NetMCP 7). */
export interface Contexts {
  open(agent: string, ttlMs?: number): OpenedContext;
  /** Where a context is, for somebody who may use it; for others it is nowhere. */
  locate(agent: string, ref: ContextRef): Place;
  /** Takes the ownership: at once with `force`, else only from an owner that is gone. @throws RpcError -32011 */
  claim(contextId: string, force: boolean): Meta;
  /** A context of an execution, opened if it is not there. @throws RpcError -32011 */
  claimInternal(contextId: string, agent: string, force: boolean, ttlMs: number): Meta;
  /** A change by somebody who may use the context. @throws RpcError -32602, -32011 */
  use<R>(agent: string, ref: ContextRef, work: (tx: Tx) => R): R;
  /** A change by the server, in the epoch that it believes to be its own. @throws RpcError -32602, -32011 */
  within<R>(contextId: string, epoch: number | null, work: (tx: Tx) => R): R;
  has(contextId: string): boolean;
  /** True if the server of that id works, or has worked, on the same store. */
  knows(serverId: string): boolean;
  /** The execution that the context belongs to has ended; it is remembered for `ttlMs`. */
  finish(contextId: string, ttlMs: number): void;
  close(contextId: string): void;
  rows<R>(work: (rows: ContextRows) => R): R;
  /** Renews the lease of this server, and removes contexts whose time has come. */
  heartbeat(): void;
  leave(): void;
  /** Told of every context that was changed here. */
  onChange(listener: (contextId: string) => void): void;
}

// Secrets, and what must differ after a restart, never come from a seed.
const fresh = () => randomBytes(24).toString('base64url');
const digestOf = (secret: string) => createHash('sha256').update(secret).digest();

export function createContexts(options: {
  env: Env;
  serverId: string;
  endpoints(): string[];
  store: ContextStore;
  limits: ContextLimits;
  leaseMs: number;
}): Contexts {
  const { env, serverId, store, limits, leaseMs } = options;
  const term = fresh();
  const listeners: Array<(contextId: string) => void> = [];
  /** Whether the last transaction changed its context; who only reads wakes nobody. */
  let changed = false;

  const metaOf = (rows: ContextRows, contextId: string): Meta | undefined => {
    const meta = rows.get<Meta>(contextId, 'meta', '');
    return meta === undefined || meta.expiresAt <= env.clock.now() ? undefined : meta;
  };
  const mine = (meta: Meta) => meta.owner === serverId && meta.term === term;
  const memberOf = (rows: ContextRows, id: string) => rows.get<Member>('', 'server', id);
  const alive = (rows: ContextRows, meta: Meta) => {
    const member = memberOf(rows, meta.owner);
    return member !== undefined && member.term === meta.term && member.until > env.clock.now();
  };
  const refuse = (rows: ContextRows, meta: Meta) =>
    notOwner({ owner: meta.owner, url: memberOf(rows, meta.owner)?.endpoints[0] ?? '', epoch: meta.epoch });

  function allowed(meta: Meta | undefined, agent: string, ref: ContextRef): meta is Meta {
    if (meta === undefined) return false;
    const right =
      meta.secret !== '' &&
      meta.agent === agent &&
      timingSafeEqual(Buffer.from(meta.secret, 'hex'), digestOf(ref.secret));
    if (!right) env.log.warn({ agent, contextId: meta.contextId }, 'access to a context was denied');
    return right;
  }

  function create(rows: ContextRows, contextId: string, agent: string, secret: string, ttlMs: number): Meta {
    const own = secret === '';
    makeRoom(rows, agent, own);
    const meta: Meta = {
      contextId,
      agent,
      secret: secret === '' ? '' : digestOf(secret).toString('hex'),
      owner: serverId,
      term,
      epoch: 1,
      expiresAt: env.clock.now() + Math.min(ttlMs, limits.maxTtlMs),
      revision: 0,
      pruned: 0,
      bytes: 0,
      keys: 0,
      tombstones: 0,
      queues: 0,
      schedules: 0,
    };
    // A row of an expired context of this id may still be there.
    dropSchedules(rows, contextId);
    rows.drop(contextId);
    rows.put(contextId, 'meta', '', meta);
    const entry: Entry = { agent, expiresAt: meta.expiresAt, execution: own, finished: false };
    rows.put('', 'context', contextId, entry);
    return meta;
  }

  /** @throws RpcError -32014 */
  function makeRoom(rows: ContextRows, agent: string, execution: boolean): void {
    const all = rows.list<Entry>('', 'context').filter(({ value }) => value.execution === execution);
    const ofAgent = all.filter(({ value }) => value.agent === agent);
    const max = execution ? 'executionsOfAgent' : 'contextsOfAgent';
    const full = ofAgent.length >= limits[max] ? ofAgent : all.length >= limits.contexts ? all : null;
    if (full === null) return;
    const [oldest] = full
      .filter(({ value }) => value.finished)
      .sort((a, b) => a.value.expiresAt - b.value.expiresAt);
    if (oldest === undefined) {
      const limit = full === ofAgent ? max : 'contexts';
      throw beyond(limit, limits[limit]);
    }
    remove(rows, oldest.key);
  }

  function take(rows: ContextRows, meta: Meta, force: boolean): Meta {
    if (mine(meta)) return meta;
    if (!force && alive(rows, meta)) throw refuse(rows, meta);
    const taken = { ...meta, owner: serverId, term, epoch: meta.epoch + 1 };
    rows.put(meta.contextId, 'meta', '', taken);
    env.log.info({ contextId: meta.contextId, from: meta.owner, epoch: taken.epoch }, 'context taken over');
    return taken;
  }

  function change<R>(rows: ContextRows, meta: Meta, work: (tx: Tx) => R): R {
    if (!mine(meta)) throw refuse(rows, meta);
    const before = JSON.stringify(meta);
    const result = work({ rows, meta, limits, now: env.clock.now() });
    changed = JSON.stringify(meta) !== before;
    if (changed) rows.put(meta.contextId, 'meta', '', meta);
    return result;
  }

  function remove(rows: ContextRows, contextId: string): void {
    dropSchedules(rows, contextId);
    rows.drop(contextId);
    rows.delete('', 'context', contextId);
  }

  const tell = (contextId: string) => {
    for (const listener of listeners) listener(contextId);
  };

  return {
    open(agent, ttlMs) {
      const secret = fresh();
      // The id names its first owner, for servers that do not share the store.
      const contextId = `${serverId}:${fresh()}`;
      const meta = store.transact((rows) => create(rows, contextId, agent, secret, ttlMs ?? limits.ttlMs));
      return { contextId, secret, owner: serverId, epoch: meta.epoch, expiresAt: meta.expiresAt };
    },
    locate: (agent, ref) =>
      store.transact((rows) => {
        const meta = metaOf(rows, ref.contextId);
        if (!allowed(meta, agent, ref)) return { at: 'nowhere' };
        if (mine(meta)) return { at: 'here' };
        if (!alive(rows, meta)) return { at: 'orphan' };
        return { at: 'owner', serverId: meta.owner, endpoints: memberOf(rows, meta.owner)?.endpoints ?? [] };
      }),
    claim: (contextId, force) =>
      store.transact((rows) => {
        const meta = metaOf(rows, contextId);
        if (meta === undefined) throw unknownContext();
        return take(rows, meta, force);
      }),
    claimInternal: (contextId, agent, force, ttlMs) =>
      store.transact((rows) => {
        const meta = metaOf(rows, contextId);
        return meta === undefined ? create(rows, contextId, agent, '', ttlMs) : take(rows, meta, force);
      }),
    use(agent, ref, work) {
      const result = store.transact((rows) => {
        const meta = metaOf(rows, ref.contextId);
        if (!allowed(meta, agent, ref)) throw unknownContext();
        return change(rows, meta, work);
      });
      if (changed) tell(ref.contextId);
      return result;
    },
    within(contextId, epoch, work) {
      const result = store.transact((rows) => {
        const meta = metaOf(rows, contextId);
        if (meta === undefined) throw unknownContext();
        if (epoch !== null && meta.epoch !== epoch) throw refuse(rows, meta);
        return change(rows, meta, work);
      });
      if (changed) tell(contextId);
      return result;
    },
    has: (contextId) => store.transact((rows) => metaOf(rows, contextId) !== undefined),
    knows: (id) => store.transact((rows) => memberOf(rows, id) !== undefined),
    finish: (contextId, ttlMs) =>
      store.transact((rows) => {
        const entry = rows.get<Entry>('', 'context', contextId);
        const meta = metaOf(rows, contextId);
        if (entry?.execution !== true || meta === undefined) return;
        const expiresAt = env.clock.now() + ttlMs;
        rows.put('', 'context', contextId, { ...entry, expiresAt, finished: true } satisfies Entry);
        rows.put(contextId, 'meta', '', { ...meta, expiresAt });
      }),
    close(contextId) {
      store.transact((rows) => remove(rows, contextId));
      tell(contextId);
    },
    rows: (work) => store.transact(work),
    heartbeat: () =>
      store.transact((rows) => {
        const now = env.clock.now();
        rows.put('', 'server', serverId, {
          endpoints: options.endpoints(),
          term,
          until: now + leaseMs,
        } satisfies Member);
        for (const { key, value } of rows.list<Entry>('', 'context'))
          if (value.expiresAt <= now) remove(rows, key);
      }),
    leave: () =>
      store.transact((rows) => {
        const member = memberOf(rows, serverId);
        // The row stays: it says that this server worked on this store.
        if (member?.term === term) rows.put('', 'server', serverId, { ...member, until: 0 });
      }),
    onChange: (listener) => void listeners.push(listener),
  };
}
