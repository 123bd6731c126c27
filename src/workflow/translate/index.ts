export { type Check, type DownOptions, type ToolFacts, type Translation, translateDown } from './down.ts';
export { FIGURES, type Figure } from './figures.ts';
export { type Insight, insightSchema, MAX_INSIGHT } from './insight.ts';
export { type Measure, type Policy, type PolicyInput, type PolicyTarget, policySchema } from './policy.ts';
export { type RunEvent, type RunRecord, translateUp } from './up.ts';
export { checkedWording, type Language, offlineWording, phraseOf, untrue, type Wording } from './wording.ts';
