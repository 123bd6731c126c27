import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NetworkTime } from '../../src/runtime/network-time.ts';

const settle = async () => {
  for (let i = 0; i < 20; i += 1) await new Promise((resolve) => setImmediate(resolve));
};

function lockstep() {
  const moves: number[] = [];
  const errors: unknown[] = [];
  const time = new NetworkTime({
    start: 0,
    mode: 'lockstep',
    wall: { now: () => 0, setTimeout: () => undefined, clearTimeout: () => undefined },
    advance: async (t) => {
      moves.push(t);
    },
    onError: (error) => errors.push(error),
  });
  return { time, moves, errors };
}

describe('network time in lock-step', () => {
  test('stands still while a participant works, and jumps when all wait', async () => {
    const { time, moves } = lockstep();
    const a = time.join();
    const b = time.join();
    a.activity.begin();
    b.clock.setTimeout(() => {}, 5_000);
    await settle();
    expect(moves).toEqual([]);
    a.clock.setTimeout(() => {}, 2_000);
    a.activity.end();
    await settle();
    expect(moves[0]).toBe(2_000);
    expect(time.now()).toBe(2_000); // `a` has no timer left: it is presumed to work
  });

  test('one that waits for what is outside holds nobody up, and nothing moves for it alone', async () => {
    const { time, moves } = lockstep();
    const listener = time.join();
    listener.activity.begin();
    const back = listener.activity.idle();
    await settle();
    expect(moves).toEqual([]);
    const other = time.join();
    other.clock.setTimeout(() => other.leave(), 2_000);
    await settle();
    expect(moves).toEqual([2_000]);
    back();
    time.join().clock.setTimeout(() => {}, 1_000);
    await settle();
    expect(moves).toEqual([2_000]); // the event has come: it works
  });

  test('a call is work until its callee waits, and again while the answer is on its way', async () => {
    const { time, moves } = lockstep();
    const caller = time.join();
    caller.activity.begin();
    const call = caller.call();
    await settle();
    expect(moves).toEqual([]); // the request is on its way
    const callee = time.join(call.id);
    let woke = 0;
    callee.clock.setTimeout(() => {
      woke += 1;
      callee.activity.begin();
    }, 1_000);
    await settle();
    expect({ moves, woke }).toEqual({ moves: [1_000], woke: 1 });
    callee.activity.end();
    callee.leave();
    const other = time.join();
    other.clock.setTimeout(() => {}, 9_000);
    await settle();
    expect(moves).toEqual([1_000]); // the answer is on its way
    call.end();
    caller.activity.end();
    caller.clock.setTimeout(() => {}, 4_000);
    await settle();
    expect(moves).toEqual([1_000, 5_000]);
  });

  test('a second workflow behind the same call may wait too', async () => {
    const { time, moves } = lockstep();
    const caller = time.join();
    caller.activity.begin();
    const call = caller.call();
    time.join(call.id).leave();
    const second = time.join(call.id);
    second.clock.setTimeout(() => {}, 700);
    await settle();
    expect(moves).toEqual([700]);
  });

  test('a cleared timer does not move time; a throwing one is reported and the rest fire', async () => {
    const { time, moves, errors } = lockstep();
    const a = time.join();
    const cleared = a.clock.setTimeout(() => {}, 100);
    let fired = false;
    a.clock.setTimeout(() => {
      throw new Error('boom');
    }, 200);
    a.clock.setTimeout(() => {
      fired = true;
    }, 200);
    a.clock.clearTimeout(cleared);
    await settle();
    expect(moves).toEqual([200]);
    expect(fired).toBe(true);
    expect(errors).toHaveLength(1);
  });

  test('property: timers fire in order of their time whatever the order of their setting', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 12 }),
        async (delays) => {
          const { time } = lockstep();
          const party = time.join();
          const fired: number[] = [];
          for (const delay of delays) party.clock.setTimeout(() => fired.push(delay), delay);
          for (let i = 0; i < 80 && fired.length < delays.length; i += 1) await settle();
          expect(fired).toEqual([...delays].sort((a, b) => a - b));
          time.close();
        },
      ),
      { numRuns: 40 },
    );
  });

  test('idle movement is refused while anybody takes part', async () => {
    const { time } = lockstep();
    expect(await time.idleTo(500)).toBe(true);
    const party = time.join();
    expect(await time.idleTo(900)).toBe(false);
    party.leave();
    expect(await time.idleTo(900)).toBe(true);
  });
});
