export { createDualEngine, type EngineParts, type Question } from './engine.ts';
export { FACTS } from './facts.ts';
export { type Comparison, compared, evidenceOf } from './gate.ts';
export { type Case, type Cases, type Library, type LibraryOptions, openLibrary } from './library.ts';
export { type Coverage, coverageOf, judgeRule, type Rule, readRules, ruleSchema } from './rules.ts';
export type { SearchName } from './search/index.ts';
export { smallPart, startTrial, TRIAL_DEFAULTS, type Trial, type TrialParts } from './trial.ts';
export type {
  Bound,
  Bounds,
  Claims,
  Considered,
  Decision,
  Evidence,
  Goal,
  Guard,
  Interval,
  Kpis,
  Limits,
  Live,
  OpenSandbox,
  Parameters,
  Proposer,
  Sandbox,
  Sandboxes,
  Scope,
  Situation,
  Source,
} from './types.ts';

/** The expert rules that ship. */
export const SHIPPED_RULES = new URL('./rules.yaml', import.meta.url);
