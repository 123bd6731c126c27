import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createTls } from 'node:https';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { CAMARA_SCOPES, openCamara, tokenAccess } from '../../src/gateway/camara/index.ts';
import { readCatalogue } from '../../src/gateway/camara/profiles.ts';
import type { QosRecord } from '../../src/gateway/camara/record.ts';
import { connectNetMcp, startManagementServer, startToolServer, toolsOf } from '../../src/netmcp/index.ts';
import { startNetwork } from '../../src/network/index.ts';
import { createEnv } from '../../src/runtime/env.ts';
import { selfSigned } from '../netmcp/support/certificate.ts';

export const AUDIENCE = 'https://gateway.test/camara';
export const SUBSCRIBER = 'imsi-001010000000001';

export interface ReceivedEvent {
  headers: IncomingHttpHeaders;
  body: Record<string, unknown>;
}

const listen = (server: { listen(port: number, host: string, done: () => void): unknown }) =>
  new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));

/**
 * CAMARA's APIs over a real tool server and the simulated network, an authorisation server's keys, and a
 * sink with TLS that keeps what it was told.
 */
export async function openBench(options: { catalogueFile: string; perMinute?: number }) {
  const closers: Array<() => unknown> = [];
  const env = createEnv({ level: 'silent' });
  const network = await startNetwork({
    env,
    host: '127.0.0.1',
    simulation: {
      seed: 7,
      startTime: Date.parse('2026-03-02T01:00:00Z'),
      homeRegion: 'shanghai',
      supi: SUBSCRIBER,
      uesPerRegion: 40,
    },
  });
  closers.push(() => network.close());
  const management = await startManagementServer({ env, host: '127.0.0.1', port: 0 });
  closers.push(() => management.close());
  const tools = await startToolServer({
    env,
    host: '127.0.0.1',
    port: 0,
    id: 'core-tools',
    management: management.url,
    nrf: network.nrf,
    tools: toolsOf('core'),
  });
  closers.push(() => tools.close());
  const client = await connectNetMcp({ env, agentId: 'netagent/gateway/camara', management: management.url });
  closers.push(() => client.close());

  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'ES256', use: 'sig' }] };
  const issuerServer = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(jwks));
  });
  await listen(issuerServer);
  closers.push(() => issuerServer.close());
  const issuer = `http://127.0.0.1:${(issuerServer.address() as AddressInfo).port}`;

  const { key, cert } = selfSigned();
  const received: ReceivedEvent[] = [];
  const waiting = new Set<() => void>();
  const sink = createTls({ key, cert }, (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      received.push({ headers: request.headers, body: JSON.parse(Buffer.concat(parts).toString()) });
      response.statusCode = 204;
      response.end();
      for (const wake of [...waiting]) wake();
    });
  });
  await listen(sink);
  closers.push(() => sink.close());

  const records = new Map<string, QosRecord>();
  const catalogue = readCatalogue(options.catalogueFile);
  const open = (perMinute: number) =>
    openCamara({
      env,
      call: (name, args, call) => client.callTool(name, args, call),
      access: tokenAccess({ env, issuer, audience: AUDIENCE }),
      records: {
        put: (id, record) => void records.set(id, record),
        delete: (id) => records.delete(id),
        list: () => [...records].map(([id, value]) => ({ id, value })),
      },
      catalogue,
      targets: { allowHttp: false, allow: ['127.0.0.1'] },
      ca: cert,
      perMinute,
    });
  const serve = async (perMinute: number) => {
    const camara = open(perMinute);
    closers.push(() => camara.close());
    const http = createServer(express().use(camara.router));
    await listen(http);
    closers.push(() => http.close());
    return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  };

  const found = await client.callTool('core_find_session_of_subscriber', { supi: SUBSCRIBER });
  const address = String(found.output?.ipv4);

  return {
    url: await serve(100_000),
    /** Of the subscriber's phone. */
    address,
    /** The same with a limit that the first requests reach. */
    limited: await serve(1),
    sink: `https://127.0.0.1:${(sink.address() as AddressInfo).port}/notices`,
    received,
    records,
    token(claims: {
      client?: string;
      scopes?: string[];
      phoneNumber?: string;
      expired?: boolean;
      audience?: string;
    }) {
      const { client = 'app', scopes = CAMARA_SCOPES, phoneNumber, expired, audience = AUDIENCE } = claims;
      return new SignJWT({
        client_id: client,
        scope: scopes.join(' '),
        ...(phoneNumber !== undefined && { phone_number: phoneNumber }),
      })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: 'k' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(client)
        .setIssuedAt()
        .setExpirationTime(expired ? '-1h' : '1h')
        .sign(privateKey);
    },
    /** The first event that `check` holds for. */
    async event(check: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent> {
      for (;;) {
        const found = received.find(check);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
    async close() {
      for (const end of closers.splice(0).reverse()) await end();
    },
  };
}

export type Bench = Awaited<ReturnType<typeof openBench>>;
