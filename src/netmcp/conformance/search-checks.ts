import { type Check, expect, skip } from '../../conformance/check.ts';
import { METHODS, toolsDiscoverResultSchema } from '../schema/index.ts';
import { expectError, expectShape, needs, type ServerContext, show } from './context.ts';
import type { Json } from './probe.ts';

const find = async ({ probe }: ServerContext, params: Json) =>
  expectShape(await probe.ask(METHODS.toolsDiscover, params), toolsDiscoverResultSchema, 'tools/discover');

/** A tool of the server, in its own words. */
function wanted(context: ServerContext) {
  needs(context, 'discover');
  const tool = context.sample?.tool ?? context.tools[0];
  if (tool === undefined) skip('no tools');
  return { tool, requirement: `${tool.title ?? tool.name}. ${tool.description ?? ''}`.slice(0, 1_000) };
}

/** Finding tools (NetMCP 8). */
export const SEARCH_CHECKS: Array<Check<ServerContext>> = [
  {
    id: 'discover.finds',
    source: 'NetMCP 8',
    level: 'core',
    says: 'a tool is found by its own words, the best first, the definitions those of tools/list',
    async run(context) {
      const { tool, requirement } = wanted(context);
      const { tools } = await find(context, { requirement });
      expect(
        tools.some(({ name }) => name === tool.name),
        () => `${tool.name} is not among ${show(tools.map(({ name }) => name))}`,
      );
      const scores = tools.map(({ score }) => score);
      expect(
        scores.every((score, i) => score >= 0 && score <= (scores[i - 1] ?? 1)),
        () => `scores ${show(scores)}`,
      );
      for (const { name, definition, partial } of tools) {
        const listed = context.tools.find((one) => one.name === name);
        expect(listed !== undefined, () => `${name} is not in tools/list`);
        expect(
          partial === true || JSON.stringify(definition) === JSON.stringify(listed),
          () => `the definition of ${name} is another one than in tools/list`,
        );
      }
    },
  },
  {
    id: 'discover.limit',
    source: 'NetMCP 8',
    level: 'core',
    says: 'no more tools than asked for',
    async run(context) {
      const { requirement } = wanted(context);
      const { tools } = await find(context, { requirement, limit: 1 });
      expect(tools.length <= 1, () => `limit 1, ${tools.length} tools`);
    },
  },
  {
    id: 'discover.budget',
    source: 'NetMCP 8',
    level: 'core',
    says: 'the definitions cost no more tokens than the budget; what is left out is named',
    async run(context) {
      const { requirement } = wanted(context);
      const counted = async (params: Json) => {
        const found = await find(context, { requirement, ...params });
        const sum = found.tools.reduce((total, tool) => total + tool.tokens, 0);
        expect(sum === found.tokens, () => `tokens ${found.tokens}, the tools' together ${sum}`);
        return found;
      };
      const whole = await counted({});
      for (const budgetTokens of [1, Math.max(1, Math.ceil(whole.tokens / 2))]) {
        const { tools, tokens, omitted } = await counted({ budgetTokens });
        expect(tokens <= budgetTokens, () => `${tokens} tokens for a budget of ${budgetTokens}`);
        expect(tools.length > 0 || omitted.length > 0, () => 'nothing is found, and nothing left out');
      }
    },
  },
  {
    id: 'discover.malformed',
    source: 'NetMCP 8',
    level: 'core',
    says: 'a malformed question is refused (-32602)',
    async run(context) {
      needs(context, 'discover');
      const requirement = 'anything';
      for (const params of [
        {},
        { requirement: '' },
        { requirement, limit: 0 },
        { requirement, budgetTokens: -1 },
      ])
        expectError(await context.probe.ask(METHODS.toolsDiscover, params), -32602, show(params));
    },
  },
];
