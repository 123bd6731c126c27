import type { Check } from './step.ts';
import { BODY, SETUP } from './steps-given.ts';
import { ANSWERED, SENT, TOLD } from './steps-then.ts';
import type { World } from './world.ts';

const STEPS = [...SETUP, ...BODY, ...SENT, ...ANSWERED, ...TOLD];

/** Does one step. @throws if nothing here knows it, or what it claims does not hold */
export async function step(w: World, check: Check, text: string): Promise<void> {
  for (const [pattern, work] of STEPS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    await work(w, check, ...match.slice(1));
    return;
  }
  throw new Error(`no step for: ${text}`);
}
