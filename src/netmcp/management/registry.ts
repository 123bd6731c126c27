import { createActor } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import {
  type LeaseEvent,
  leaseMachine,
  loadStateOf,
  weightOf,
} from '../../../machines/protocols/lease.machine.ts';
import type { LoadState } from '../../../machines/protocols/session.machine.ts';
import type { ChangeNotice, LoadNotice, Registration, ServerEntry, ToolSummary } from '../schema/index.ts';
import { createRanker } from './rank.ts';

export interface LeaseTimes {
  /** ms without a report until a server is suspect. */
  leaseMs: number;
  /** ms more until it is gone. */
  graceMs: number;
  drainMs: number;
}

export interface Query {
  task?: string | undefined;
  tool?: string | undefined;
  serviceArea?: string | undefined;
  categories?: string[] | undefined;
  limit: number;
}

interface Entry {
  registration: Registration;
  lease: string;
  actor: ReturnType<typeof startLease>;
  told: string;
}

export interface Registry {
  /** Takes a server in; a server of that id that was there before is replaced. Returns its lease. */
  register(registration: Registration): string;
  update(lease: string, change: Partial<Registration>): boolean;
  send(lease: string, event: LeaseEvent): boolean;
  status(lease: string): LoadNotice | undefined;
  /** The server that has this lease. */
  holder(lease: string): string | undefined;
  /** `usable`: the tools that the asker may use; a server without one for it is not shown. */
  discover(query: Query, usable?: (tool: ToolSummary) => boolean): ServerEntry[];
  notices(): LoadNotice[];
  close(): void;
}

/** What leaves the registry: to every subscriber. */
export interface RegistryEvents {
  load(notice: LoadNotice): void;
  changed(notice: ChangeNotice): void;
}

function startLease(env: Env, serverId: string, times: LeaseTimes) {
  const actor = createActor(leaseMachine, { input: { serverId, ...times }, clock: env.clock });
  actor.subscribe({
    error: (error) => env.log.error({ serverId, error: String(error) }, 'lease actor failed'),
  });
  return actor.start();
}

