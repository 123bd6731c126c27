import { exportJWK, importPKCS8 } from 'jose';
import { z } from 'zod';
import type { ClientAuth } from '../../../src/netmcp/index.ts';
import { connectPlain } from '../../../src/netmcp/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';

/**
 * The client under test of the official suite's `auth/*` scenarios: our client, against the server whose
 * address is the last argument. The suite's authorisation server consents by itself.
 */
const contextSchema = z.object({
  client_id: z.string().optional(),
  client_secret: z.string().optional(),
  private_key_pem: z.string().optional(),
  signing_algorithm: z.string().optional(),
});

const url = process.argv.at(-1) as string;
const context = contextSchema.parse(JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}'));

async function authOf(): Promise<ClientAuth> {
  const { client_id: clientId, client_secret: clientSecret, private_key_pem: pem } = context;
  const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';
  if (scenario.startsWith('auth/client-credentials') && clientId !== undefined) {
    if (pem === undefined) return { clientId, ...(clientSecret !== undefined && { clientSecret }) };
    const alg = context.signing_algorithm ?? 'ES256';
    return {
      clientId,
      privateKey: { ...(await exportJWK(await importPKCS8(pem, alg, { extractable: true }))), alg },
    };
  }
  return {
    redirectUri: 'http://127.0.0.1:3000/callback',
    clientName: 'netagent conformance',
    clientMetadataUrl: 'https://conformance-test.local/client-metadata.json',
    ...(clientId !== undefined && {
      client: { clientId, ...(clientSecret !== undefined && { clientSecret }) },
    }),
    interactive: async (address, signal) => {
      const response = await fetch(address, { redirect: 'manual', signal });
      return response.headers.get('location') ?? undefined;
    },
  };
}

const client = await connectPlain({
  env: createEnv({ level: 'debug' }),
  target: url,
  auth: await authOf(),
});
const [tool] = await client.listTools();
if (tool !== undefined)
  await client.callTool(tool.name, {}).catch((error) => process.stderr.write(`${error}\n`));
await client.close();
