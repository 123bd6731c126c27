import type { RuntimeFunction } from '../functions.ts';
import { diagnose } from './diagnose.ts';
import { estimateExperience } from './experience.ts';

export { CAUSES, type Cause, type Diagnosis, diagnose, type Evidence } from './diagnose.ts';
export { type ExperienceEstimate, estimateExperience } from './experience.ts';

/** The built-in AI tools of the default catalogue, `NAME:1.0.0@default`: offline, pure, without a network. */
export const AI_FUNCTIONS: Record<string, RuntimeFunction> = {
  diagnose: async (input) => diagnose(input),
  'estimate-experience': async (input) => estimateExperience(input),
};