/** The tool servers that are there, each with a lease actor (NetMCP 4). */
export function createRegistry(env: Env, times: LeaseTimes, events: RegistryEvents): Registry {
  const byLease = new Map<string, Entry>();
  const ranker = createRanker();
  const all = () => [...byLease.values()];

  const stateOf = (entry: Entry): LoadState => {
    const snapshot = entry.actor.getSnapshot();
    return loadStateOf(String(snapshot.value), snapshot.context.band);
  };
  const urlOf = (entry: Entry) => entry.registration.endpoints[0] as string;

  /** Servers that can take over: same tools, and room for more calls; the least loaded first. */
  function alternatesOf(entry: Entry) {
    return all()
      .filter((other) => other !== entry && other.registration.digest === entry.registration.digest)
      .filter((other) => ['normal', 'high'].includes(stateOf(other)))
      .sort((a, b) => weight(b) - weight(a) || a.registration.serverId.localeCompare(b.registration.serverId))
      .slice(0, 8)
      .map((other) => ({ serverId: other.registration.serverId, url: urlOf(other) }));
  }

  function weight(entry: Entry): number {
    return weightOf(stateOf(entry), entry.actor.getSnapshot().context.report.load);
  }

  function notice(entry: Entry): LoadNotice {
    const state = stateOf(entry);
    const { load } = entry.actor.getSnapshot().context.report;
    return {
      serverId: entry.registration.serverId,
      load,
      state,
      alternates: alternatesOf(entry),
      weight: weight(entry),
    };
  }

  /** Tells what clients act on: a new state, or a weight that moved by a tenth. */
  function tell(entry: Entry): void {
    const now = notice(entry);
    const mark = `${now.state} ${Math.round(now.weight / 10)} ${now.alternates.map((a) => a.serverId).join()}`;
    if (mark === entry.told) return;
    entry.told = mark;
    events.load(now);
  }

  function remove(entry: Entry): void {
    if (byLease.get(entry.lease) !== entry) return;
    byLease.delete(entry.lease);
    const { serverId } = entry.registration;
    env.log.info({ serverId, reason: entry.actor.getSnapshot().context.reason }, 'tool server gone');
    events.load({ serverId, load: 0, state: 'gone', alternates: alternatesOf(entry), weight: 0 });
    events.changed({ serverId, change: 'gone' });
    for (const other of all()) tell(other);
  }

  return {
    register(registration) {
      const before = all().find((entry) => entry.registration.serverId === registration.serverId);
      if (before !== undefined) {
        byLease.delete(before.lease);
        before.actor.stop();
      }
      const lease = env.ids.uuid();
      const entry: Entry = {
        registration,
        lease,
        actor: startLease(env, registration.serverId, times),
        told: '',
      };
      byLease.set(lease, entry);
      entry.actor.subscribe((snapshot) => {
        if (snapshot.status === 'active') for (const other of all()) tell(other);
        else remove(entry);
      });
      events.changed({ serverId: registration.serverId, change: 'registered' });
      for (const other of all()) tell(other);
      return lease;
    },
    update(lease, change) {
      const entry = byLease.get(lease);
      if (entry === undefined) return false;
      entry.registration = { ...entry.registration, ...change };
      entry.actor.send({ type: 'RENEW' });
      events.changed({ serverId: entry.registration.serverId, change: 'updated' });
      return true;
    },
    send(lease, event) {
      const entry = byLease.get(lease);
      entry?.actor.send(event);
      return entry !== undefined;
    },
    status(lease) {
      const entry = byLease.get(lease);
      return entry === undefined ? undefined : notice(entry);
    },
    holder: (lease) => byLease.get(lease)?.registration.serverId,
    discover(query, usable) {
      const entries = all()
        .map((entry) => (usable === undefined ? entry : { ...entry, registration: shown(entry, usable) }))
        .filter(({ registration: r }) => usable === undefined || r.tools.length > 0);
      const scores =
        query.task === undefined
          ? null
          : ranker.score(
              entries.map((e) => e.registration),
              query.task,
            );
      const top = scores === null ? 1 : Math.max(...scores.values(), Number.MIN_VALUE);
      return entries
        .filter(
          ({ registration: r }) => query.tool === undefined || r.tools.some((t) => t.name === query.tool),
        )
        .filter(({ registration: r }) => serves(r, query.serviceArea))
        .filter(
          ({ registration: r }) =>
            query.categories === undefined ||
            query.categories.some((c) => r.categories.some((own) => own === c)),
        )
        .map((entry): ServerEntry => {
          const { registration: r } = entry;
          const now = notice(byLease.get(entry.lease) as Entry);
          const relevance = scores === null ? 1 : (scores.get(r.serverId) ?? 0) / top;
          return {
            serverId: r.serverId,
            endpoints: r.endpoints,
            summary: r.summary,
            serviceArea: r.serviceArea,
            categories: r.categories,
            digest: r.digest,
            tools: r.tools.map((tool) => tool.name),
            load: now.load,
            state: now.state,
            suspect: entry.actor.getSnapshot().value === 'suspect',
            weight: now.weight,
            // Relevance first; load decides among those that fit about equally well.
            score: relevance === 0 ? 0 : Math.round((relevance + now.weight / 400) * 1000) / 1000,
            alternates: now.alternates,
          };
        })
        .filter((entry) => entry.score > 0)
        .sort((a, b) => b.score - a.score || a.serverId.localeCompare(b.serverId))
        .slice(0, query.limit);
    },
    notices: () => all().map(notice),
    close() {
      for (const entry of all()) entry.actor.stop();
      byLease.clear();
    },
  };
}

function shown({ registration }: Entry, usable: (tool: ToolSummary) => boolean): Registration {
  return { ...registration, tools: registration.tools.filter(usable) };
}

function serves(registration: Registration, area: string | undefined): boolean {
  return (
    area === undefined || registration.serviceArea.length === 0 || registration.serviceArea.includes(area)
  );
}
