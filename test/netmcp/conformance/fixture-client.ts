/** The client that the official conformance suite drives: our session against the URL given last. */
import { exportJWK, importPKCS8 } from 'jose';
import type { ClientAuth } from '../../../src/netmcp/auth/token-source.ts';
// Not by the index: it is started 26 times, and needs no server.
import { connectPlain } from '../../../src/netmcp/client/plain.ts';
import { systemEnv } from './system-env.ts';

const url = process.argv.at(-1) as string;
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}') as Record<string, string>;

const CALLS = new Map<string, [string, Record<string, unknown>]>([
  ['tools_call', ['add_numbers', { a: 5, b: 3 }]],
  ['elicitation-sep1034-client-defaults', ['test_client_elicitation_defaults', {}]],
  ['sse-retry', ['test_reconnection', {}]],
]);

/** What the suite gives to authorise with: credentials, or a person whose browser follows one redirect. */
async function authOf(): Promise<ClientAuth | undefined> {
  if (!scenario.startsWith('auth/')) return undefined;
  const { client_id: clientId = '', client_secret: clientSecret, private_key_pem: pem } = context;
  if (scenario === 'auth/client-credentials-jwt') {
    const key = await importPKCS8(pem as string, context.signing_algorithm as string, { extractable: true });
    return { clientId, privateKey: { ...(await exportJWK(key)), alg: context.signing_algorithm as string } };
  }
  if (scenario.startsWith('auth/client-credentials'))
    return { clientId, ...(clientSecret !== undefined && { clientSecret }) };
  return {
    interactive: async (address) => {
      const page = await fetch(address, { redirect: 'manual' });
      return page.headers.get('location') ?? undefined;
    },
    redirectUri: 'http://localhost:3000/callback',
    clientMetadataUrl: 'https://conformance-test.local/client-metadata.json',
    ...(clientId !== '' && {
      client: { clientId, ...(clientSecret !== undefined && { clientSecret }) },
    }),
  };
}

const auth = await authOf();
const client = await connectPlain({
  env: systemEnv(),
  target: url,
  agentId: 'netagent/conformance',
  // The human takes the form as it stands: the defaults of the question fill it.
  onElicit: async () => ({ action: 'accept', content: {} }),
  ...(auth && { auth }),
});
await client.listTools();
const call = scenario.startsWith('auth/') ? (['test-tool', {}] as const) : CALLS.get(scenario);
if (call !== undefined) {
  const result = await client.callTool(call[0], call[1]);
  if (result.isError) throw new Error(result.text);
}
await client.close();
