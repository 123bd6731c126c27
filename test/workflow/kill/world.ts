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
  const once = (one: Done, record: (one: Done) => void) => {
    if (done.some(({ key }) => key === one.key)) return;
    record(one);
    done.push(one);
  };
  return {
    done,
    /** An event, known by its id. */
    told: (id: string, data: unknown, record: (one: Done) => void = () => {}) =>
      once({ key: id, id: 'event', input: data }, record),
    /** @throws what the call fails with */
    call(input: unknown, key: string, record: (one: Done) => void = () => {}): unknown {
      const { id } = input as { id: string };
      once({ key, id, input }, record);
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
