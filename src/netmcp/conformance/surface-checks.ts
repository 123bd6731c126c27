import { type Check, expect, skip } from '../../conformance/check.ts';
import { expectError, expectResult, type ServerContext, show } from './context.ts';
import type { Json } from './probe.ts';

const MOST = 8;

function can({ probe }: ServerContext, capability: string): void {
  const capabilities = (probe.welcome.capabilities ?? {}) as Json;
  if (capabilities[capability] === undefined) skip(`the server has no ${capability}`);
}

/** Resources and prompts, where a server has them (MCP 2025-11-25). */
export const SURFACE_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'mcp.resources',
    source: 'MCP 2025-11-25, resources',
    level: 'core',
    says: 'what resources/list names can be read; an unknown resource is an error (-32002)',
    async run(context) {
      can(context, 'resources');
      const { probe } = context;
      const { resources } = expectResult(await probe.ask('resources/list')) as { resources?: Json[] };
      expect(Array.isArray(resources), () => 'resources/list gives no list');
      for (const { uri } of resources.slice(0, MOST)) {
        const { contents } = expectResult(await probe.ask('resources/read', { uri })) as {
          contents?: Json[];
        };
        const right = contents?.every((one) => typeof one.text === 'string' || typeof one.blob === 'string');
        expect(right === true && contents?.[0]?.uri === uri, () => `${show(uri)}: ${show(contents)}`);
      }
      const absent = await probe.ask('resources/read', { uri: 'netmcp-conformance://absent' });
      expectError(absent, -32002, 'an unknown resource');
    },
  },
  {
    id: 'mcp.prompts',
    source: 'MCP 2025-11-25, prompts',
    level: 'core',
    says: 'prompts have messages; an unknown one, or one without what it requires, is an error (-32602)',
    async run(context) {
      can(context, 'prompts');
      const { probe } = context;
      const { prompts } = expectResult(await probe.ask('prompts/list')) as { prompts?: Json[] };
      expect(Array.isArray(prompts), () => 'prompts/list gives no list');
      for (const { name, arguments: args } of prompts.slice(0, MOST)) {
        const answer = await probe.ask('prompts/get', { name });
        if ((args as Json[] | undefined)?.some(({ required }) => required === true)) {
          expectError(answer, -32602, `${show(name)} without its arguments`);
          continue;
        }
        const { messages } = expectResult(answer);
        expect(Array.isArray(messages) && messages.length > 0, () => `${show(name)} has no messages`);
      }
      expectError(
        await probe.ask('prompts/get', { name: 'netmcp-conformance-absent' }),
        -32602,
        'an unknown one',
      );
    },
  },
];
