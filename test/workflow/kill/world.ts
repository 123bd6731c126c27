import { RaisedError } from '../../../src/workflow/index.ts';

/** Calls that fail at first, with how often. */
const FAILS: Record<string, number> = { flaky: 2, flaky2: 1, broken: 99 };

export interface Done {
  key: string;
  id: string;
  input: unknown;
}

/**
 * The world that a workflow works on. It outlives the process: a call that comes again with the key of one that
 * was done has no effect and gets the same answer.
 */
export function createWorld(done: Done[] = []) {
  return {
    done,
    /** @throws what the call fails with */
    call(input: unknown, key: string, record: (one: Done) => void = () => {}): unknown {
      const { id } = input as { id: string };
      if (!done.some((one) => one.key === key)) {
        const one = { key, id, input };
        record(one);
        done.push(one);
      }
      const before = done.findIndex((one) => one.key === key);
      const nth = done.slice(0, before).filter((one) => one.id === id).length;
      if (nth < (FAILS[id] ?? 0)) {
        throw new RaisedError({
          type: 'https://example.com/flaky',
          status: 503,
          title: `${id} ${nth}`,
          detail: '',
        });
      }
      return { n: nth + 1 };
    },
  };
}
