import type { AgentServices } from '../../src/index.ts';

/** Skills that take something of the network, with the key under which it is given back. */
type Key = 'policyId' | 'sessionId';
const TAKES = new Map<string, Key>([
  ['reserve-radio', 'policyId'],
  ['preset-handover', 'policyId'],
  ['prioritize-ue', 'policyId'],
  ['assure-qos', 'sessionId'],
]);
const GIVES = new Map<string, Key>([
  ['release-radio', 'policyId'],
  ['release-qos', 'sessionId'],
]);

/**
 * What one task has taken of the network and not given back. The workflow gives back what it took; this
 * is for the ends it did not foresee: a fault, a cancel.
 */
export class Reservations {
  readonly #held = new Map<string, Key>();
  readonly #services: AgentServices;

  constructor(services: AgentServices) {
    this.#services = services;
  }

  /** Hears each answer of a domain agent. */
  note({ skill, input }: { skill: string; input: unknown }, output: unknown): void {
    const taken = TAKES.get(skill);
    if (taken !== undefined) {
      const id = (output as Record<string, unknown> | null)?.[taken];
      if (typeof id === 'string') this.#held.set(id, taken);
    }
    const given = GIVES.get(skill);
    if (given !== undefined) this.#held.delete(String((input as Record<string, unknown> | null)?.[given]));
  }

  /** Gives everything back that is still held. @throws when something could not be given back, after trying all. */
  async release(): Promise<void> {
    const problems: string[] = [];
    for (const [id, key] of this.#held) {
      const [agent, skill] = key === 'sessionId' ? ['core', 'release-qos'] : ['ran', 'release-radio'];
      try {
        const answer = await this.#services.ask(
          agent as string,
          { data: { skill, input: { [key]: id } } },
          { signal: new AbortController().signal },
        );
        if (answer.state !== 'completed') throw new Error(answer.text);
      } catch (error) {
        this.#services.log.error({ [key]: id, problem: String(error) }, 'not given back');
        problems.push(id);
      }
    }
    this.#held.clear();
    if (problems.length > 0) throw new Error(`${problems.join(', ')} could not be given back.`);
  }
}
