import type { Approvals, Pin } from './approvals.ts';
import type { Examine } from './book.ts';
import { compareVersions } from './content.ts';
import type { Scope, ScopeMatch } from './match.ts';
import { lookalikeOf, mentioned } from './names.ts';
import type { Offer } from './offer.ts';

/**
 * Decides on a publication (NetMCP 5). What was approved is taken; what is out of scope is refused; what
 * changed, was renamed, looks like another tool or hides something is held until somebody approves it.
 */
export function createExaminer(options: {
  approvals: Approvals;
  match: ScopeMatch;
  /** Below it a tool is out of scope, 0..1. */
  threshold: number;
  scope(): Scope;
  /** Names of the tools that are the server's own. */
  reserved: ReadonlySet<string>;
  offers(): Offer[];
  alert(offer: Offer, reasons: string[]): void;
}): Examine {
  const { approvals, reserved } = options;

  return async (offer, { current, providers }) => {
    const { name, hash } = offer;
    const pin = approvals.pinOf(name);
    if (approvals.isRejected(name, hash))
      return { verdict: 'refuse', reason: 'this content was rejected by the operator', score: null };
    if (reserved.has(name)) return aside(offer, [`${name} is a tool of this server itself`], null);
    if (pin?.hash === hash) return { verdict: 'take', reason: '', score: null };
    let score: number | null = null;
    if (offer.origin !== 'adopted') {
      score = await options.match.score(wordsOf(offer), options.scope());
      if (score < options.threshold) {
        const reason = `it does not fit the scope of this server: score ${score}, wanted ${options.threshold}`;
        return { verdict: 'refuse', reason, score };
      }
    }
    // Somebody else's content under a name that is offered must not stop the tool that is there.
    const foreign = current !== null && providers.length > 0 && !providers.includes(offer.provider);
    const reasons = doubtsOf(offer);
    if (pin !== undefined && (foreign || !renews(offer, pin, providers)))
      reasons.unshift(
        foreign ? `it shadows ${name} of ${providers.join(', ')}` : 'it changed since it was taken',
      );
    if (reasons.length > 0 && foreign) return aside(offer, reasons, score);
    if (reasons.length > 0) {
      approvals.hold(offer, reasons);
      options.alert(offer, reasons);
      return { verdict: 'hold', reason: reasons.join('; '), score };
    }
    approvals.pin(offer);
    return { verdict: 'take', reason: '', score };
  };

  /** Held beside the tool that is there, which goes on. */
  function aside(offer: Offer, reasons: string[], score: number | null) {
    approvals.hold(offer, reasons);
    options.alert(offer, reasons);
    return { verdict: 'refuse' as const, reason: `held: ${reasons.join('; ')}`, score };
  }

  function doubtsOf(offer: Offer): string[] {
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
