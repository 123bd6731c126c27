import { NetAgentError } from '../../machines/failure.ts';
import type { Clock } from '../../machines/ports.ts';
import type { SbiRequester } from './client.ts';
import { operationOf } from './operation.ts';

export interface ChainEntry {
  nf: string;
  operation: string;
  /** HTTP status; 0 where no answer came. */
  status: number;
  ms: number;
}

/** A client over `client` that records every request, in the order in which they ended. */
export function recording(client: SbiRequester, clock: Clock): { client: SbiRequester; chain: ChainEntry[] } {
  const chain: ChainEntry[] = [];
  return {
    chain,
    client: {
      discover: (nrf, nfType, signal) => client.discover(nrf, nfType, signal),
      async request(options) {
        const began = clock.now();
        const record = (status: number) =>
          chain.push({
            nf: options.nf,
            operation: operationOf(options.method, options.path),
            status,
            ms: clock.now() - began,
          });
        try {
          const reply = await client.request(options);
          record(reply.status);
          return reply;
        } catch (error) {
          const status = error instanceof NetAgentError ? error.details.status : undefined;
          record(typeof status === 'number' ? status : 0);
          throw error;
        }
      },
    },
  };
}
