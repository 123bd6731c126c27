import { createActor, type InspectionEvent } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import {
  type LeaseEvent,
  leaseMachine,
  loadStateOf,
  weightOf,
} from '../../../machines/protocols/lease.machine.ts';
import type { LoadState } from '../../../machines/protocols/session.machine.ts';
import type {
  ChangeNotice,
  EntryValue,
  LoadNotice,
  Registration,
  ReplicaPage,
  Report,
  ReportValue,
  ToolSummary,
} from '../schema/index.ts';
import { ERROR_LIMIT } from '../schema/index.ts';
import { RpcError } from '../session/rpc-error.ts';
import { type Catalogue, createCatalogue } from './catalogue.ts';
import { createReplica, type Replica } from './replica.ts';
import { createBucket, createTrust, type Trust } from './trust.ts';

export interface LeaseTimes {
  /** ms without a report until a server is suspect. */
  leaseMs: number;
  /** ms more until it is gone. */
  graceMs: number;
  drainMs: number;
}

interface Entry {
  registration: Registration;
  lease: string;
  epoch: number;
  rev: number;
  seq: number;
  draining: boolean;
  actor: ReturnType<typeof startLease>;
  trust: Trust;
  /** What the server that took the last report thought of it. */
  untrusted: boolean;
  told: string;
}

export interface Registry {
  /**
   * Takes a server in; a server of that id that was there before is replaced. Returns its lease.
   * @throws RpcError -32014 where the registry is full
   */
  register(registration: Registration): string;
  update(lease: string, change: Partial<Registration>): boolean;
  leave(lease: string, drain: boolean): boolean;
  report(report: Report): boolean;
  /** A report that could not be read, under this lease. */
  malformed(lease: string): void;
  status(lease: string): LoadNotice | undefined;
  /** The server that has this lease. */
  holder(lease: string): string | undefined;
  discover: Catalogue['find'];
  notices(): LoadNotice[];
  /** Areas of a server that is there. */
  areasOf(serverId: string): readonly string[];
  /** undefined once it is gone. */
  toolsOf(serverId: string): readonly ToolSummary[] | undefined;
  /** News of a peer. */
  merge(page: ReplicaPage): void;
  replica: Pick<Replica, 'since' | 'vector' | 'onWrite'>;
  close(): void;
}

/** What leaves the registry: to every subscriber whose areas or servers it is about. */
export interface RegistryEvents {
  load(notice: LoadNotice, areas: readonly string[]): void;
  changed(notice: ChangeNotice, areas: readonly string[]): void;
}

/** Servers that one registry holds. */
const MAX_SERVERS = 4_096;

type Inspect = (event: InspectionEvent) => void;

function startLease(env: Env, serverId: string, times: LeaseTimes, inspect: Inspect | undefined) {
  const actor = createActor(leaseMachine, {
    input: { serverId, ...times },
    clock: env.clock,
    ...(inspect && { inspect }),
  });
  actor.subscribe({
    error: (error) => env.log.error({ serverId, error: String(error) }, 'lease actor failed'),
  });
  return actor.start();
}

const entryKey = (serverId: string) => `entry/${serverId}`;
const reportKey = (serverId: string) => `report/${serverId}`;

/**
 * The tool servers that are there, each with a lease actor (NetMCP 4). What is written here goes to the
 * other management servers, and theirs comes in by `merge`; each runs the leases by itself.
 */
