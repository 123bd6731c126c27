/** The client that the official conformance suite drives: our session against the URL given last. */
const url = process.argv.at(-1) as string;
const scenario = process.env.MCP_CONFORMANCE_SCENARIO ?? '';

const CALLS = new Map<string, [string, Record<string, unknown>]>([
  ['tools_call', ['add_numbers', { a: 5, b: 3 }]],
  ['elicitation-sep1034-client-defaults', ['test_client_elicitation_defaults', {}]],
  ['sse-retry', ['test_reconnection', {}]],
]);

// Without authorisation code these cannot pass; they fail at once.
if (scenario.startsWith('auth/')) process.exit(1);
const { connectPlain } = await import('../../../src/netmcp/index.ts');
const { systemEnv } = await import('./system-env.ts');
const client = await connectPlain({
  env: systemEnv(),
  target: url,
  agentId: 'netagent/conformance',
  // The human takes the form as it stands: the defaults of the question fill it.
  onElicit: async () => ({ action: 'accept', content: {} }),
});
await client.listTools();
const call = CALLS.get(scenario);
if (call !== undefined) {
  const result = await client.callTool(call[0], call[1]);
  if (result.isError) throw new Error(result.text);
}
await client.close();
