import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compose } from '../../src/netmcp/optimise/compose.ts';
import {
  argumentsOf,
  at,
  beginFlow,
  narrowFlow,
  type SeenCall,
  settle,
} from '../../src/netmcp/optimise/flow.ts';
import { createMiner, MINER_LIMITS } from '../../src/netmcp/optimise/miner.ts';
import { createShelf } from '../../src/netmcp/toolserver/shelf.ts';
import { locate, reserve } from './support/optimise.ts';

const seen = (name: string, args: Record<string, unknown>, output: unknown = {}): SeenCall => ({
  tool: name,
  args,
  output,
});

test('data of a client is never frozen into a tool: only truths and listed words are', () => {
  const calls = [
    seen('locate', { supi: 'imsi-1001' }, { cell: { id: 'x' } }),
    seen('reserve', { supi: 'imsi-1001', cellId: 'home-cell', ratio: 7, mode: 'hard' }),
  ];
  const flow = beginFlow(calls);
  narrowFlow(flow, calls);
  const pattern = {
    key: 'k',
    tools: ['locate', 'reserve'],
    count: 3,
    sessions: new Set<number>(),
    agents: new Set<string>(),
    flow,
    sample: { identity: { agent: 'a', authenticated: false, scopes: [], actors: [] }, calls },
  };
  const { plan, tool: made } = compose(pattern, createShelf([locate, reserve]));
  expect(plan.steps[1]?.get('mode')).toEqual({ from: 'constant', value: 'hard' });
  expect([...plan.inputs.keys()]).toEqual(['supi', 'cellId', 'ratio']);
  expect(JSON.stringify([made.title, made.description, made.meta])).not.toMatch(/imsi|home-cell/);
});

test('a link that breaks once is no link', () => {
  const calls = (id: string, used: string) => [seen('locate', {}, { id }), seen('reserve', { cellId: used })];
  const flow = beginFlow(calls('c-1', 'c-1'));
  narrowFlow(flow, calls('c-2', 'c-2'));
  expect(settle(flow, () => false).linked).toBe(1);
  narrowFlow(flow, calls('c-3', 'other'));
  expect(settle(flow, () => false).linked).toBe(0);
});

test('what is planned gives back the arguments that were seen, whatever they are', () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string(), { maxLength: 3 }));
  const args = fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'constructor', 'toString'), value);
  fc.assert(
    fc.property(args, fc.jsonValue(), args, (first, output, second) => {
      const calls = [seen('x', first, output), seen('y', second)];
      const flow = beginFlow(calls);
      const plan = settle(flow, () => true);
      const inputs = Object.fromEntries(
        [...plan.inputs].map(([name, { step: of, parameter }]) => [name, calls[of]?.args[parameter]]),
      );
      plan.steps.forEach((sources, i) => {
        const made = argumentsOf(sources, inputs, [output]);
        expect(JSON.stringify(Object.entries(made).sort())).toBe(
          JSON.stringify(Object.entries(calls[i]?.args ?? {}).sort()),
        );
      });
    }),
  );
  expect(at({ a: 1 }, ['__proto__'])).toBeUndefined();
});

test('a call that fails cuts a sequence, and does not make two sessions of one', () => {
  const identity = { agent: 'a', authenticated: false, scopes: [], actors: [] };
  const miner = createMiner<number>({ ...MINER_LIMITS, minAgents: 1 });
  const once = () => {
    miner.seen(0, identity, seen('x', {}), 0);
    miner.interrupt(0);
    const cut = miner.seen(0, identity, seen('y', {}), 0);
    expect(cut).toEqual([]);
    miner.seen(0, identity, seen('x', {}), 0);
    return miner.seen(0, identity, seen('y', {}), 0);
  };
  for (let i = 0; i < 5; i += 1) expect(once().filter(({ tools }) => tools.join() === 'x,y')).toEqual([]);
  miner.gone(0);
  expect(once().map(({ tools }) => tools.join())).toContain('x,y');
});

test('the memory of the miner is bounded, and a tool that repeats is no sequence', () => {
  const identity = { agent: 'a', authenticated: false, scopes: [], actors: [] };
  const miner = createMiner<number>({ ...MINER_LIMITS, maxSessions: 3, maxPatterns: 10 });
  for (let i = 0; i < 100; i += 1) {
    miner.seen(i, identity, seen(`t${i}`, {}), i);
    miner.seen(i, identity, seen(`u${i}`, {}), i);
  }
  expect(miner.size).toEqual({ sessions: 3, patterns: 10 });
  const polling = createMiner<number>({ ...MINER_LIMITS, minAgents: 1, minSessions: 1 });
  for (let i = 0; i < 20; i += 1) expect(polling.seen(0, identity, seen('poll', {}), i)).toEqual([]);
  expect(polling.size.patterns).toBe(0);
});
