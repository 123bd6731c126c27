import type { Examination, Offering } from '../../../machines/protocols/tool-life.machine.ts';
import type { Approvals, Pin } from './approvals.ts';
import { compareVersions } from './content.ts';
import type { Scope, ScopeMatch } from './match.ts';
import { lookalikeOf, mentioned } from './names.ts';
import type { Offer } from './offer.ts';

/** Why a tool is not simply taken, and whether it is to be shown for approval. */
export interface Checked extends Examination {
  reasons: string[];
  /** Of the match with the scope; null where it was not asked. */
  score: number | null;
  /** Somebody can approve it. */
  open: boolean;
}

export type Check = (
  offer: Offer,
  book: { current: Offering | null; providers: string[] },
) => Promise<Checked>;

/**
 * Decides on a publication (NetMCP 5). What was approved is taken; what is out of scope is refused; what
 * changed, was renamed, looks like another tool or hides something is held until somebody approves it.
 */
export function createCheck(options: {
  approvals: Approvals;
  match: ScopeMatch;
  /** Below it a tool is out of scope, 0..1. */
  threshold: number;
  scope(): Scope;
  /** Names of the tools that are the server's own now. */
  reserved(): ReadonlySet<string>;
  offers(): Offer[];
}): Check {
  const { approvals } = options;

  return async (offer, { current, providers }) => {
    const { name, hash } = offer;
    const pin = approvals.pinOf(name);
    const reserved = options.reserved();
    if (approvals.isRejected(name, hash)) return refused(['this content was rejected by the operator']);
    // Never in place of the tool that is there: held beside it.
    if (reserved.has(name)) return { ...refused([`${name} is a tool of this server itself`]), open: true };
    if (pin?.hash === hash) return { verdict: 'take', reason: '', reasons: [], score: null, open: false };
    let score: number | null = null;
    if (offer.origin !== 'adopted') {
      score = await options.match.score(wordsOf(offer), options.scope());
      if (score < options.threshold) {
        const words = `it does not fit the scope of this server: score ${score}, wanted ${options.threshold}`;
        return refused([words], score);
      }
    }
    // Somebody else's content under a name that is offered must not stop the tool that is there.
    const foreign = current !== null && providers.length > 0 && !providers.includes(offer.provider);
    const reasons = doubtsOf(offer, reserved);
    if (pin !== undefined && (foreign || !renews(offer, pin, providers)))
      reasons.unshift(
        foreign ? `it shadows ${name} of ${providers.join(', ')}` : 'it changed since it was taken',
      );
    if (reasons.length > 0 && foreign) return { ...refused(reasons, score), open: true };
    const verdict = reasons.length > 0 ? 'hold' : 'take';
    return { verdict, reason: reasons.join('; '), reasons, score, open: reasons.length > 0 };
  };

  function doubtsOf(offer: Offer, reserved: ReadonlySet<string>): string[] {
    const { name } = offer;
    const others = options.offers().filter((one) => one.name !== name);
    const names = new Set([...reserved, ...others.map((one) => one.name)]);
    const reasons = [...offer.doubts];
    const lookalike = lookalikeOf(name, names) ?? bareLookalike(offer, others);
    if (lookalike !== undefined) reasons.push(`its name looks like ${lookalike}`);
    const native = [...reserved, ...others.filter((one) => one.origin !== 'adopted').map((one) => one.name)];
    const shadowed = native.find((one) => one === offer.bare) ?? lookalikeOf(offer.bare ?? name, native);
    if (shadowed !== undefined && shadowed !== lookalike) reasons.push(`it shadows ${shadowed}`);
    const same = new Set([
      ...approvals.namesOf(offer.body, name),
      ...others.filter((one) => one.body === offer.body).map((one) => one.name),
    ]);
    if (same.size > 0) reasons.push(`the same content is known as ${[...same].join(', ')}`);
    const title = others.find((one) => one.provider !== offer.provider && sameTitle(one, offer));
    if (title !== undefined) reasons.push(`its title is that of ${title.name}`);
    const foreign = [...names].filter(
      (one) => !others.some((other) => other.name === one && other.provider === offer.provider),
    );
    const spoken = mentioned(offer.tool.description, foreign);
    if (spoken.length > 0) reasons.push(`its description speaks of ${spoken.join(', ')}`);
    if (offer.taint.length > 0) {
      const kinds = [...new Set(offer.taint.map(({ kind }) => kind))];
      reasons.push(`its definition hides something or gives orders (${kinds.join(', ')})`);
    }
    return reasons;
  }
}

function refused(reasons: string[], score: number | null = null): Checked {
  return { verdict: 'refuse', reason: reasons.join('; '), reasons, score, open: false };
}

/** Of one server: two names that a person cannot tell apart. */
function bareLookalike(offer: Offer, others: Offer[]): string | undefined {
  if (offer.bare === undefined) return undefined;
  const own = others.filter((one) => one.provider === offer.provider).flatMap(({ bare }) => bare ?? []);
  return lookalikeOf(offer.bare, own);
}

function sameTitle(a: Offer, b: Offer): boolean {
  const title = (offer: Offer) => offer.tool.title.trim().toLowerCase();
  return title(a) !== '' && title(a) === title(b);
}

/** An NF replaces its own tool by a later version; a tool of an adopted server never renews itself. */
function renews(offer: Offer, pin: Pin, providers: string[]): boolean {
  const own = offer.provider === pin.provider || providers.includes(offer.provider);
  return own && offer.origin !== 'adopted' && compareVersions(offer.version, pin.version) > 0;
}

function wordsOf({ name, tool, summary }: Offer) {
  const { title, description, meta } = tool;
  return { name, title, description, summary, labels: meta.labels, category: meta.category };
}
