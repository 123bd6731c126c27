import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import { createSbiServer, invalid, problem, readBody, SbiProblem, type SbiServer } from '../../sbi/index.ts';
import type { NetworkFunction } from './function.ts';
import { HeartBeats } from './heart-beats.ts';
import type { Notifier } from './notifier.ts';
import { addDiscovery } from './nrf-discovery.ts';
import { changedAttributes, jsonPatch, type Profile, patched, profile } from './nrf-profile.ts';
import { NrfSubscriptions } from './nrf-subscriptions.ts';
import { startTokens } from './nrf-tokens.ts';
import type { TokenGuard } from './token-guard.ts';

const INSTANCES = '/nnrf-nfm/v1/nf-instances';
const positive = z.coerce.number().int().min(1).optional();

export interface Nrf extends NetworkFunction {
  /** Checks the tokens that this NRF gives. */
  guard: TokenGuard;
}

/** NRF (TS 29.510): who is there, and where; who may ask whom. */
export async function startNrf(options: { env: Env; host: string; notifier: Notifier }): Promise<Nrf> {
  const { env, host, notifier } = options;
  const server = await createSbiServer({ nf: 'NRF', host, log: env.log });
  const registry = new Registry({ env, server, notifier });
  addManagement(server, registry);
  addList(server, registry);
  addDiscovery(server, () => registry.profiles.values());
  const guard = await startTokens({
    clock: env.clock,
    server,
    profile: (id) => registry.profiles.get(id),
    profiles: () => registry.profiles.values(),
  });
  return {
    nf: 'NRF',
    url: server.url,
    instance: '00000000-0000-4000-8000-000000000000',
    guard,
    beat: () => Promise.resolve(),
    kill: () => server.kill(),
    revive: () => server.revive(),
    overload: () => undefined,
    close() {
      registry.close();
      return server.close();
    },
  };
}

/** Profiles with their versions, heart-beats and subscribers. */
class Registry {
  readonly profiles = new Map<string, Profile>();
  readonly #versions = new Map<string, number>();
  readonly #beats: HeartBeats;
  readonly #subscriptions: NrfSubscriptions;
  #serial = 0;

  constructor(options: { env: Env; server: SbiServer; notifier: Notifier }) {
    this.#subscriptions = new NrfSubscriptions(options);
    this.#beats = new HeartBeats(options.env.clock, (id) => {
      const silent = this.profiles.get(id);
      if (silent === undefined || silent.nfStatus === 'SUSPENDED') return;
      this.#keep({ ...silent, nfStatus: 'SUSPENDED' }, silent);
    });
  }

  known(id: string | undefined): Profile {
    const found = this.profiles.get(id ?? '');
    if (found === undefined) throw problem(404, 'RESOURCE_NOT_FOUND', `No instance ${id} is registered`);
    return found;
  }

  etag(id: string): string {
    return `"${this.#versions.get(id) ?? 0}"`;
  }

  /** True where it is new. */
  put(next: Profile): boolean {
    const before = this.profiles.get(next.nfInstanceId);
    this.#beats.heard(next.nfInstanceId, next.heartBeatTimer);
    if (before === undefined) this.#keep(next);
    else {
      this.#keep(next, before);
      if (changedAttributes(before, next).length === 0) this.#subscriptions.tell('NF_PROFILE_CHANGED', next);
    }
    return before === undefined;
  }

  change(before: Profile, next: Profile): void {
    this.#beats.heard(next.nfInstanceId, next.heartBeatTimer);
    this.#keep(next, before);
  }

  remove(id: string | undefined): void {
    const gone = this.known(id);
    this.profiles.delete(gone.nfInstanceId);
    this.#versions.delete(gone.nfInstanceId);
    this.#beats.stop(gone.nfInstanceId);
    this.#subscriptions.tell('NF_DEREGISTERED', gone);
  }

  close(): void {
    this.#beats.close();
  }

  #keep(next: Profile, before?: Profile): void {
    // A heart-beat that changes nothing is no change of the profile.
    if (before !== undefined && changedAttributes(before, next).every((one) => one === '/loadTimeStamp')) {
      this.profiles.set(next.nfInstanceId, next);
      return;
    }
    this.profiles.set(next.nfInstanceId, next);
    this.#versions.set(next.nfInstanceId, ++this.#serial);
    this.#subscriptions.tell(before === undefined ? 'NF_REGISTERED' : 'NF_PROFILE_CHANGED', next, before);
  }
}

function addManagement(server: SbiServer, registry: Registry): void {
  const ONE = `${INSTANCES}/{id}`;
  server.route('PUT', ONE, { body: profile }, ({ params, body }) => {
    if (body.nfInstanceId !== params.id) throw invalid('/nfInstanceId', 'is not that of the path');
    const fresh = registry.put(body);
    const headers = { etag: registry.etag(body.nfInstanceId) };
    const location = `${server.url}${INSTANCES}/${params.id}`;
    return fresh ? { status: 201, body, headers: { ...headers, location } } : { status: 200, body, headers };
  });
  server.route('GET', ONE, {}, ({ params, headers }) => {
    const body = registry.known(params.id);
    const etag = registry.etag(body.nfInstanceId);
    if (headers['if-none-match'] === etag) return { status: 304, headers: { etag } };
    return { status: 200, body, headers: { etag } };
  });
  const consumes = ['application/json-patch+json'];
  server.route('PATCH', ONE, { body: jsonPatch, consumes }, ({ params, body, headers }) => {
    const before = registry.known(params.id);
    const wanted = headers['if-match'];
    if (wanted !== undefined && wanted !== '*' && wanted !== registry.etag(before.nfInstanceId)) {
      const { problem: body } = problem(412, 'PRECONDITION_FAILED', 'The profile is of another version');
      throw new SbiProblem(body, { etag: registry.etag(before.nfInstanceId) });
    }
    const next = readBody(profile, patched(before, body));
    if (next.nfInstanceId !== params.id) throw invalid('/nfInstanceId', 'cannot be changed');
    registry.change(before, next);
    return { status: 200, body: next, headers: { etag: registry.etag(next.nfInstanceId) } };
  });
  server.route('DELETE', ONE, {}, ({ params }) => {
    registry.remove(params.id);
    return { status: 204 };
  });
}

function addList(server: SbiServer, registry: Registry): void {
  const query = z.object({
    'nf-type': z.string().optional(),
    limit: positive,
    'page-number': positive,
    'page-size': positive,
  });
  server.route('GET', INSTANCES, { query }, ({ query: asked }) => {
    const wanted = asked['nf-type'];
    const size = asked['page-size'];
    const from = size === undefined ? 0 : ((asked['page-number'] ?? 1) - 1) * size;
    const found = [...registry.profiles.values()]
      .filter((one) => wanted === undefined || one.nfType === wanted)
      .slice(0, asked.limit);
    const page = size === undefined ? found : found.slice(from, from + size);
    const item = page.map((one) => ({ href: `${server.url}${INSTANCES}/${one.nfInstanceId}` }));
    return {
      status: 200,
      contentType: 'application/3gppHal+json',
      body: {
        _links: { item, self: { href: `${server.url}${INSTANCES}` } },
        totalItemCount: found.length,
      },
    };
  });
}
