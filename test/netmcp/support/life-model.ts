import type { EventObject } from 'xstate';
import type { ToolLifeContext } from '../../../machines/protocols/tool-life.machine.ts';
import type { ModelOptions } from '../../../src/testing/index.ts';

const event = (type: string, payload: object = {}): EventObject => ({ type, ...payload });
const verdicts = [
  { verdict: 'take', reason: '' },
  { verdict: 'hold', reason: 'changed' },
  { verdict: 'refuse', reason: 'out of scope' },
];
export const A1 = { provider: 'nf-a', version: '1.0', hash: 'h1' };
export const B1 = { ...A1, provider: 'nf-b' };
export const A2 = { provider: 'nf-a', version: '2.0', hash: 'h2' };

/** The space of one tool with two providers and two contents. */
export const lifeModel: ModelOptions = {
  input: { name: 'thing_read', offering: A1, maxFailures: 2, graceMs: 60_000, memoryMs: 600_000 },
  events: [
    event('PUBLISHED', A1),
    event('PUBLISHED', B1),
    event('PUBLISHED', A2),
    event('PROVIDER_LOST', { provider: 'nf-a', reason: 'gone' }),
    event('PROVIDER_LOST', { provider: 'nf-b', reason: 'gone' }),
    event('PROBE_FAILED', { provider: 'nf-a' }),
    event('PROBE_OK', { provider: 'nf-a' }),
    event('DEPRECATE', { replacedBy: 'other' }),
    event('REMOVE', { provider: 'nf-a', replacedBy: 'other' }),
    event('APPROVED', { hash: 'h1' }),
    event('APPROVED', { hash: 'h2' }),
    event('REJECTED', { hash: 'h1' }),
    event('REJECTED', { hash: 'h2' }),
    event('CLOSE'),
  ],
  effects: {
    examine: { outputs: verdicts, errors: [new Error('boom')] },
    renewal: { outputs: verdicts, errors: [new Error('boom')] },
  },
  counters: ['reason'],
  within: (context) => (context as unknown as ToolLifeContext).providers.length <= 2,
  limit: 20_000,
};
