import { Ajv2020 } from 'ajv/dist/2020.js';
import { type Check, expect, skip } from '../../conformance/check.ts';
import { EXTENSION, toolMetaSchema } from '../schema/index.ts';
import type { Tool } from '../session/server-session.ts';
import { compileRule } from '../toolserver/rules.ts';
import { MAX_DEFINITION } from '../toolserver/verify.ts';
import { expectResult, type ServerContext, show } from './context.ts';

const metaOf = (tool: Tool) => toolMetaSchema.safeParse(tool._meta?.[EXTENSION]);

/** Every tool that breaks the rule, with what is wrong. */
function eachTool(tools: Tool[], rule: (tool: Tool) => string | undefined): void {
  const wrong = tools.flatMap((tool) => {
    const problem = rule(tool);
    return problem === undefined ? [] : [`${tool.name}: ${problem}`];
  });
  expect(wrong.length === 0, () => wrong.slice(0, 5).join('; '));
}

/** Tool definitions (NetMCP 2; MCP 2025-11-25, tools). */
export const TOOL_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'tools.names',
    source: 'MCP 2025-11-25, tools, tool names',
    level: 'core',
    says: 'names are unique and of letters, digits, `_`, `-`, `.`',
    async run({ tools }) {
      eachTool(tools, ({ name }) => (/^[A-Za-z0-9_.-]{1,128}$/.test(name) ? undefined : 'not a tool name'));
      const names = tools.map(({ name }) => name);
      expect(new Set(names).size === names.length, () => 'a name stands twice in tools/list');
    },
  },
  {
    id: 'tools.schemas',
    source: 'MCP 2025-11-25, tools; JSON Schema 2020-12',
    level: 'core',
    says: 'input schemas are objects, and every schema compiles',
    async run({ tools }) {
      const ajv = new Ajv2020({ strict: false });
      eachTool(tools, ({ inputSchema, outputSchema }) => {
        if (inputSchema.type !== 'object') return 'the input schema is no object';
        try {
          ajv.compile(inputSchema);
          if (outputSchema !== undefined) ajv.compile(outputSchema);
          return undefined;
        } catch (error) {
          return error instanceof Error ? error.message : String(error);
        }
      });
    },
  },
  {
    id: 'tools.size',
    source: 'NetMCP 2',
    level: 'core',
    says: 'no definition has more than 4 KB',
    async run({ tools }) {
      eachTool(tools, (tool) => {
        const size = Buffer.byteLength(JSON.stringify(tool));
        return size > MAX_DEFINITION ? `${size} bytes` : undefined;
      });
    },
  },
  {
    id: 'tools.meta',
    source: 'NetMCP 2',
    level: 'core',
    says: 'tools of network functions carry their metadata, which fits the profile',
    async run({ tools }) {
      const carrying = tools.filter((tool) => tool._meta?.[EXTENSION] !== undefined);
      expect(carrying.length > 0, () => 'no tool has _meta["org.gtigroup/netmcp"]');
      eachTool(
        carrying.filter(
          (tool) => (tool._meta?.[EXTENSION] as { nf?: unknown } | undefined)?.nf !== undefined,
        ),
        (tool) => {
          const read = metaOf(tool);
          return read.success ? undefined : read.error.issues[0]?.message;
        },
      );
    },
  },
  {
    id: 'tools.constraints',
    source: 'NetMCP 2',
    level: 'core',
    says: 'constraints are CEL expressions that parse, with a message',
    async run({ tools }) {
      eachTool(tools, (tool) => {
        for (const { rule, message } of metaOf(tool).data?.constraints ?? []) {
          if (message === '') return `no message for ${rule}`;
          try {
            compileRule(rule);
          } catch {
            return `${rule} does not parse`;
          }
        }
        return undefined;
      });
    },
  },
  {
    id: 'tools.annotations',
    source: 'NetMCP 2',
    level: 'core',
    says: 'annotations agree with the effects: read is readOnlyHint, irreversible destructiveHint',
    async run({ tools }) {
      eachTool(tools, (tool) => {
        const effects = metaOf(tool).data?.effects;
        if (effects === undefined) return undefined;
        if ((tool.annotations?.readOnlyHint === true) !== (effects === 'read'))
          return `effects ${effects}, readOnlyHint ${show(tool.annotations?.readOnlyHint)}`;
        if ((tool.annotations?.destructiveHint === true) !== (effects === 'irreversible'))
          return `effects ${effects}, destructiveHint ${show(tool.annotations?.destructiveHint)}`;
        return undefined;
      });
    },
  },
  {
    id: 'tools.order',
    source: 'NetMCP 8',
    level: 'recommended',
    says: 'tools/list has one order as long as nothing happens between',
    async run({ probe }) {
      const names = async () => show(expectResult(await probe.ask('tools/list')).tools);
      const first = await names();
      expect(first === (await names()), () => 'two lists in a row differ');
    },
  },
  {
    id: 'tools.descriptions',
    source: 'NetMCP 2; white paper 3.2.1',
    level: 'recommended',
    says: 'every tool says in words what it does',
    async run({ tools }) {
      if (tools.length === 0) skip('no tools');
      eachTool(tools, ({ description }) => ((description ?? '').length < 10 ? 'no description' : undefined));
    },
  },
];
