import { type ActorRefFrom, createActor } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import { type PooledTaskEvent, pooledTaskMachine } from '../../../machines/protocols/pooled-task.machine.ts';
import type { Bus } from '../../embedded/host.ts';
import { failBus } from '../../errors.ts';
import { type AgentPresence, Discovery } from '../discovery.ts';
import { bindingErrorReply } from '../envelope.ts';
import { type Message, openLink } from '../link.ts';
import { PROPERTY, readProperties } from '../properties.ts';
import type { Admission } from '../security/admission.ts';
import { agentKey, DISCOVERY_FILTER, parseTopic } from '../topics.ts';
import { PoolMembers } from './members.ts';
import { type Relay, Relays } from './relays.ts';
import { isSending, meaningOf, ownRequest, type PooledRequest, readRequest } from './request.ts';
import { POOL_FILTER, parsePoolTopic } from './topic.ts';

/** A task that a pool has taken up, as it is kept. */
export interface PoolEntry {
  pool: string;
  member: string | null;
  request: PooledRequest;
  path: { topic: string; correlation: string };
  /** Set when the task is another member's now, and this one is to be told when it is back. */
  revoked?: true;
}

/** Where open tasks of pools survive the dispatcher; every call is synchronous. */
export interface PoolStore {
  put(id: string, value: PoolEntry): void;
  delete(id: string): boolean;
  list(): Array<{ id: string; value: PoolEntry }>;
}

export interface DispatcherOptions {
  /** `org/unit/agent` under which the dispatcher is on the bus. */
  id: string;
  via: Bus | string;
  env: Env;
  store?: PoolStore;
  /** How long a member that lost its connection keeps its tasks, ms. */
  graceMs?: number;
  /** The same after a start, when everybody has still to come back, ms. */
  rejoinMs?: number;
  patienceMs?: number;
  /** Judges the cards of members; without it everybody may serve. */
  admission?: Admission;
}

export interface Dispatcher {
  /** Members of a pool (`org/unit/pool/name`), whether each is there, and its open tasks. */
  load(pool: string): Record<string, { live: boolean; open: number }>;
  /** Tasks that are not over. */
  open(): number;
  close(): Promise<void>;
}

interface Entry {
  key: string;
  pool: string;
  /** The request that made the task: another member gets it when this one is lost. */
  origin: Relay;
  relays: Set<Relay>;
  member: string | null;
  actor: ActorRefFrom<typeof pooledTaskMachine>;
}

const MAX_OPEN = 10_000;
/** Tasks that are over, whose member is still asked about them. */
const MAX_REMEMBERED = 10_000;
const NOBODY = 'No member of the pool can take this now.';

/**
 * Serves the pools of a bus: each request goes to one live member, the least busy first, and what is about
 * its task goes there too; the open tasks of a lost member go to another. Replies pass through here, so
 * members need no knowledge of pools beyond their cards.
 * @throws BUS_ID_INVALID, BUS_UNREACHABLE, BUS_REFUSED, BUS_CLOSED
 */
export async function startDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const { env, via } = options;
  const key = agentKey(options.id);
  const link = openLink({ clientId: key, via, will: undefined, log: env.log, role: 'dispatcher' });
  const pools = new Pools(options, key, link);
  const ready = new Promise<void>((resolve, reject) => {
    const url = typeof via === 'string' ? via : via.mqttUrl;
    let problem = 'no answer';
    const timer = env.clock.setTimeout(
      () => reject(failBus('BUS_UNREACHABLE', { url, problem })),
      options.patienceMs ?? 10_000,
    );
    const settle = (end: () => void) => {
      env.clock.clearTimeout(timer);
      end();
    };
    link.onState((state) => {
      if (state.type === 'LOST') problem = 'the connection is refused or lost';
      if (state.type === 'REFUSED') {
        settle(() => reject(failBus('BUS_REFUSED', { id: key, problem: state.problem })));
      }
      if (state.type !== 'CONNECTED' || state.resumed) return;
      link.subscribe([POOL_FILTER, pools.replies, DISCOVERY_FILTER]).then(
        () => settle(resolve),
        (error) => settle(() => reject(error)),
      );
    });
  });
  link.onMessage((message) => pools.receive(message));
  try {
    await ready;
  } catch (error) {
    await link.end();
    throw error;
  }
  pools.restore();
  return {
    load: (pool) => pools.members.load(pool),
    open: () => pools.size,
    async close() {
      pools.close();
      await link.end();
    },
  };
}

