import { createHash } from 'node:crypto';
import { initialTransition, type SnapshotFrom, transition } from 'xstate';
import type { Clock } from '../../../machines/ports.ts';
import {
  type RegistrationEvent,
  registrationMachine,
} from '../../../machines/protocols/registration.machine.ts';
import { failBus, type NetAgentError } from '../../errors.ts';
import { judgeCard, signedText, type Trust, type TrustedKey, type Verdict } from './card-signature.ts';

export type Approval = 'registered' | 'approved' | 'revoked';

/** What is known of an agent beside its card. */
export interface Standing {
  trust: Trust;
  reason: string;
  approval: Approval;
}

export interface Registration {
  approval: Approval;
  fingerprint: string;
}

/** Where registrations survive; synchronous. */
export interface RegistrationStore {
  put(id: string, value: Registration): void;
  list(): Array<{ id: string; value: Registration }>;
}

export interface AdmissionOptions {
  clock: Clock;
  /** Keys that may sign cards. */
  keys?: readonly TrustedKey[];
  /** `require`: nothing is routed to an agent whose card no trusted key has signed. `list` if absent. */
  signatures?: 'list' | 'require';
  /** `manual`: nothing is routed to an agent that the operator has not let in. `auto` if absent. */
  approval?: 'auto' | 'manual';
  store?: RegistrationStore;
  /** Agents that the operator runs himself. */
  own?: (id: string) => boolean;
}

type Chart = SnapshotFrom<typeof registrationMachine>;
interface Known {
  chart: Chart;
  verdict: Verdict;
  /** Of the card that was judged last. */
  text: string;
}

const UNJUDGED: Verdict = { trust: 'unsigned', reason: 'no card was seen' };

/** Who may be asked: signatures of cards, and the operator's approval. One for all members of a process. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #keys: ReadonlyMap<string, TrustedKey>;
  readonly #agents = new Map<string, Known>();
  readonly #judging = new Map<string, Promise<void>>();

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#keys = new Map((options.keys ?? []).map((key) => [key.kid, key]));
    for (const { id, value } of options.store?.list() ?? []) {
      const { approval, fingerprint } = value;
      const context = { fingerprint, auto: this.#isAuto(id), ignored: 0 };
      const chart = registrationMachine.resolveState({ value: approval, context });
      this.#agents.set(id, { chart, verdict: UNJUDGED, text: '' });
    }
  }

  #isAuto(id: string): boolean {
    return this.#options.approval !== 'manual' || (this.#options.own?.(id) ?? false);
  }

  /** Takes note of a card; cards of one agent are judged in the order in which they came. */
  judge(id: string, card: Record<string, unknown>): Promise<void> {
    const text = signedText(card) + JSON.stringify(card.signatures ?? null);
    const judged = (this.#judging.get(id) ?? Promise.resolve()).then(async () => {
      if (this.#agents.get(id)?.text === text) return;
      const verdict = await judgeCard(id, card, this.#keys, this.#options.clock.now());
      const fingerprint = verdict.kid === undefined ? `card:${hash(signedText(card))}` : `key:${verdict.kid}`;
      const known = this.#agents.get(id);
      const input = { fingerprint, auto: this.#isAuto(id) };
      const chart = known?.chart ?? initialTransition(registrationMachine, input)[0];
      this.#agents.set(id, { chart, verdict, text });
      this.#tell(id, { type: 'SEEN', fingerprint });
    });
    this.#judging.set(id, judged);
    return judged.finally(() => {
      if (this.#judging.get(id) === judged) this.#judging.delete(id);
    });
  }

  /** Fulfilled when the cards of this agent that came so far are judged. */
  settled(id: string): Promise<void> {
    return this.#judging.get(id) ?? Promise.resolve();
  }

  #tell(id: string, event: RegistrationEvent): void {
    const known = this.#agents.get(id);
    if (known === undefined) return;
    const [chart] = transition(registrationMachine, known.chart, event);
    const before = known.chart;
    this.#agents.set(id, { ...known, chart });
    const isSame = before.value === chart.value && before.context.fingerprint === chart.context.fingerprint;
    // What is let in by itself need not be kept.
    if ((isSame && event.type === 'SEEN') || (this.#isAuto(id) && chart.value === 'approved')) return;
    const { fingerprint } = chart.context;
    this.#options.store?.put(id, { approval: chart.value as Approval, fingerprint });
  }

  /** False when nobody has seen a card of this agent. */
  approve(id: string): boolean {
    this.#tell(id, { type: 'APPROVE' });
    return this.#agents.has(id);
  }

  revoke(id: string): boolean {
    this.#tell(id, { type: 'REVOKE' });
    return this.#agents.has(id);
  }

  standing(id: string): Standing {
    const { chart, verdict } = this.#agents.get(id) ?? { chart: undefined, verdict: UNJUDGED };
    const approval = (chart?.value ?? (this.#isAuto(id) ? 'approved' : 'registered')) as Approval;
    return { trust: verdict.trust, reason: verdict.reason, approval };
  }

  /** Why nothing is routed to this agent; null when it may be asked. */
  refuses(id: string): NetAgentError | null {
    const { trust, reason, approval } = this.standing(id);
    if (approval !== 'approved') return failBus('BUS_AGENT_UNAPPROVED', { agent: id, state: approval });
    if (this.#options.signatures === 'require' && trust !== 'trusted' && !this.#options.own?.(id)) {
      return failBus('BUS_AGENT_UNTRUSTED', { agent: id, problem: reason });
    }
    return null;
  }
}

const hash = (text: string) => createHash('sha256').update(text).digest('base64url');
