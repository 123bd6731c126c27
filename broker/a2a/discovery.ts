import { AgentCard } from '@a2a-js/sdk';
import type { Clock, Log } from '../../machines/ports.ts';
import { failBus } from '../errors.ts';
import type { Message } from './link.ts';
import { PROPERTY, readProperties } from './properties.ts';
import type { Admission } from './security/admission.ts';
import { parseTopic } from './topics.ts';

/** What the bus knows of an agent. The status is what was last said, not a promise to answer. */
export interface AgentPresence {
  /** `org/unit/agent` */
  id: string;
  status: 'online' | 'offline';
  /** Who said so: the agent, its last will, or the broker. */
  source: 'agent' | 'lwt' | 'broker';
  card: AgentCard;
}

/** The agents on the bus, from their retained cards. */
export class Discovery {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #agents = new Map<string, AgentPresence>();
  readonly #listeners = new Set<(presence: AgentPresence) => void>();

  readonly #admission: Admission | undefined;
  /** Messages whose cards are being judged, by agent: none overtakes another. */
  readonly #judging = new Map<string, number>();

  constructor(env: { clock: Clock; log: Log }, admission?: Admission) {
    this.#clock = env.clock;
    this.#log = env.log;
    this.#admission = admission;
  }

  receive(message: Message): void {
    const name = parseTopic(message.topic);
    if (name?.use !== 'discovery') return;
    const id = name.owner;
    if (this.#admission === undefined) {
      this.#take(id, message);
      return;
    }
    let card: unknown;
    try {
      card = message.payload.length === 0 ? null : JSON.parse(message.payload.toString());
    } catch {
      card = null; // said below
    }
    const isCard = typeof card === 'object' && card !== null;
    if (!isCard && !this.#judging.has(id)) {
      this.#take(id, message);
      return;
    }
    this.#judging.set(id, (this.#judging.get(id) ?? 0) + 1);
    const judged = isCard
      ? this.#admission.judge(id, card as Record<string, unknown>)
      : this.#admission.settled(id);
    judged
      .catch((error) => this.#log.warn({ agent: id, problem: String(error) }, 'a card cannot be judged'))
      .finally(() => {
        const left = (this.#judging.get(id) ?? 1) - 1;
        if (left === 0) this.#judging.delete(id);
        else this.#judging.set(id, left);
        this.#take(id, message);
      });
  }

  #take(id: string, message: Message): void {
    const known = this.#agents.get(id);
    if (message.payload.length === 0) {
      this.#agents.delete(id);
      if (known !== undefined) this.#tell({ ...known, status: 'offline', source: 'agent' });
      return;
    }
    let card: AgentCard;
    try {
      card = AgentCard.fromJSON(JSON.parse(message.payload.toString()));
    } catch (error) {
      this.#log.warn({ agent: id, problem: String(error) }, 'a card on the bus cannot be read');
      return;
    }
    const properties = readProperties(message.properties.userProperties);
    const source = properties[PROPERTY.statusSource];
    const presence: AgentPresence = {
      id,
      status: properties[PROPERTY.status] === 'offline' ? 'offline' : 'online',
      source: source === 'lwt' || source === 'broker' ? source : 'agent',
      card,
    };
    this.#agents.set(id, presence);
    this.#tell(presence);
  }

  list(): AgentPresence[] {
    return [...this.#agents.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Whether an agent is known and was last said to be offline. */
  isAway(id: string): boolean {
    return this.#agents.get(id)?.status === 'offline';
  }

  /** Returns the way to stop listening. */
  onPresence(listener: (presence: AgentPresence) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The card of an agent, also of one that appears within `waitMs`. @throws BUS_AGENT_UNKNOWN */
  async card(id: string, waitMs: number): Promise<AgentCard> {
    return (this.#agents.get(id) ?? (await this.find((presence) => presence.id === id, id, waitMs))).card;
  }

  /** The first agent that is wanted, also one that appears within `waitMs`. @throws BUS_AGENT_UNKNOWN */
  find(wanted: (presence: AgentPresence) => boolean, name: string, waitMs: number): Promise<AgentPresence> {
    const known = this.list().find(wanted);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const stop = this.onPresence((presence) => {
        if (!wanted(presence)) return;
        end();
        resolve(presence);
      });
      const timer = this.#clock.setTimeout(() => {
        end();
        reject(failBus('BUS_AGENT_UNKNOWN', { agent: name }));
      }, waitMs);
      const end = () => {
        stop();
        this.#clock.clearTimeout(timer);
      };
    });
  }

  #tell(presence: AgentPresence): void {
    for (const listener of this.#listeners) {
      try {
        listener(presence);
      } catch (error) {
        this.#log.error({ problem: String(error) }, 'a presence listener failed');
      }
    }
  }
}
