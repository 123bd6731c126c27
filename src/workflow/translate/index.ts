export { type Check, type DownOptions, type ToolFacts, type Translation, translateDown } from './down.ts';
export { FIGURES, type Figure } from './figures.ts';
export { type Measure, type Policy, type PolicyInput, type PolicyTarget, policySchema } from './policy.ts';
