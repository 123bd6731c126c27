import { afterEach, expect, test } from 'vitest';
import { connectPlain, startToolServer } from '../../src/netmcp/index.ts';
import type { ListenOptions } from '../../src/netmcp/session/host.ts';
import { loadQuic } from '../../src/netmcp/transport/quic-provider.ts';
import { selfSigned } from './support/certificate.ts';
import { testEnv } from './support/env.ts';
import { create, fakeSbi, ok, read } from './support/tools.ts';

const closers: Array<() => Promise<void>> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const tls = selfSigned();
const quic = (await loadQuic()) !== null;

async function serve(listen: ListenOptions) {
  const { port: nrf } = fakeSbi(() => ok({ value: 42 }));
  const server = await startToolServer({
    env: testEnv(),
    host: '127.0.0.1',
    port: 0,
    id: 's',
    nrf,
    tools: [create, read],
    listen,
  });
  closers.push(server.close);
  return server;
}

async function connect(endpoints: string[]) {
  const env = testEnv();
  const client = await connectPlain({ env, target: { endpoints, tls: { ca: tls.cert } } });
  closers.push(client.close);
  return { env, client };
}

// Without the optional package there is nothing over UDP to try.
const kinds = [
  { kind: 'http', scheme: 'http:', listen: {} },
  { kind: 'https', scheme: 'https:', listen: { tls } },
  { kind: 'http/3', scheme: 'https+h3:', listen: { tls, h3: { port: 0 } } },
  { kind: 'quic', scheme: 'quic:', listen: { tls, quic: { port: 0 } } },
].filter(({ kind }) => quic || ['http', 'https'].includes(kind));

test.each(kinds)('a session lists and calls tools over $kind', async ({ kind, scheme, listen }) => {
  const server = await serve(listen);
  const { client } = await connect(server.endpoints.filter((endpoint) => endpoint.startsWith(scheme)));
  expect(client.state()).toMatchObject({ phase: 'ready', transport: kind, fellBack: null });
  expect(client.agreement).toMatchObject({ mode: 'netmcp' });
  expect((await client.listTools()).map(({ name }) => name)).toEqual(
    expect.arrayContaining(['test_create', 'test_read']),
  );
  expect(await client.callTool('test_create', { share: 5, name: 'x' })).toMatchObject({
    output: { thing: 'x' },
  });
});
