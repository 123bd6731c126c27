import { NetAgentError } from '../../../machines/failure.ts';
import type { Env } from '../../../machines/ports.ts';
import { SbiClient } from '../../sbi/index.ts';
import type { SbiPort } from './call.ts';
import { notReached, SbiFailure } from './sbi-failure.ts';

/** Requests to the NF that the NRF names for a type (TS 29.510 5.3), in the terms of the tool-call chart. */
export function openSbiPort(env: Env, nrf: string): SbiPort {
  const client = new SbiClient({ env });
  return {
    async request(request, { signal, traceparent }) {
      const { nf, method, path, query, body, contentType, operation } = request;
      // The NRF does not register at itself.
      const found = request.base ?? (nf === 'NRF' ? nrf : client.discover(nrf, nf, signal));
      const base = await Promise.resolve(found).catch((error: unknown) => {
        throw notReached(nf, problemOf(error));
      });
      try {
        const reply = await client.request({
          nf,
          base,
          // A published tool belongs to its publisher: no other instance is asked in its place.
          ...(request.base === undefined && { others: nrf }),
          method,
          path,
          signal,
          ...(query !== undefined && { query }),
          ...(body !== undefined && { body }),
          ...(contentType !== undefined && { contentType }),
          ...(traceparent !== undefined && { headers: { traceparent } }),
        });
        return { status: reply.status, body: reply.body, location: reply.headers.location ?? null };
      } catch (error) {
        if (!(error instanceof NetAgentError)) throw error;
        const { status, problem } = error.details;
        if (error.code === 'SBI_FAILED' && typeof status === 'number')
          return { status, body: problem, location: null };
        if (error.code === 'SBI_UNREACHABLE') throw notReached(nf, problemOf(error));
        throw new SbiFailure({
          code: error.code,
          message: `${nf} did not answer ${operation}: ${error.message}`,
          retryable: error.class === 'retryable' && !signal.aborted,
          executed: 'maybe',
        });
      }
    },
    close: () => client.close(),
  };
}

function problemOf(error: unknown): string {
  if (error instanceof NetAgentError && typeof error.details.problem === 'string')
    return error.details.problem;
  return error instanceof Error ? error.message : String(error);
}
