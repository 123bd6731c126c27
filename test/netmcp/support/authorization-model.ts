import type { ModelOptions } from '../../../src/testing/index.ts';

/** What the chart of authorisation is driven through: the events, and the outcomes of its effects. */

const failure = (retryable: boolean) => ({ failure: { problem: 'x', retryable } });
const errors = [failure(true), failure(false)];

const model = (
  grant: 'client_credentials' | 'authorization_code',
  { register = false, renewable = true }: { register?: boolean; renewable?: boolean } = {},
): ModelOptions => {
  const granted = { scopes: ['things:read'], expiresInMs: 3_600_000, renewable };
  return {
    input: { resource: 'r', grant, scopes: ['things:read'], maxAttempts: 1 },
    events: [
      { type: 'WANTED' },
      { type: 'CHALLENGED' },
      { type: 'INSUFFICIENT', scopes: ['things:read', 'netmcp:use'] } as never,
      { type: 'CLOSE' },
    ],
    effects: {
      discover: { outputs: [{ issuer: 'i', register, scopes: ['things:read'] }], errors },
      register: { outputs: [undefined], errors },
      ask: { outputs: [undefined], errors: [failure(false)] },
      request: { outputs: [granted], errors },
      renew: { outputs: [granted], errors },
    },
    counters: ['reason', 'stepUps'],
    // Once it is registered, a client is like one that was known before.
    ...(register && { within: (context) => context.registered !== true }),
  };
};

export const AUTHORIZATION_MODELS: ReadonlyMap<string, ModelOptions> = new Map([
  ['client credentials', model('client_credentials')],
  ['a person, with refresh', model('authorization_code')],
  ['a person, without refresh', model('authorization_code', { renewable: false })],
  ['a person, registering first', model('authorization_code', { register: true })],
]);
