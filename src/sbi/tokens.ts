import { z } from 'zod';
import type { Clock } from '../../machines/ports.ts';

/** As whom a client asks the NRF for access tokens. */
export interface SbiIdentity {
  nrf: string;
  nfInstanceId: string;
  nfType: string;
}

const granted = z.object({ access_token: z.string(), expires_in: z.number().optional() });
/** A token is asked for anew so long before it ends, ms. */
const MARGIN_MS = 10_000;

/** Access tokens by target and service (TS 29.510 5.4), as long as they hold. */
export class AccessTokens {
  readonly #clock: Clock;
  readonly #identity: SbiIdentity;
  readonly #ask: (base: string, path: string, form: string) => Promise<unknown>;
  readonly #held = new Map<string, { token: string; until: number }>();

  constructor(
    clock: Clock,
    identity: SbiIdentity,
    ask: (base: string, path: string, form: string) => Promise<unknown>,
  ) {
    this.#clock = clock;
    this.#identity = identity;
    this.#ask = ask;
  }

  held(nf: string, path: string): string | undefined {
    const held = this.#held.get(keyOf(nf, path));
    return held !== undefined && held.until > this.#clock.now() ? held.token : undefined;
  }

  /** Asks the NRF. @throws what it refuses */
  async fresh(nf: string, path: string): Promise<string> {
    const { nrf, nfInstanceId, nfType } = this.#identity;
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      nfInstanceId,
      nfType,
      targetNfType: nf,
      scope: serviceOf(path),
    });
    const { access_token, expires_in = 60 } = granted.parse(
      await this.#ask(nrf, '/oauth2/token', form.toString()),
    );
    const until = this.#clock.now() + expires_in * 1000 - MARGIN_MS;
    this.#held.set(keyOf(nf, path), { token: access_token, until });
    return access_token;
  }
}

const serviceOf = (path: string) => path.split('/')[1] ?? '';
const keyOf = (nf: string, path: string) => `${nf} ${serviceOf(path)}`;
