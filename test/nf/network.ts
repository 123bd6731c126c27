import { startNetwork } from '../../src/network/index.ts';
import type { UeRadio } from '../../src/network/model.ts';
import { type Attachment, SbiClient, type SbiExchange } from '../../src/sbi/index.ts';
import { closing, testEnv } from './support.ts';

export const SUPI = 'imsi-001010000000001';
export const START = Date.parse('2026-03-02T01:00:00Z');

export interface Ask {
  body?: unknown;
  query?: Record<string, string>;
  contentType?: string;
  headers?: Record<string, string>;
  attachments?: readonly Attachment[];
}

/** The whole network in Shanghai, and somebody who asks its functions. */
export async function network({ observe }: { observe?: (exchange: SbiExchange) => void } = {}) {
  const env = testEnv();
  const seen = observe === undefined ? {} : { observe };
  const net = closing(
    await startNetwork({
      env,
      host: '127.0.0.1',
      ...seen,
      simulation: { seed: 7, startTime: START, homeRegion: 'shanghai', supi: SUPI, uesPerRegion: 40 },
    }),
  );
  const client = closing(new SbiClient({ env, timeoutMs: 60_000, ...seen }));
  const ask = async (
    nf: string,
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    more: Ask = {},
  ) => {
    const base = nf === 'NRF' ? net.nrf : await client.discover(net.nrf, nf);
    return client.request({ nf, base, method, path, ...more });
  };
  const radio = async () => (await ask('GNB', 'GET', `/performance/v1/ues/${SUPI}`)).body as UeRadio;
  return { env, net, client, ask, radio };
}

export const refused = (status: number, cause: string) => ({
  code: 'SBI_FAILED',
  details: { status, cause },
});
