import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventObject } from 'xstate';
import { authorizationMachine } from '../../../machines/protocols/authorization.machine.ts';
import { readChallenge } from '../../../src/netmcp/auth/oauth.ts';
import { type ClientAuth, createTokenSource } from '../../../src/netmcp/auth/token-source.ts';
import { createHttpPool, type Fetch, type HttpPool } from '../../../src/netmcp/session/keep-alive.ts';
import { type ModelStep, modelPaths, runModel } from '../../../src/testing/index.ts';
import { authEnv, authOf, authWorld } from '../support/auth.ts';
import { AUTHORIZATION_MODELS } from '../support/authorization-model.ts';
import { browser } from '../support/browser.ts';
import { until } from '../support/env.ts';
import { read } from '../support/tools.ts';

/** The paths are the chart's; the servers are real, and each step has to happen in them too. */

const REDIRECT = 'http://127.0.0.1:9/callback';
let world: Awaited<ReturnType<typeof authWorld>>;
let pool: HttpPool;
let resource = '';
const clients = new Map<string, string>();

beforeAll(async () => {
  world = await authWorld({ registrationsPerMinute: 10_000, lifetimes: { accessToken: 3_600 } });
  pool = createHttpPool(8);
  const permission = { mode: 'token' as const, scopes: ['things:read'] };
  resource = (await world.toolServer('ran-tools', [{ ...read, meta: { ...read.meta, permission } } as never]))
    .url;
  for (const [name, grants] of [
    ['a person, with refresh', ['authorization_code', 'refresh_token']],
    ['a person, without refresh', ['authorization_code']],
  ] as const) {
    const response = await fetch(`${world.server.issuer}/reg`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ redirect_uris: [REDIRECT], grant_types: grants }),
    });
    clients.set(name, ((await response.json()) as { client_id: string }).client_id);
  }
});
afterAll(async () => {
  await pool.close();
  await world.close();
});

type Outcome = 'done' | 'down' | 'refused';

/** Holds each effect until the path says how it ends. */
function gates() {
  const waiting = new Map<string, (outcome: Outcome) => void>();
  return {
    waiting,
    wait: (effect: string, signal: AbortSignal | null | undefined) =>
      new Promise<Outcome>((resolve, reject) => {
        waiting.set(effect, resolve);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
  };
}

const effectOf = (url: URL): string | null => {
  if (url.pathname.startsWith('/.well-known/oauth-protected-resource')) return 'discover';
  if (url.pathname === '/reg') return 'register';
  if (url.pathname !== '/token') return null;
  return 'token';
};

async function follow(name: string, path: ModelStep[]): Promise<void> {
  const env = authEnv();
  const gate = gates();
  const person = browser(world.server.issuer);
  const fetch: Fetch = async (address, init) => {
    const url = new URL(address);
    const effect = effectOf(url);
    const outcome = effect === null ? 'done' : await gate.wait(effect, init?.signal);
    if (outcome === 'down') throw new TypeError('fetch failed');
    if (outcome === 'done') return pool.fetch(url, init);
    // A real refusal of the real server.
    if (effect === 'discover') {
      url.pathname += '/elsewhere';
      return pool.fetch(url, init);
    }
    if (effect === 'register') return pool.fetch(url, { ...init, body: '{}' });
    return pool.fetch(url, { ...init, body: new URLSearchParams({ grant_type: 'nothing', client_id: 'x' }) });
  };
  const known = clients.get(name);
  const auth: ClientAuth =
    name === 'client credentials'
      ? { ...authOf('netagent/test/bare'), scopes: ['things:read'] }
      : {
          scopes: ['things:read'],
          redirectUri: REDIRECT,
          ...(known !== undefined && { client: { clientId: known } }),
          interactive: async (url, signal) => {
            if ((await gate.wait('ask', signal)) === 'done')
              return person.consent(url, (scopes) => scopes.filter((scope) => scope === 'things:read'));
            return (await person.submit(await person.go(url), 'abort', [])).url;
          },
        };
  const source = createTokenSource({ env, resource, auth, fetch, limits: { maxAttempts: 1 } });
  let held: string | null = null;
  const quiet = (work: Promise<unknown>) => void work.catch(() => {});

  async function take(event: EventObject): Promise<void> {
    const [, kind, effect] = /^xstate\.(done|error)\.actor\.(\w+)$/.exec(event.type) ?? [];
    if (effect !== undefined) {
      const key = effect === 'request' || effect === 'renew' ? 'token' : effect;
      const open = await until(() => gate.waiting.get(key), 100_000);
      gate.waiting.delete(key);
      const { failure } = ((event as { error?: { failure: { retryable: boolean } } }).error ?? {}) as {
        failure?: { retryable: boolean };
      };
      return open(kind === 'done' ? 'done' : failure?.retryable ? 'down' : 'refused');
    }
    const timer = /^xstate\.after\.(\w+)\./.exec(event.type)?.[1];
    if (timer !== undefined)
      return env.pass(
        { fresh: 3_240_000, stale: 360_000, pause: 1_000, step: 30_000, consent: 600_000 }[timer] as number,
      );
    if (event.type === 'WANTED') return quiet(source.token());
    if (event.type === 'CLOSE') return source.close();
    if (event.type === 'CHALLENGED')
      return quiet(source.challenged(readChallenge(await challengeOf(401, 'broken')), held));
    if (event.type === 'INSUFFICIENT')
      return quiet(source.insufficient(readChallenge(await challengeOf(403, held)), held));
  }

  try {
    for (const [index, step] of path.entries()) {
      await take(step.event);
      const expected = leaf(step.value);
      await until(() => source.state().value === expected, 100_000).catch(() => {
        const way = path.slice(0, index + 1).map(({ event, value }) => `${event.type} -> ${leaf(value)}`);
        throw new Error(`${name}: is ${source.state().value} (${source.state().reason})\n${way.join('\n')}`);
      });
      if (expected === 'fresh') held = await source.token();
      if (step.context.granted !== undefined) expect(source.state().granted).toEqual(step.context.granted);
    }
  } finally {
    source.close();
  }
}

const leaf = (value: unknown): string =>
  typeof value === 'string' ? value : (Object.values(value as object)[0] as string);

/** The real server's refusal of this token. */
async function challengeOf(status: number, token: string | null): Promise<string | null> {
  const response = await pool.fetch(resource, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}` },
    body: '{}',
  });
  await response.body?.cancel();
  expect(response.status).toBe(status);
  return response.headers.get('www-authenticate');
}

test('the models together take every transition of the chart', async () => {
  const reports = await Promise.all(
    [...AUTHORIZATION_MODELS.values()].map((options) => runModel(authorizationMachine, options)),
  );
  const uncovered = reports.map((report) => new Set(report.uncovered));
  expect([...(uncovered[0] as Set<string>)].filter((id) => uncovered.every((set) => set.has(id)))).toEqual(
    [],
  );
});

test.each([...AUTHORIZATION_MODELS.keys()])(
  '%s: the real servers follow every path of the chart',
  async (name) => {
    const options = AUTHORIZATION_MODELS.get(name) as Parameters<typeof modelPaths>[1];
    const paths = modelPaths(authorizationMachine, options).filter(
      (path) => !path.some(({ event }) => event.type === 'test.unknown'),
    );
    expect(paths.length).toBeGreaterThan(10);
    for (const path of paths) await follow(name, path);
  },
  120_000,
);
