import { type Is, type Json, Rpc } from './faults.ts';

const PROMPTS = [{ name: 'greet' }, { name: 'explain', arguments: [{ name: 'topic', required: true }] }];

/** Resources and prompts (MCP 2025-11-25); undefined if the method is none of them. */
export function wrongSurface(is: Is) {
  const texts = new Map([['wrong://about', 'A server.']]);
  return (method: string, params: Json): Json | undefined => {
    const uri = String(params.uri);
    switch (method) {
      case 'resources/list':
        return {
          resources: [...texts.keys(), ...(is('resource-unreadable') ? ['wrong://gone'] : [])].map((one) => ({
            uri: one,
            name: one,
          })),
        };
      case 'resources/read': {
        const text = texts.get(uri) ?? (is('any-resource') ? '' : undefined);
        if (text === undefined) throw new Rpc(-32002, 'Resource not found');
        return { contents: [{ uri: is('resource-of-another-uri') ? 'wrong://other' : uri, text }] };
      }
      case 'prompts/list':
        return { prompts: PROMPTS };
      case 'prompts/get': {
        const prompt = PROMPTS.find(({ name }) => name === params.name);
        if (prompt === undefined && !is('any-prompt')) throw new Rpc(-32602, 'Unknown prompt');
        const given = (params.arguments ?? {}) as Json;
        const missing = prompt?.arguments?.some(({ name }) => given[name] === undefined);
        if (missing && !is('prompt-needs-nothing')) throw new Rpc(-32602, 'Missing argument');
        const message = { role: 'user', content: { type: 'text', text: 'Hello.' } };
        return { messages: is('prompt-empty') ? [] : [message] };
      }
      default:
        return undefined;
    }
  };
}
