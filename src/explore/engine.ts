import type { Clock, Log, Random } from '../../machines/ports.ts';
import { drawSeed, explore } from './explorer.ts';
import { blastProblem, type Comparison, evidenceOf, Futures, gate, needsApproval } from './gate.ts';
import type { Library } from './library.ts';
import { readProposals } from './proposals.ts';
import { judgeRule, notSettable, type Rule } from './rules.ts';
import type { SearchName } from './search/index.ts';
import type {
  Bounds,
  Considered,
  Decision,
  Evidence,
  Limits,
  Parameters,
  Proposer,
  Sandbox,
  Situation,
  Source,
} from './types.ts';

export interface EngineParts {
  rules: readonly Rule[];
  library: Library;
  sandbox: Sandbox;
  random: Random;
  clock: Pick<Clock, 'now'>;
  log: Log;
  proposer?: Proposer;
  search?: SearchName;
}

export interface Question {
  situation: Situation;
  bounds: Bounds;
  limits: Limits;
  signal?: AbortSignal;
}

/**
 * The dual engine: expert rules, then proven experience, and where neither reaches an explorer. What it
 * decides is to be tried by the `trial` chart, nothing is set here. The same parts, question and random
 * numbers give the same decision. Rejects with EXPLORE_SANDBOX_FAILED or the reason of the signal.
 */
export function createDualEngine(parts: EngineParts): { decide(question: Question): Promise<Decision> } {
  return { decide: (question) => new Deciding(parts, question).run() };
}

/** One decision on its way. */
class Deciding {
  readonly #parts: EngineParts;
  readonly #question: Question;
  readonly #futures: Futures;
  readonly #considered: Considered[] = [];

  constructor(parts: EngineParts, question: Question) {
    this.#parts = parts;
    this.#question = question;
    this.#futures = new Futures(parts.sandbox, question.situation, question.limits, question.signal);
  }

  async run(): Promise<Decision> {
    const { situation, limits } = this.#question;
    const tooWide = blastProblem(situation.scope, limits);
    if (tooWide !== null) return this.#none(tooWide);
    return (await this.#byRule()) ?? (await this.#byExperience()) ?? (await this.#byExploring());
  }

  async #byRule(): Promise<Decision | null> {
    const { situation, bounds, limits } = this.#question;
    for (const rule of this.#parts.rules) {
      const { verdict, text } = judgeRule(rule, situation, bounds);
      if (verdict === 'other-goal') continue;
      const warned = verdict === 'reaches' && this.#warned('rule', rule.id, rule.parameters);
      if (warned) continue;
      if (verdict !== 'reaches') {
        this.#note('rule', rule.id, text);
        continue;
      }
      if (!limits.tryRules) return this.#decided('rule', rule.id, rule.parameters, rule.reason, null, []);
      const comparison = await this.#tried('rule', rule.id, rule.parameters);
      if (comparison) return this.#decided('rule', rule.id, rule.parameters, rule.reason, comparison, []);
    }
    return null;
  }

  async #byExperience(): Promise<Decision | null> {
    const { situation, bounds } = this.#question;
    const found = this.#parts.library.find(situation, bounds);
    if (found === null) {
      this.#note('experience', '', 'no case is near enough');
      return null;
    }
    const { id, parameters, evidence } = found.case;
    // Its evidence is of another situation, if a near one: this one is the sandbox's to judge.
    const comparison = await this.#tried('experience', id, parameters);
    if (comparison === null) return null;
    const reason = `helped in a situation ${found.distance.toFixed(3)} away`;
    return this.#decided('experience', id, parameters, reason, comparison, evidence);
  }

  async #byExploring(): Promise<Decision> {
    const { situation, bounds, limits } = this.#question;
    const { library, random, search = 'bayesian' } = this.#parts;
    const explored = await explore({
      futures: this.#futures,
      bounds,
      limits,
      random,
      search,
      proposals: await this.#proposals(),
      hints: library
        .list()
        .filter((one) => one.withdrawn === null && one.goal.kpi === situation.goal.kpi)
        .slice(-2)
        .map((one) => one.parameters)
        .filter((parameters) => notSettable(parameters, bounds).length === 0),
      refused: (parameters) => library.warning(situation, parameters) !== null,
    });
    const { passed } = explored;
    if (passed === null) {
      this.#note('explorer', 'search', explored.problems.join('; '));
      return this.#none(
        `${explored.tried.length} sets of parameters were tried: ${explored.problems.join('; ')}`,
      );
    }
    const reason = `the best of ${explored.tried.length} tried in the sandbox, found by the ${passed.by}`;
    return this.#decided('explorer', passed.by, passed.parameters, reason, passed.comparison, []);
  }

  async #proposals(): Promise<Parameters[]> {
    const { proposer, log } = this.#parts;
    if (proposer === undefined) return [];
    const { situation, bounds, signal } = this.#question;
    try {
      const answer = await proposer.propose({ situation, bounds }, signal);
      const { proposals, refused } = readProposals(answer, bounds);
      for (const text of refused) this.#note('explorer', 'proposer', text);
      for (const { note } of proposals) this.#note('explorer', 'proposer', `proposes: ${note}`);
      return proposals.map(({ parameters }) => parameters);
    } catch (error) {
      signal?.throwIfAborted();
      log.warn({ error: String(error) }, 'the proposer of parameters failed');
      this.#note('explorer', 'proposer', 'it did not answer');
      return [];
    }
  }

  /** Tries parameters in the sandbox; null, with a note, where the gate refuses them. */
  async #tried(source: Source, id: string, parameters: Parameters): Promise<Comparison | null> {
    const { limits } = this.#question;
    const seeds = Array.from({ length: limits.futures }, () => drawSeed(this.#parts.random));
    const comparison = await this.#futures.compare(parameters, seeds);
    const problems = gate(comparison, limits);
    if (problems.length === 0) return comparison;
    this.#note(source, id, problems.join('; '));
    return null;
  }

  #warned(source: Source, id: string, parameters: Parameters): boolean {
    const warning = this.#parts.library.warning(this.#question.situation, parameters);
    if (warning !== null) this.#note(source, id, `did harm in such a situation: ${warning.withdrawn}`);
    return warning !== null;
  }

  #note(source: Source, id: string, verdict: string): void {
    this.#considered.push({ source, id, verdict });
  }

  #decided(
    source: Source,
    id: string,
    parameters: Parameters,
    reason: string,
    comparison: Comparison | null,
    before: readonly Evidence[],
  ): Decision {
    const { situation, limits } = this.#question;
    const { scope, goal } = situation;
    return {
      source,
      id,
      parameters,
      scope,
      reason,
      expected: comparison?.gain ?? null,
      evidence:
        comparison === null
          ? [...before]
          : [...before, evidenceOf('sandbox', this.#parts.clock.now(), goal.kpi, comparison)],
      approval: needsApproval(scope, limits),
      considered: this.#considered,
      evaluations: this.#futures.evaluations,
    };
  }

  #none(reason: string): Decision {
    return {
      source: 'none',
      id: '',
      parameters: null,
      scope: this.#question.situation.scope,
      reason,
      expected: null,
      evidence: [],
      approval: false,
      considered: this.#considered,
      evaluations: this.#futures.evaluations,
    };
  }
}