export function createRegistry(
  env: Env,
  times: LeaseTimes,
  events: RegistryEvents,
  inspect?: Inspect,
): Registry {
  const entries = new Map<string, Entry>();
  const byLease = new Map<string, Entry>();
  const replica = createReplica(env.ids.uuid());
  const mayAskAnew = createBucket(env.clock, 1, 1_000 / times.leaseMs);
  const tombstones = new Map<string, number>();
  const idOf = (entry: Entry) => entry.registration.serverId;

  const stateOf = (entry: Entry): LoadState => {
    const snapshot = entry.actor.getSnapshot();
    return loadStateOf(String(snapshot.value), snapshot.context.band);
  };
  const reportOf = (entry: Entry) => entry.actor.getSnapshot().context.report;
  const weight = (entry: Entry) => weightOf(stateOf(entry), reportOf(entry).load);
  /** The servers that stand in for each other have the same tools. */
  const likes = (entry: Entry) =>
    [...entries.values()].filter((other) => other.registration.digest === entry.registration.digest);

  /** Servers that can take over: same tools, and room for more calls; the least loaded first. */
  function alternatesOf(entry: Entry, group = likes(entry)) {
    return group
      .filter((other) => other !== entry && ['normal', 'high'].includes(stateOf(other)))
      .sort((a, b) => weight(b) - weight(a) || idOf(a).localeCompare(idOf(b)))
      .slice(0, 8)
      .map((other) => ({
        serverId: idOf(other),
        url: other.registration.endpoints[0] as string,
      }));
  }

  const notice = (entry: Entry, group?: Entry[]): LoadNotice => ({
    serverId: idOf(entry),
    load: reportOf(entry).load,
    state: stateOf(entry),
    alternates: alternatesOf(entry, group),
    weight: weight(entry),
  });

  const catalogue = createCatalogue(
    () => [...entries.values()].map(({ registration }) => registration),
    (serverId) => {
      const entry = entries.get(serverId) as Entry;
      const suspect = entry.actor.getSnapshot().value === 'suspect';
      return { ...notice(entry), suspect, untrusted: entry.untrusted };
    },
  );

  /** Tells what clients act on: a new state, or a weight that moved by a tenth. */
  function tell(group: Entry[]): void {
    for (const entry of group) {
      const now = notice(entry, group);
      const mark = `${now.state} ${Math.round(now.weight / 10)} ${now.alternates.map((a) => a.serverId).join()}`;
      if (mark === entry.told) continue;
      entry.told = mark;
      events.load(now, entry.registration.serviceArea);
    }
  }

  function remove(entry: Entry): void {
    const serverId = idOf(entry);
    if (entries.get(serverId) !== entry) return;
    entries.delete(serverId);
    byLease.delete(entry.lease);
    catalogue.changed();
    const { reason } = entry.actor.getSnapshot().context;
    env.log.info({ serverId, reason }, 'tool server gone');
    replica.drop(reportKey(serverId));
    if (reason === 'drained') bury(entry);
    // A tombstone stays for the peers; what expired, expires with them too.
    else if (reason !== 'deregistered') replica.drop(entryKey(serverId));
    const areas = entry.registration.serviceArea;
    const group = likes(entry);
    events.load(
      { serverId, load: 0, state: 'gone', alternates: alternatesOf(entry, group), weight: 0 },
      areas,
    );
    events.changed({ serverId, change: 'gone' }, areas);
    tell(group);
  }

  /** The newest incarnation wins; in it, leaving; then draining; then the latest change. */
  const rankOf = (entry: Entry, left: boolean) => [
    entry.epoch,
    Number(left),
    Number(entry.draining),
    entry.rev,
  ];

  function write(entry: Entry, left = false): void {
    const { registration, lease, draining } = entry;
    const value: EntryValue = { kind: 'entry', registration, lease, draining, left };
    replica.put(entryKey(registration.serverId), rankOf(entry, left), value);
  }

  function bury(entry: Entry): void {
    mark(idOf(entry));
    write(entry, true);
  }

  /** Tombstones are kept while a peer may still know the server that they are about. */
  function mark(serverId: string): void {
    for (const [old, until] of tombstones) {
      if (until > env.clock.now() && tombstones.size < MAX_SERVERS) break;
      tombstones.delete(old);
      if (!entries.has(old)) replica.drop(entryKey(old));
    }
    tombstones.delete(serverId);
    tombstones.set(serverId, env.clock.now() + times.leaseMs + times.graceMs);
  }

  function admit(registration: Registration, lease: string, epoch: number, rev: number): Entry {
    const before = entries.get(registration.serverId);
    if (before !== undefined) {
      byLease.delete(before.lease);
      entries.delete(registration.serverId);
      before.actor.stop();
    }
    const entry: Entry = {
      registration,
      lease,
      epoch,
      rev,
      seq: 0,
      draining: false,
      actor: startLease(env, registration.serverId, times, inspect),
      trust: before?.trust ?? createTrust(env.clock),
      untrusted: before?.untrusted ?? false,
      told: '',
    };
    entries.set(registration.serverId, entry);
    byLease.set(lease, entry);
    catalogue.changed();
    entry.actor.subscribe((snapshot) => {
      if (snapshot.status !== 'active') remove(entry);
      else tell(likes(entry));
    });
    events.changed({ serverId: registration.serverId, change: 'registered' }, registration.serviceArea);
    tell(likes(entry));
    return entry;
  }

  /** A change of registration or digest concerns the old group and the new one. */
  function change(entry: Entry, registration: Registration): void {
    const before = likes(entry);
    entry.registration = registration;
    catalogue.changed();
    entry.actor.send({ type: 'RENEW' });
    tell([...new Set([...before, ...likes(entry)])]);
    events.changed({ serverId: registration.serverId, change: 'updated' }, registration.serviceArea);
  }

  function take(report: ReportValue): void {
    const entry = entries.get(report.serverId);
    if (entry === undefined) {
      // It expired here while we heard nothing, and lives on with a peer.
      if (replica.get(entryKey(report.serverId)) === undefined && mayAskAnew()) replica.forget();
      return;
    }
    if (entry.epoch !== report.epoch) return;
    entry.untrusted = report.untrusted;
    const { load, inFlight, queue, p95Ms } = report;
    entry.actor.send({ type: 'REPORT', load, inFlight, queue, p95Ms } satisfies LeaseEvent);
  }

  function takeEntry(value: EntryValue, [epoch = 0, , , rev = 0]: number[]): void {
    const { registration, lease } = value;
    const before = entries.get(registration.serverId);
    if (value.left) {
      mark(registration.serverId);
      if (before !== undefined && before.epoch <= epoch) before.actor.send({ type: 'LEAVE' });
      return;
    }
    if (before === undefined && entries.size >= MAX_SERVERS) return;
    const entry =
      before?.epoch === epoch && before.lease === lease ? before : admit(registration, lease, epoch, rev);
    entry.rev = rev;
    if (entry === before) change(entry, registration);
    if (value.draining && !entry.draining) {
      entry.draining = true;
      entry.actor.send({ type: 'DRAIN' });
    }
  }

  return {
    register(registration) {
      if (entries.size >= MAX_SERVERS && !entries.has(registration.serverId))
        throw new RpcError(ERROR_LIMIT, `The registry holds ${MAX_SERVERS} servers and takes no more`);
      const epoch = (replica.get(entryKey(registration.serverId))?.rank[0] ?? 0) + 1;
      const entry = admit(registration, env.ids.uuid(), epoch, 0);
      write(entry);
      return entry.lease;
    },
    update(lease, given) {
      const entry = byLease.get(lease);
      if (entry === undefined) return false;
      entry.rev += 1;
      change(entry, { ...entry.registration, ...given });
      write(entry);
      return true;
    },
    leave(lease, drain) {
      const entry = byLease.get(lease);
      if (entry === undefined) return false;
      if (drain) {
        entry.draining = true;
        entry.rev += 1;
        entry.actor.send({ type: 'DRAIN' });
        write(entry);
      } else {
        bury(entry);
        entry.actor.send({ type: 'LEAVE' });
      }
      return true;
    },
    report({ lease, nfLoad, ...figures }) {
      const entry = byLease.get(lease);
      if (entry === undefined) return false;
      if (!entry.trust.admit()) return true;
      const serverId = idOf(entry);
      const peers = likes(entry)
        .filter((other) => other !== entry && !other.untrusted)
        .map(reportOf);
      const was = entry.untrusted;
      const { load, untrusted, doubt } = entry.trust.judge(figures, peers);
      if (untrusted && !was) env.log.warn({ serverId, doubt }, 'reports of a tool server are not believed');
      entry.seq = (replica.get(reportKey(serverId))?.rank[1] ?? 0) + 1;
      const { epoch, seq } = entry;
      // What a server is willing to take is its 100 percent.
      const counted = Math.min(100, Math.round((load / Math.max(1, entry.registration.maxLoad)) * 100));
      const value = {
        kind: 'report' as const,
        serverId,
        epoch,
        ...figures,
        nfLoad,
        load: counted,
        untrusted,
      };
      replica.put(reportKey(serverId), [epoch, seq], value);
      take(value);
      return true;
    },
    malformed(lease) {
      const entry = byLease.get(lease);
      if (entry?.trust.malformed())
        env.log.warn({ serverId: idOf(entry) }, 'reports of a tool server are not believed');
    },
    status(lease) {
      const entry = byLease.get(lease);
      return entry === undefined ? undefined : notice(entry);
    },
    holder: (lease) => byLease.get(lease)?.registration.serverId,
    discover: catalogue.find,
    notices: () => [...entries.values()].map((entry) => notice(entry)),
    toolsOf: (serverId) => entries.get(serverId)?.registration.tools,
    areasOf: (serverId) => entries.get(serverId)?.registration.serviceArea ?? [],
    merge(page) {
      for (const { value, rank } of replica.merge(page)) {
        if (value.kind === 'entry') takeEntry(value, rank);
        else take(value);
      }
    },
    replica,
    close() {
      for (const entry of entries.values()) entry.actor.stop();
      entries.clear();
      byLease.clear();
      catalogue.changed();
    },
  };
}
