import type { Activity } from './types.ts';

/** Waits for what is not work of the instance itself: who keeps its time may let it pass. */
export async function idling<T>(activity: Activity | undefined, wait: () => Promise<T>): Promise<T> {
  const back = activity?.idle?.();
  try {
    return await wait();
  } finally {
    back?.();
  }
}
