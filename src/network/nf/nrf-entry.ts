import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import type { SbiClient } from '../../sbi/index.ts';

/** Heart-beat that a function asks for, s; the NRF may name another. */
const HEART_BEAT_S = 5;

/**
 * The profile of one function in the NRF: registration, heart-beats with load (TS 29.510 5.2.2.3.2), and
 * deregistration. An NRF that answers a PATCH of the load and keeps the old one gets the whole profile
 * each time; one that has forgotten the function gets it anew.
 */
export class NrfEntry {
  readonly #env: Env;
  readonly #client: SbiClient;
  readonly #nrf: string;
  readonly #path: string;
  readonly #profile: Record<string, unknown>;
  readonly #load: (() => number) | undefined;
  #seconds = HEART_BEAT_S;
  #timer: unknown;
  /** The NRF takes no load by PATCH; null: not known yet. */
  #replaces: boolean | null = null;
  #beating: Promise<void> = Promise.resolve();
  #silent = true;

  constructor(options: {
    env: Env;
    client: SbiClient;
    nrf: string;
    profile: Record<string, unknown> & { nfInstanceId: string };
    /** Absent: whoever it is reports no load here. */
    load?: () => number;
  }) {
    this.#env = options.env;
    this.#client = options.client;
    this.#nrf = options.nrf;
    this.#profile = options.profile;
    this.#load = options.load;
    this.#path = `/nnrf-nfm/v1/nf-instances/${options.profile.nfInstanceId}`;
  }

  /** @throws what the NRF refuses */
  async register(): Promise<void> {
    const { body } = await this.#put(this.#load === undefined ? undefined : 0);
    const named = (body as { heartBeatTimer?: unknown } | null)?.heartBeatTimer;
    if (typeof named === 'number' && named >= 1) this.#seconds = named;
    this.#silent = false;
    this.#schedule();
  }

  /** One heart-beat; a failure is logged and the next one comes in its time. */
  beat(): Promise<void> {
    this.#beating = this.#beating.then(async () => {
      if (this.#silent) return;
      try {
        await this.#report(this.#load?.());
      } catch (error) {
        this.#env.log.warn({ path: this.#path, problem: String(error) }, 'heart-beat failed');
      }
    });
    return this.#beating;
  }

  async #report(load: number | undefined): Promise<void> {
    if (this.#replaces === true) {
      await this.#put(load);
      return;
    }
    try {
      const { body } = await this.#request('PATCH', [
        { op: 'replace', path: '/nfStatus', value: 'REGISTERED' },
        ...(load === undefined ? [] : [{ op: 'replace', path: '/load', value: load }]),
      ]);
      if (this.#replaces === false || load === undefined) return;
      // Once: did it take? An answer without a body does not say.
      const kept = (body ?? (await this.#request('GET')).body) as { load?: unknown } | null;
      this.#replaces = kept?.load !== load;
      if (this.#replaces) await this.#put(load);
    } catch (error) {
      if (!(error instanceof NetAgentError) || error.details.status !== 404) throw error;
      await this.#put(load);
    }
  }

  /** No more heart-beats, and no word to the NRF. */
  silence(): void {
    this.#silent = true;
    this.#env.clock.clearTimeout(this.#timer);
  }

  async close({ deregister }: { deregister: boolean }): Promise<void> {
    this.silence();
    await this.#beating;
    if (!deregister) return;
    await this.#request('DELETE').catch((error: unknown) =>
      this.#env.log.warn({ path: this.#path, problem: String(error) }, 'deregistration failed'),
    );
  }

  #schedule(): void {
    this.#env.clock.clearTimeout(this.#timer);
    this.#timer = this.#env.clock.setTimeout(() => {
      void this.beat();
      if (!this.#silent) this.#schedule();
    }, this.#seconds * 1000);
    const timer = this.#timer;
    if (typeof timer === 'object' && timer !== null && 'unref' in timer) (timer as NodeJS.Timeout).unref();
  }

  #put(load: number | undefined) {
    const more = { heartBeatTimer: this.#seconds, ...(load !== undefined && { load }) };
    return this.#request('PUT', { ...this.#profile, ...more });
  }

  #request(method: 'GET' | 'PUT' | 'PATCH' | 'DELETE', body?: unknown) {
    return this.#client.request({
      nf: 'NRF',
      base: this.#nrf,
      method,
      path: this.#path,
      ...(body !== undefined && { body }),
      ...(method === 'PATCH' && { contentType: 'application/json-patch+json' }),
    });
  }
}
