import { createServer as createHttps, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTls, type Server as TlsServer } from 'node:tls';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  type ServiceClientConstructor,
} from '@grpc/grpc-js';
import { Aedes } from 'aedes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CallsOptions, createCalls } from '../../../src/workflow/calls/index.ts';
import { loadProto } from '../../../src/workflow/calls/proto.ts';
import { selfSigned } from '../../netmcp/support/certificate.ts';
import { callContext, faultOf, settableEnv } from './kit.ts';

const { key, cert } = selfSigned();
const PROTO = 'syntax = "proto3"; message A { string a = 1; } service S { rpc Echo(A) returns (A); }';
let web: HttpsServer;
let mqtt: TlsServer;
let broker: Aedes;
let grpc: Server;
let grpcPort: number;
const portOf = (server: HttpsServer | TlsServer) => (server.address() as AddressInfo).port;

beforeAll(async () => {
  web = createHttps({ key, cert }, ({ url }, response) => {
    if (url === '/a.proto') return response.end(PROTO);
    const servers = { bus: { host: `localhost:${portOf(mqtt)}`, protocol: 'secure-mqtt' } };
    const channels = { a: { address: 'a' } };
    const operations = { send: { action: 'receive', channel: { $ref: '#/channels/a' } } };
    return response.end(JSON.stringify({ asyncapi: '3.0.0', servers, channels, operations }));
  });
  broker = await Aedes.createBroker();
  mqtt = createTls({ key, cert }, broker.handle);
  for (const server of [web, mqtt]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }
  const definition = await loadProto({ url: new URL('file:///a.proto'), text: PROTO }, async () => {
    throw new Error('no imports');
  });
  grpc = new Server();
  grpc.addService((loadPackageDefinition(definition).S as ServiceClientConstructor).service, {
    Echo: ({ request }: { request: unknown }, done: (error: null, value: unknown) => void) =>
      done(null, request),
  });
  const secure = ServerCredentials.createSsl(null, [
    { private_key: Buffer.from(key), cert_chain: Buffer.from(cert) },
  ]);
  grpcPort = await new Promise((resolve, reject) =>
    grpc.bindAsync('127.0.0.1:0', secure, (error, port) => (error ? reject(error) : resolve(port))),
  );
});
afterAll(() => {
  grpc.forceShutdown();
  web.close();
  web.closeAllConnections();
  broker.close();
  mqtt.close();
});

const calls = (more: Partial<CallsOptions> = {}) =>
  createCalls({
    env: settableEnv(),
    policy: { allow: ['localhost'] },
    grpcTls: [`localhost:${grpcPort}`],
    resolve: async () => [{ address: '127.0.0.1', family: 4 }],
    ...more,
  });
const at = (path: string) => ({ endpoint: `https://localhost:${portOf(web)}${path}` });

test('every protocol is spoken over TLS with the authorities that the operator trusts', async () => {
  const trusting = calls({ ca: [cert] });
  expect(await trusting.http({ method: 'get', ...at('/') }, callContext())).toMatchObject({
    asyncapi: '3.0.0',
  });
  const message = { payload: 1 };
  expect(await trusting.asyncapi({ document: at('/'), operation: 'send', message }, callContext())).toEqual(
    message,
  );
  const service = { name: 'S', host: 'localhost', port: grpcPort };
  const args = { proto: at('/a.proto'), service, method: 'Echo', arguments: { a: 'x' } };
  expect(await trusting.grpc(args, callContext())).toEqual({ a: 'x' });
});

test('a certificate of nobody that is trusted ends the call', async () => {
  expect(await faultOf(calls().http({ method: 'get', ...at('/') }, callContext()))).toMatchObject({
    kind: 'communication',
    status: 503,
    detail: 'DEPTH_ZERO_SELF_SIGNED_CERT',
  });
  const documents: CallsOptions['fetch'] = async (url) =>
    String(url).endsWith('.proto')
      ? new Response(PROTO)
      : Response.json({
          asyncapi: '3.0.0',
          servers: { bus: { host: `localhost:${portOf(mqtt)}`, protocol: 'secure-mqtt' } },
          channels: { a: { address: 'a' } },
          operations: { send: { channel: { $ref: '#/channels/a' } } },
        });
  const wary = calls({ fetch: documents });
  const published = wary.asyncapi({ document: at('/'), operation: 'send', message: {} }, callContext());
  expect(await faultOf(published)).toMatchObject({ kind: 'communication', status: 503 });
  const service = { name: 'S', host: 'localhost', port: grpcPort };
  const called = wary.grpc({ proto: at('/a.proto'), service, method: 'Echo' }, callContext());
  expect(await faultOf(called)).toMatchObject({ kind: 'communication', status: 503 });
});
