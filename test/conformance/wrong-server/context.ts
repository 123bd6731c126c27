import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { type Is, type Json, type Notify, Rpc, type Session } from './faults.ts';
import { wrongQueues } from './queues.ts';

interface Entry {
  value: unknown;
  revision: number;
  deleted: boolean;
}
interface Context {
  contextId: string;
  secret: string;
  agent: string;
  revision: number;
  keys: Map<string, Entry>;
  queues: ReturnType<typeof wrongQueues>;
  timers: Map<string, NodeJS.Timeout>;
  subscribers: Set<string>;
}
const MOST = 65_536;

/** Asks every few ms until there is something or the time is over. */
async function poll<T>(ask: () => T[], waitMs: number): Promise<T[]> {
  for (let left = waitMs; ; left -= 2) {
    const found = ask();
    if (found.length > 0 || left <= 0) return found;
    await wait(2);
  }
}

/** Execution contexts (NetMCP 7). */
export function wrongContexts(is: Is, notify: Notify) {
  const contexts = new Map<string, Context>();

  function open({ agent }: Session): Json {
    const contextId = randomUUID();
    const secret = is('one-secret')
      ? 'a'.repeat(32)
      : is('short-secret')
        ? randomUUID().slice(0, 8)
        : randomUUID();
    const queues = wrongQueues(is);
    const keys = new Map<string, Entry>();
    const context = { contextId, secret, agent, revision: 0, keys, queues };
    contexts.set(contextId, { ...context, timers: new Map(), subscribers: new Set() });
    return { contextId, secret, owner: 'wrong', epoch: 1, expiresAt: 1e15 };
  }

  function byRef({ contextId, secret }: Json, { agent }: Session): Context {
    const absent = new Rpc(-32602, 'Unknown context');
    const context = contexts.get(String(contextId));
    if (context === undefined) throw absent;
    if (context.agent !== agent && !is('secret-is-enough')) throw absent;
    if (context.secret !== secret && !is('any-secret'))
      throw is('secret-error-tells') ? new Rpc(-32602, 'Wrong secret') : absent;
    return context;
  }

  function write(context: Context, params: Json, deleted: boolean): number {
    const key = String(params.key);
    if (key.startsWith('$') && !is('writes-reserved')) throw new Rpc(-32602, 'A reserved name');
    const { value = null, ifRevision } = params;
    const before = context.keys.get(key);
    const at = before === undefined || before.deleted ? 0 : before.revision;
    if (ifRevision !== undefined && ifRevision !== at && !is('no-compare'))
      throw new Rpc(-32013, 'Conflict', is('conflict-says-nothing') ? undefined : { revision: at });
    if (JSON.stringify(value).length > MOST) {
      if (is('limit-loses-value')) context.keys.delete(key);
      if (is('limit-is-malformed')) throw new Rpc(-32602, 'Too large');
      throw new Rpc(-32014, 'Too large', { limit: 'value', max: MOST });
    }
    if (!is('revision-stands') || context.revision === 0) context.revision += 1;
    const { revision, contextId } = context;
    context.keys.set(key, { value: is('value-mangled') ? String(value) : value, revision, deleted });
    for (const session of is('subscribers-hear-nothing') ? [] : context.subscribers)
      notify(
        'notifications/netmcp/context/changed',
        { contextId, key, revision, deleted, ...(is('notification-tells-value') && { value }) },
        session,
      );
    return revision;
  }

  function get({ keys }: Context, key: string): Json {
    const { value, revision, deleted } = keys.get(key) ?? { value: null, revision: 0, deleted: true };
    const found = !deleted || (is('undead-key') && revision > 0);
    return { found, value: found ? value : null, revision };
  }

  async function watch(context: Context, params: Json, session: Session): Promise<Json> {
    const { prefix = '', since = 0, waitMs = 0, subscribe } = params as Record<string, string>;
    if (subscribe) context.subscribers.add(session.id);
    const changes = await poll(
      () =>
        [...context.keys]
          .map(([key, entry]) => ({ key, ...entry }))
          .filter(
            ({ key, revision }) =>
              revision > Number(since) && (is('watch-ignores-prefix') || key.startsWith(prefix)),
          )
          .filter(({ deleted }) => !deleted || !is('watch-hides-deletions')),
      is('watch-never-waits') ? 0 : Number(waitMs),
    );
    return { revision: context.revision, changes, complete: true };
  }

  function schedule({ timers, queues }: Context, params: Json): Json {
    const { after, at, every, action, scheduleId = randomUUID() } = params as Record<string, string>;
    if ((after ?? at ?? every) === undefined && !is('schedules-without-time')) throw new Rpc(-32602, 'When?');
    const { queue, message } = action as unknown as { queue: string; message: unknown };
    const due = () => {
      if (!is('never-due')) queues.publish(queue, message);
    };
    timers.set(scheduleId, setTimeout(due, Number(after ?? 0)).unref());
    return { scheduleId, dueAt: 0 };
  }

  function cancel({ timers }: Context, scheduleId: string): Json {
    clearTimeout(timers.get(scheduleId));
    const cancelled = timers.has(scheduleId);
    if (!is('cancels-twice')) timers.delete(scheduleId);
    return { cancelled };
  }

  return async (verb: string, params: Json, session: Session): Promise<Json> => {
    if (verb === 'open') return open(session);
    const context = byRef(params, session);
    const queue = String(params.queue);
    switch (verb) {
      case 'close':
        for (const timer of context.timers.values()) clearTimeout(timer);
        if (!is('closed-lives-on')) contexts.delete(context.contextId);
        return {};
      case 'get':
        return get(context, String(params.key));
      case 'set':
        return { revision: write(context, params, false) };
      case 'delete': {
        const deleted = get(context, String(params.key)).found === true;
        return { deleted, revision: write(context, { ...params, value: null }, true) };
      }
      case 'watch':
        return watch(context, params, session);
      case 'publish':
        if (queue.startsWith('$') && !is('writes-reserved')) throw new Rpc(-32602, 'A reserved name');
        return { seq: context.queues.publish(queue, params.message) };
      case 'consume':
        return {
          messages: await poll(() => context.queues.consume(queue, params), Number(params.waitMs ?? 0)),
        };
      case 'ack':
        return { acked: context.queues.ack(queue, params) };
      case 'schedule':
        return schedule(context, params);
      case 'cancel':
        return cancel(context, String(params.scheduleId));
      default:
        throw new Rpc(-32601, 'Method not found');
    }
  };
}
