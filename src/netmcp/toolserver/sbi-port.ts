import { type ClientHttp2Session, connect } from 'node:http2';
import { z } from 'zod';
import type { Env } from '../../../machines/ports.ts';
import type { SbiRequest, SbiResponse } from '../tools/types.ts';
import type { SbiPort } from './call.ts';
import { notReached, SbiFailure } from './sbi-failure.ts';

const endpoint = z.object({ ipv4Address: z.string().optional(), port: z.number().optional() });
const service = z.object({
  serviceName: z.string(),
  scheme: z.string().default('http'),
  ipEndPoints: z.array(endpoint).default([]),
});
const searchResult = z.object({
  nfInstances: z.array(
    z.object({
      nfInstanceId: z.string(),
      nfServices: z.array(service).optional(),
      nfServiceList: z.record(z.string(), service).optional(),
    }),
  ),
});

/** Requests to NFs over HTTP/2 with prior knowledge; where an NF is, the NRF says (TS 29.510 5.3). */
export function openSbiPort(env: Env, nrf: string, requester: string): SbiPort {
  const lines = new Map<string, ClientHttp2Session>();
  const found = new Map<string, string>();

  function line(origin: string): ClientHttp2Session {
    const open = lines.get(origin);
    if (open !== undefined && !open.closed && !open.destroyed) return open;
    const fresh = connect(origin);
    fresh.on('error', (error) => env.log.debug({ origin, error: error.message }, 'SBI connection failed'));
    fresh.on('close', () => {
      if (lines.get(origin) === fresh) lines.delete(origin);
    });
    lines.set(origin, fresh);
    return fresh;
  }

  function send(
    origin: string,
    request: Omit<SbiRequest, 'service'>,
    signal: AbortSignal,
    traceparent?: string,
  ): Promise<SbiResponse> {
    return new Promise((resolve, reject) => {
      const search = request.query === undefined ? '' : `?${new URLSearchParams(request.query)}`;
      const body = request.body === undefined ? undefined : JSON.stringify(request.body);
      const stream = line(origin).request(
        {
          ':method': request.method,
          ':path': `${request.path}${search}`,
          accept: 'application/json, application/problem+json',
          'user-agent': `AF-${requester}`,
          ...(traceparent !== undefined && { traceparent }),
          ...(body !== undefined && { 'content-type': request.contentType ?? 'application/json' }),
        },
        { signal, endStream: body === undefined },
      );
      let status = 0;
      let location: string | null = null;
      let text = '';
      stream.setEncoding('utf8');
      stream.on('response', (headers) => {
        status = headers[':status'] ?? 0;
        location = headers.location ?? null;
      });
      stream.on('data', (chunk: string) => {
        text += chunk;
      });
      stream.on('end', () => {
        // The rest of an aborted stream is no answer.
        if (status === 0) return;
        resolve({ status, location, body: text === '' ? null : parse(text) });
      });
      stream.on('error', (error: NodeJS.ErrnoException) => {
        const refused = error.code === 'ECONNREFUSED' || error.code === 'ENOTFOUND';
        reject(
          refused
            ? notReached(request.nf, error.message)
            : new SbiFailure({
                code: 'NF_NO_ANSWER',
                message: `${request.nf} did not answer ${request.operation}: ${error.message}`,
                retryable: !signal.aborted,
                executed: 'maybe',
              }),
        );
      });
      if (body !== undefined) stream.end(body);
    });
  }

  async function originOf(request: SbiRequest, signal: AbortSignal): Promise<string> {
    const key = `${request.nf} ${request.service}`;
    const known = found.get(key);
    if (known !== undefined) return known;
    const answer = await send(
      new URL(nrf).origin,
      {
        nf: 'NRF',
        operation: 'SearchNFInstances',
        method: 'GET',
        path: '/nnrf-disc/v1/nf-instances',
        query: {
          'target-nf-type': request.nf,
          'requester-nf-type': 'AF',
          'service-names': request.service,
        },
      },
      signal,
    );
    const read = searchResult.safeParse(answer.body);
    for (const instance of read.success ? read.data.nfInstances : []) {
      const services = [...(instance.nfServices ?? []), ...Object.values(instance.nfServiceList ?? {})];
      const match = services.find((candidate) => candidate.serviceName === request.service);
      const at = match?.ipEndPoints[0];
      if (match === undefined || at === undefined) continue;
      const origin = `${match.scheme}://${at.ipv4Address ?? '127.0.0.1'}:${at.port ?? 80}`;
      found.set(key, origin);
      return origin;
    }
    throw notReached(request.nf, `the NRF knows no ${request.nf} with ${request.service}`);
  }

  return {
    async request(request, { signal, traceparent }) {
      const origin = await originOf(request, signal);
      try {
        return await send(origin, request, signal, traceparent);
      } catch (error) {
        // It may have moved: the next request asks the NRF again.
        found.delete(`${request.nf} ${request.service}`);
        throw error;
      }
    },
    async close() {
      for (const open of lines.values()) open.close();
      lines.clear();
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
