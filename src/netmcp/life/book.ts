import { createActor, fromPromise, waitFor } from 'xstate';
import type { Env } from '../../../machines/ports.ts';
import {
  type Examination,
  type Offering,
  type ToolLifeContext,
  type ToolLifeEvent,
  toolLifeMachine,
} from '../../../machines/protocols/tool-life.machine.ts';
import type { LifeState, PublishedResult } from '../schema/index.ts';
import type { Shelf } from '../toolserver/shelf.ts';
import type { Check } from './examine.ts';
import type { Offer } from './offer.ts';
import { served } from './served.ts';

export interface LifeTimes {
  /** From deprecation to withdrawal, ms. */
  graceMs: number;
  /** For how long a withdrawn tool is explained, ms. */
  memoryMs: number;
  /** Failed probes in a row after which a provider is lost. */
  maxFailures: number;
}

/** What the book says of one tool. */
export interface ToolLifeEntry {
  name: string;
  state: LifeState;
  version: string;
  /** The first one is called. */
  providers: string[];
  replacedBy: string;
  reason: string;
}

export interface Book {
  /** Resolves when it is decided. */
  publish(offer: Offer): Promise<PublishedResult>;
  send(name: string, event: ToolLifeEvent): void;
  /** Its owner wants it gone; a publication under way is decided first. */
  deprecate(name: string, replacedBy: string): Promise<void>;
  /** A provider that failed works again, if what it offers still is known. */
  revive(offer: Offer): Promise<void>;
  /** A provider takes its tool back. */
  remove(name: string, provider: string, replacedBy: string): Promise<void>;
  /** A provider is there no more. */
  lost(provider: string, reason: string): void;
  /** Somebody approved a content: it is offered if its provider still is there. */
  approved(name: string, hash: string): Promise<void>;
  entry(name: string): ToolLifeEntry | undefined;
  entries(): ToolLifeEntry[];
  /** Whether what lies on the shelf under this name was put there by a life. */
  shelved(name: string): boolean;
  /** Everything that providers offer now, decided or not. */
  offers(): Offer[];
  close(): void;
}

interface Life {
  name: string;
  actor: ReturnType<typeof startActor>;
  offers: Offer[];
  score: number | null;
  /** What of it lies on the shelf; '' if nothing. */
  shelved: string;
  /** Contents that were tried as a replacement for a lost provider. */
  tried: Set<string>;
  since: string;
  queue: Promise<unknown>;
}

const MAX_TOOLS = 512;
/** One provider has the content that is offered and the one that is examined. */
const MAX_OFFERS = 32;

