import type { Env } from '../../../machines/ports.ts';

/** The outcome of `work`, if it comes within `ms`. @throws Error if it does not */
export async function inTime<T>(env: Env, ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = env.clock.setTimeout(() => late.reject(new Error(`not done within ${ms} ms`)), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    env.clock.clearTimeout(timer);
  }
}
