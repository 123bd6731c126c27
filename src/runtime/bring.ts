import { type Admission, type BusMember, joinBus } from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import type { Store } from '../durable/index.ts';
import { type BroughtAgent, type BroughtTask, bringAgent } from '../gateway/index.ts';
import type { BusAddress } from './agents/start.ts';

/** An agent behind HTTP elsewhere, and who it is to be on the bus. */
export interface Brought {
  /** Where its card is: its origin, or the card's whole address if that ends in `.json`. */
  url: string;
  /** `org/unit/agent` */
  id: string;
}

export interface BringAllOptions {
  env: Env;
  bus: BusAddress;
  store: Store;
  admission: Admission;
  agents: readonly Brought[];
}

const RETRY_MS = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];
/** How often the card of an agent elsewhere is read again, ms. */
const REFRESH_MS = 60_000;

/**
 * Brings agents onto the bus and keeps them there. One that cannot be reached is tried again and holds
 * nothing up; what it was handed before a restart goes on, for the ids of both sides are in the store.
 */
export function bringAll({ env, bus, store, admission, agents }: BringAllOptions): {
  close(): Promise<void>;
} {
  const { clock, log } = env;
  const timers = new Map<string, unknown>();
  const running = new Map<string, Promise<BroughtAgent | undefined>>();
  let closed = false;

  const join = ({
    id,
    ...rest
  }: Pick<Parameters<typeof joinBus>[0], 'card' | 'executor'> & { id: string }): Promise<BusMember> =>
    joinBus({
      id,
      ...rest,
      via: bus.via,
      env,
      discovers: 'named',
      admission,
      ledger: store.tasks(id),
      recovery: () => 'rerun',
    });
  const start = (agent: Brought, attempt: number) => {
    const { url, id } = agent;
    const brought = bringAgent({
      env,
      url,
      id,
      mqttUrl: bus.mqttUrl,
      join,
      links: store.collection<BroughtTask>(`brought ${id}`),
      // A redirect could lead where the operator did not point.
      fetch: (input, init) => fetch(input, { ...init, redirect: 'error' }),
    }).catch((error) => {
      log.warn(
        { agent: id, url, problem: messageOf(error) },
        'an agent elsewhere cannot be brought; tried again',
      );
      const pause = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] as number;
      if (!closed)
        timers.set(
          id,
          clock.setTimeout(() => start(agent, attempt + 1), pause),
        );
      return undefined;
    });
    running.set(id, brought);
    brought.then((member) => {
      if (member !== undefined && !closed) refreshLater(member);
    });
  };
  const refreshLater = (member: BroughtAgent) => {
    const look = () => {
      member
        .refresh()
        .catch((error) => log.warn({ agent: member.id, problem: messageOf(error) }, 'the old card stays'))
        .finally(() => {
          if (!closed) refreshLater(member);
        });
    };
    timers.set(member.id, clock.setTimeout(look, REFRESH_MS));
  };
  for (const agent of agents) start(agent, 0);

  return {
    async close() {
      closed = true;
      for (const timer of timers.values()) clock.clearTimeout(timer);
      await Promise.all([...running.values()].map(async (each) => (await each)?.close()));
    },
  };
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