/** The lives of the tools that others publish: one actor a name, and the shelf as the actors say (NetMCP 5). */
export function createBook(options: {
  env: Env;
  shelf: Shelf;
  serviceArea: string[];
  times: LifeTimes;
  check: Check;
  permissionOf(name: string, hash: string): Offer['tool']['meta']['permission'] | undefined;
}): Book {
  const { env, shelf, times } = options;
  const lives = new Map<string, Life>();

  function begin(offer: Offer): Life {
    const life: Life = {
      name: offer.name,
      actor: startActor(env, times, offer, (input) => examine(life, input)),
      offers: [offer],
      score: null,
      shelved: '',
      tried: new Set(),
      since: '',
      queue: Promise.resolve(),
    };
    life.actor.subscribe({
      next: ({ value, context, status }) => {
        if (status === 'active') reconcile(life, value as LifeState, context);
        else {
          unshelve(life);
          lives.delete(life.name);
        }
      },
      error: (error) => env.log.error({ tool: life.name, error: String(error) }, 'tool life actor failed'),
    });
    lives.set(offer.name, life);
    life.actor.start();
    return life;
  }

  async function examine(life: Life, input: { offering: Offering; current: Offering | null }) {
    const { provider, hash } = input.offering;
    const offer = life.offers.find((one) => one.provider === provider && one.hash === hash);
    if (offer === undefined) return { verdict: 'refuse' as const, reason: 'the provider is gone' };
    const providers = life.actor.getSnapshot().context.providers.map(({ id }) => id);
    const { score, verdict, reason } = await options.check(offer, { current: input.current, providers });
    const examination = { verdict, reason };
    life.score = score;
    env.log.info({ tool: life.name, provider, ...examination, score }, 'tool examined');
    return examination;
  }

  /** Puts on the shelf what the chart says, and nothing else. */
  function reconcile(life: Life, state: LifeState, context: ToolLifeContext): void {
    const { current } = context;
    // While it is checked, things stay as they were.
    if (state === 'candidate' || state === 'renewing') return;
    if ((state !== 'available' && state !== 'deprecated') || current === null) {
      unshelve(life);
      return;
    }
    const going = state === 'deprecated';
    const mark = `${current.hash} ${going} ${context.replacedBy}`;
    if (mark !== life.shelved) {
      const lead = life.offers.find((offer) => offer.hash === current.hash);
      if (lead === undefined) return;
      life.since = going ? new Date(env.clock.now()).toISOString() : '';
      const permission = options.permissionOf(life.name, current.hash);
      life.shelved = mark;
      shelf.put(
        served({
          lead,
          serviceArea: options.serviceArea,
          ...(permission && { permission }),
          ...(going && { deprecated: { since: life.since, replacedBy: context.replacedBy } }),
          ranked: () => ranked(life, current.hash),
          unreached: (provider) => life.actor.send({ type: 'PROBE_FAILED', provider }),
        }),
      );
    }
    if (going && !context.intended && context.providers.length === 0) tryOther(life, current.hash);
    else if (!going) life.tried.clear();
  }

  function unshelve(life: Life): void {
    if (life.shelved === '') return;
    life.shelved = '';
    shelf.remove(life.name);
  }

  /** Offers of this content in the order in which they should be called. */
  function ranked(life: Life, hash: string): Offer[] {
    const { providers } = life.actor.getSnapshot().context;
    return [...providers]
      .sort((a, b) => a.failures - b.failures)
      .flatMap(({ id }) => life.offers.filter((offer) => offer.provider === id && offer.hash === hash));
  }

  /** No provider of the present content is left: another content may do. */
  function tryOther(life: Life, hash: string): void {
    const other = life.offers.find((offer) => offer.hash !== hash && !life.tried.has(offer.hash));
    if (other === undefined) return;
    life.tried.add(other.hash);
    void publish(other);
  }

  function publish(offer: Offer): Promise<PublishedResult> {
    const before = lives.get(offer.name);
    if (before === undefined && lives.size >= MAX_TOOLS)
      return Promise.resolve(word(offer, 'withdrawn', `the server keeps ${MAX_TOOLS} tools at most`, null));
    const life = before ?? begin(offer);
    const work = life.queue.then(async () => {
      if (before !== undefined) {
        keep(life, offer);
        const { provider, version, hash } = offer;
        life.actor.send({ type: 'PUBLISHED', provider, version, hash });
      }
      const settled = await waitFor(
        life.actor,
        ({ value, status }) => status !== 'active' || (value !== 'candidate' && value !== 'renewing'),
        { timeout: Number.POSITIVE_INFINITY },
      );
      return word(offer, settled.value as LifeState, settled.context.reason, life.score, settled.context);
    });
    life.queue = work.catch(() => undefined);
    return work;
  }

  /** After what was published before is decided. */
  function inTurn(name: string, work: (life: Life) => void): Promise<void> {
    const life = lives.get(name);
    if (life === undefined) return Promise.resolve();
    const done = life.queue.then(() => {
      if (life.actor.getSnapshot().status === 'active') work(life);
    });
    life.queue = done;
    return done;
  }

  function keep(life: Life, offer: Offer): void {
    const current = life.actor.getSnapshot().context.current?.hash;
    life.offers = [
      ...life.offers.filter(
        ({ provider, hash }) => provider !== offer.provider || (hash === current && hash !== offer.hash),
      ),
      offer,
    ].slice(-MAX_OFFERS);
  }

  return {
    publish,
    send(name, event) {
      const life = lives.get(name);
      if (life?.actor.getSnapshot().status === 'active') life.actor.send(event);
    },
    async revive(offer) {
      const life = lives.get(offer.name);
      const hash = life?.actor.getSnapshot().context.current?.hash;
      if (life?.offers.includes(offer) && offer.hash === hash) await publish(offer);
    },
    deprecate: (name, replacedBy) =>
      inTurn(name, (life) => life.actor.send({ type: 'DEPRECATE', replacedBy })),
    remove: (name, provider, replacedBy) =>
      inTurn(name, (life) => {
        life.actor.send({ type: 'REMOVE', provider, replacedBy });
        life.offers = life.offers.filter((offer) => offer.provider !== provider);
      }),
    lost(provider, reason) {
      for (const life of [...lives.values()]) {
        if (!life.offers.some((offer) => offer.provider === provider)) continue;
        life.offers = life.offers.filter((offer) => offer.provider !== provider);
        life.actor.send({ type: 'PROVIDER_LOST', provider, reason });
      }
    },
    async approved(name, hash) {
      const life = lives.get(name);
      life?.actor.send({ type: 'APPROVED', hash });
      const offer = life?.offers.find((one) => one.hash === hash);
      if (offer === undefined || life?.actor.getSnapshot().context.current?.hash === hash) return;
      await publish(offer);
    },
    entry(name) {
      const life = lives.get(name);
      return life && entryOf(life);
    },
    entries: () => [...lives.values()].map(entryOf),
    shelved: (name) => (lives.get(name)?.shelved ?? '') !== '',
    offers: () => [...lives.values()].flatMap(({ offers }) => offers),
    close() {
      for (const life of [...lives.values()]) life.actor.send({ type: 'CLOSE' });
    },
  };
}

function startActor(
  env: Env,
  times: LifeTimes,
  { name, provider, version, hash }: Offer,
  examine: (input: { offering: Offering; current: Offering | null }) => Promise<Examination>,
) {
  return createActor(
    toolLifeMachine.provide({ actors: { examine: fromPromise(({ input }) => examine(input)) } }),
    { input: { name, offering: { provider, version, hash }, ...times }, clock: env.clock },
  );
}

function entryOf({ name, actor }: Life): ToolLifeEntry {
  const { value, context } = actor.getSnapshot();
  return {
    name,
    state: value as LifeState,
    version: (context.current ?? context.pending)?.version ?? '',
    providers: context.providers.map(({ id }) => id),
    replacedBy: context.replacedBy,
    reason: context.reason,
  };
}

function word(
  offer: Offer,
  state: LifeState,
  reason: string,
  score: number | null,
  context?: ToolLifeContext,
): PublishedResult {
  const taken =
    (state === 'available' || state === 'deprecated') &&
    context?.current?.hash === offer.hash &&
    context.providers.some(({ id }) => id === offer.provider);
  return { name: offer.name, taken, state, reason: taken ? '' : reason, score, hash: offer.hash };
}