class Pools {
  readonly members: PoolMembers;
  readonly #options: DispatcherOptions;
  readonly #link: ReturnType<typeof openLink>;
  readonly #relays: Relays;
  readonly #discovery: Discovery;
  readonly #machine;
  readonly #entries = new Map<string, Entry>();
  /** Who has, or had, a task. */
  readonly #assigned = new Map<string, string>();
  /** What members that are away no longer have, by member and task. */
  readonly #revoked = new Map<string, PoolEntry>();

  constructor(options: DispatcherOptions, key: string, link: ReturnType<typeof openLink>) {
    const { env } = options;
    this.#options = options;
    this.#link = link;
    const onProblem = (problem: unknown) => env.log.warn({ problem: String(problem) }, 'pool: not taken');
    this.#relays = new Relays({ key, link, uuid: () => env.ids.uuid(), onProblem });
    this.members = new PoolMembers((id) => !options.admission?.refuses(id));
    this.#discovery = new Discovery(env, options.admission);
    this.#discovery.onPresence((presence) => this.#presence(presence));
    const at = (task: string) => this.#entries.get(task);
    this.#machine = pooledTaskMachine.provide({
      actions: {
        choose: (_, { task, avoid }) => {
          const entry = at(task);
          const member = entry && this.members.choose(entry.pool, avoid);
          entry?.actor.send(member === undefined ? { type: 'NONE' } : { type: 'ASSIGNED', member });
        },
        forward: (_, { task, member }) => this.#forward(at(task), member, true),
        forwardNewest: (_, { task, member }) => this.#forward(at(task), member, false),
        revoke: (_, { task, member }) => this.#revoke(at(task), member),
        refuse: (_, { task }) => this.#refuseAll(at(task)),
      },
    });
  }

  get replies(): string {
    return this.#relays.topic;
  }

  get size(): number {
    return this.#entries.size;
  }

  receive(message: Message): void {
    const pool = parsePoolTopic(message.topic);
    const use = parseTopic(message.topic)?.use;
    if (pool !== null) this.#request(`${pool.org}/${pool.unit}/pool/${pool.pool}`, message);
    else if (use === 'discovery') this.#discovery.receive(message);
    else if (use === 'reply') this.#reply(message);
  }

  #request(pool: string, message: Message): void {
    const { responseTopic: topic, correlationData: correlation } = message.properties;
    const asker = topic === undefined ? null : parseTopic(topic);
    if (topic === undefined || correlation === undefined || asker?.use !== 'reply') return;
    const stamped = readProperties(message.properties.userProperties)[PROPERTY.clientId];
    const requester = stamped ?? asker.owner;
    const request = readRequest(message, requester);
    const task = request.taskId === '' ? null : `${requester} ${request.taskId}`;
    const relay: Relay = { request, path: { topic, correlation }, task, member: null, correlation: null };
    const entry = task === null ? undefined : this.#entries.get(task);
    const known = task === null ? undefined : this.#assigned.get(task);
    if (entry !== undefined) {
      entry.relays.add(relay);
      const live = entry.member !== null && this.members.isLive(entry.member);
      entry.actor.send({ type: 'ASKED', live });
    } else if (task !== null && known === undefined && isSending(request)) this.#begin(task, pool, relay);
    else this.#pass(relay, known ?? this.members.choose(pool));
  }

  /** About a task that is over, or about none: nobody else can take it up later. */
  #pass(relay: Relay, member: string | undefined): void {
    relay.task = null;
    if (member === undefined || !this.members.isLive(member)) this.#refuse(relay);
    else this.#relays.forward(relay, member);
  }

  #begin(key: string, pool: string, relay: Relay, member: string | null = null): void {
    if (this.#entries.size >= MAX_OPEN) {
      this.#refuse(relay);
      return;
    }
    const { env, graceMs = 2_000, rejoinMs = 10_000 } = this.#options;
    const actor = createActor(this.#machine, {
      clock: env.clock,
      input: { task: key, member, graceMs: member === null ? graceMs : rejoinMs },
    });
    const entry: Entry = { key, pool, origin: relay, relays: new Set([relay]), member: null, actor };
    this.#entries.set(key, entry);
    this.#hold(entry, member);
    actor.subscribe({
      complete: () => {
        // Also told when the dispatcher stops, and then the task goes on.
        if (actor.getSnapshot().status === 'done') this.#end(entry);
      },
    });
    actor.start();
  }

  /** Notes who has the task now. */
  #hold(entry: Entry, member: string | null): void {
    if (entry.member === member) return;
    if (entry.member !== null) this.members.count(entry.member, -1);
    entry.member = member;
    if (member === null) return;
    this.members.count(member, 1);
    this.#assigned.delete(entry.key);
    this.#assigned.set(entry.key, member);
    if (this.#assigned.size > MAX_REMEMBERED) {
      const [oldest] = this.#assigned.keys();
      if (oldest !== undefined) this.#assigned.delete(oldest);
    }
  }

  #forward(entry: Entry | undefined, member: string | null, all: boolean): void {
    if (entry === undefined || member === null) return;
    const { origin, relays } = entry;
    const isNew = entry.member !== member;
    // What another member has not heard of has to be made there first.
    if (isNew && ![...relays].some(({ request }) => isSending(request))) {
      const again: Relay = { ...origin, path: null, correlation: null };
      entry.relays = new Set([again, ...relays]);
    }
    this.#hold(entry, member);
    if (isNew) this.#keep(entry);
    for (const relay of entry.relays) {
      if (all || relay.correlation === null) this.#relays.forward(relay, member);
    }
  }

  #reply(message: Message): void {
    const relay = this.#relays.find(message);
    if (relay === undefined) return;
    const { task, last } = meaningOf(relay.request, message);
    const entry = relay.task === null ? undefined : this.#entries.get(relay.task);
    if (task === 'BUSY' && entry !== undefined && !entry.actor.getSnapshot().context.begun) {
      this.#relays.drop(relay);
      entry.actor.send({ type: 'BUSY' });
      return;
    }
    this.#relays.deliver(relay, message);
    if (last) {
      this.#relays.drop(relay);
      entry?.relays.delete(relay);
    }
    if (entry === undefined || task === null || task === 'BUSY') return;
    entry.actor.send({ type: task });
    if (task === 'RUNNING' && entry.relays.size === 0) this.#follow(entry);
  }

  /** Its requester has an answer and hears no more; the dispatcher has to know how it goes on. */
  #follow(entry: Entry): void {
    if (entry.member === null) return;
    const request = ownRequest(entry.origin.request, 'SubscribeToTask');
    const relay: Relay = { request, path: null, task: entry.key, member: null, correlation: null };
    entry.relays.add(relay);
    this.#relays.forward(relay, entry.member);
  }

  #presence(presence: AgentPresence): void {
    const { id, status } = presence;
    const was = this.members.isLive(id);
    this.members.update(presence);
    const event: PooledTaskEvent = { type: status === 'online' ? 'BACK' : 'LOST' };
    if (status === 'online' && !was) this.#tellRevoked(id);
    if (status === 'offline') for (const relay of this.#relays.looseAt(id)) this.#refuse(relay);
    for (const entry of [...this.#entries.values()]) {
      if (entry.member === id) entry.actor.send(event);
      else if (status === 'online') entry.actor.send({ type: 'JOINED' });
    }
  }

  #revoke(entry: Entry | undefined, member: string | null): void {
    if (entry === undefined || member === null) return;
    const { origin, pool, key } = entry;
    for (const relay of entry.relays) this.#relays.drop(relay);
    this.#hold(entry, null);
    const id = `${member} ${key}`;
    const kept: PoolEntry = { ...kind(origin), pool, member, revoked: true };
    this.#revoked.set(id, kept);
    this.#save(() => this.#options.store?.put(id, kept));
  }

  /** Work that others have now is ended at the member that comes back. */
  #tellRevoked(member: string): void {
    for (const [id, { member: former, request }] of [...this.#revoked]) {
      if (former !== member) continue;
      this.#revoked.delete(id);
      this.#save(() => this.#options.store?.delete(id));
      const key = `${request.userProperties[PROPERTY.clientId]} ${request.taskId}`;
      if (this.#assigned.get(key) === member) continue;
      const cancel = ownRequest(request, 'CancelTask');
      this.#relays.forward(
        { request: cancel, path: null, task: null, member: null, correlation: null },
        member,
      );
    }
  }

  #end(entry: Entry): void {
    this.#hold(entry, null);
    this.#entries.delete(entry.key);
    this.#save(() => this.#options.store?.delete(entry.key));
    // The last items of other watchers are still on their way.
    for (const relay of entry.relays) relay.task = null;
  }

  #refuseAll(entry: Entry | undefined): void {
    for (const relay of entry?.relays ?? []) {
      if (relay.correlation === null) this.#refuse(relay);
    }
    if (entry !== undefined) entry.relays = new Set([...entry.relays].filter((r) => r.correlation !== null));
  }

  #refuse(relay: Relay): void {
    this.#relays.drop(relay);
    const { path, request } = relay;
    if (path === null) return;
    const reply = bindingErrorReply(request.id, 'responder_unavailable', NOBODY);
    const properties = {
      contentType: 'application/json',
      payloadFormatIndicator: true,
      correlationData: path.correlation,
    };
    this.#link
      .publish({ topic: path.topic, payload: JSON.stringify(reply), properties })
      .catch((problem) => this.#options.env.log.warn({ problem: String(problem) }, 'pool: not taken'));
  }

  #keep({ key, origin, pool, member }: Entry): void {
    this.#save(() => this.#options.store?.put(key, { ...kind(origin), pool, member }));
  }

  /** A pool that cannot note its tasks goes on: each member has them in its own journal. */
  #save(work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.#options.env.log.error({ problem: String(error) }, 'pool: the store failed');
    }
  }

  /** Takes up what was open when the last dispatcher ended. */
  restore(): void {
    for (const { id, value } of this.#options.store?.list() ?? []) {
      if (value.revoked) {
        this.#revoked.set(id, value);
        if (value.member !== null && this.members.isLive(value.member)) this.#tellRevoked(value.member);
        continue;
      }
      const { request, path, pool, member } = value;
      const at = { topic: path.topic, correlation: Buffer.from(path.correlation, 'base64') };
      this.#begin(id, pool, { request, path: at, task: id, member: null, correlation: null }, member);
      if (member !== null && this.members.isLive(member)) this.#entries.get(id)?.actor.send({ type: 'BACK' });
    }
  }

  close(): void {
    for (const { actor } of this.#entries.values()) actor.stop();
  }
}

/** A request as it is kept: without the token that came with it, which is not ours to keep. */
function kind({ request, path }: Relay): Pick<PoolEntry, 'request' | 'path'> {
  const { [PROPERTY.authorization]: _, ...userProperties } = request.userProperties;
  const { topic = '', correlation } = path ?? {};
  return {
    request: { ...request, userProperties },
    path: { topic, correlation: correlation?.toString('base64') ?? '' },
  };
}
