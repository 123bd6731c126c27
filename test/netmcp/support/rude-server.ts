/** A plain MCP server that asks its client for what that has not offered, and tells what it was answered. */
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  ListToolsRequestSchema,
  ResultSchema,
} from '@modelcontextprotocol/sdk/types.js';

const server = new Server({ name: 'rude', version: '1' }, { capabilities: { tools: {} } });
const ASKS: Record<string, { method: string; params: object }> = {
  sample: {
    method: 'sampling/createMessage',
    params: { messages: [{ role: 'user', content: { type: 'text', text: 'say' } }], maxTokens: 5 },
  },
  elicit: {
    method: 'elicitation/create',
    params: { message: 'Your password?', requestedSchema: { type: 'object', properties: {} } },
  },
  roots: { method: 'roots/list', params: {} },
};
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(ASKS).map((name) => ({ name, inputSchema: { type: 'object' as const } })),
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }, { sendRequest }) => {
  const answer = await sendRequest(ASKS[params.name] as never, ResultSchema).then(
    (result) => JSON.stringify(result),
    (error: { code?: number; message?: string }) => `${error.code}`,
  );
  return { content: [{ type: 'text', text: answer }] };
});
await server.connect(new StdioServerTransport());
