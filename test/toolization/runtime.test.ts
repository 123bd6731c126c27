import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openStore } from '../../src/durable/index.ts';
import { connectNetMcp, memoryContextStore } from '../../src/netmcp/index.ts';
import { startNetMcp } from '../../src/runtime/netmcp.ts';
import type { Bundle } from '../../src/toolization/index.ts';
import { testEnv } from '../netmcp/support/env.ts';
import { closing, provider, sessions } from './support.ts';

async function runtime(...bundles: Array<{ bundle: Bundle; url?: string }>) {
  const dataDir = mkdtempSync(join(tmpdir(), 'netagent-import-'));
  closing(() => rmSync(dataDir, { recursive: true }));
  const files = bundles.map(({ bundle, url }, at) => {
    const file = join(dataDir, `tools-${at}.json`);
    writeFileSync(file, JSON.stringify(bundle));
    return { file, ...(url !== undefined && { url }) };
  });
  const env = testEnv();
  const nrf = await provider(
    ({ method }) =>
      method === 'POST'
        ? {
            status: 201,
            body: { subscriptionId: '1' },
            headers: { location: '/nnrf-nfm/v1/subscriptions/1' },
          }
        : method === 'GET'
          ? { status: 200, body: { validityPeriod: 60, nfInstances: [], _links: { item: [] } } }
          : { status: 204 },
    { h2c: true },
  );
  const store = openStore({ dir: dataDir, durability: 'write' });
  closing(() => store.close());
  const started = await startNetMcp({
    env,
    host: '127.0.0.1',
    nrf: nrf.url,
    contexts: memoryContextStore(),
    store,
    dataDir,
    agents: [],
    netmcp: { bundles: files },
  });
  closing(started.close);
  return { env, started };
}

test('the runtime serves bundles beside its own tools, at the URL that is given for them', async () => {
  const { url, seen } = await provider(() => ({ status: 200, body: [] }));
  const { env, started } = await runtime({ bundle: sessions(), url });
  const client = await connectNetMcp({ env, agentId: 'netagent/test', management: started.managers });
  closing(client.close);
  const result = await client.callTool('lane_sessions_list_sessions', {});
  expect(result).toMatchObject({ isError: false, server: 'imported-tools', output: { items: [] } });
  expect(seen).toHaveLength(1);
});

test('a bundle cannot put its tool in the place of another', async () => {
  const url = 'http://127.0.0.1:1';
  await expect(runtime({ bundle: sessions(), url }, { bundle: sessions(), url })).rejects.toMatchObject({
    code: 'TOOLS_BUNDLE_INVALID',
  });
  const own = sessions();
  const [first] = own.tools;
  if (first !== undefined) first.name = 'core_locate_ue';
  await expect(runtime({ bundle: own, url })).rejects.toThrow(/another tool core_locate_ue/);
});
