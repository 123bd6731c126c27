import type { loadChecker } from './description.ts';
import type { World } from './world.ts';

export type Check = ReturnType<typeof loadChecker>;
/** What a step says, and what is done for it. */
export type Step = [RegExp, (w: World, check: Check, ...groups: string[]) => unknown];
