import { type Is, type Json, Rpc } from './faults.ts';

const words = (text: string) => new Set(text.toLowerCase().split(/[^a-z]+/));

/** tools/discover (NetMCP 8): the share of the words of the requirement that a tool has. */
export function wrongSearch(is: Is, definitions: () => Json[]) {
  return (params: Json): Json => {
    const { requirement, limit = 5, budgetTokens = 100_000 } = params as Record<string, number>;
    const right =
      typeof requirement === 'string' &&
      requirement !== '' &&
      Number(limit) >= 1 &&
      Number(budgetTokens) >= 1;
    if (!right && !is('any-question')) throw new Rpc(-32602, 'Malformed question');
    const asked = [...words(String(requirement))];
    const all = definitions();
    let found = all
      .map((definition) => {
        const own = words(`${definition.name} ${definition.description}`);
        const score = asked.filter((word) => own.has(word)).length / asked.length;
        return { name: String(definition.name), score, tokens: cost(definition), definition };
      })
      .sort((a, b) => b.score - a.score);
    if (is('finds-the-wrong-tool')) found = found.slice(1);
    if (is('worst-first')) found.reverse();
    if (is('definition-differs'))
      found = found.map((one) => ({ ...one, definition: { ...one.definition, title: 'Another' } }));
    const tools: typeof found = [];
    const omitted: string[] = [];
    let tokens = 0;
    for (const one of is('over-limit') ? found : found.slice(0, limit)) {
      if (tokens + one.tokens > budgetTokens && !is('over-budget')) {
        omitted.push(one.name);
        continue;
      }
      tokens += one.tokens;
      tools.push(one);
    }
    return { tools, tokens: is('tokens-miscounted') ? 0 : tokens, of: all.length, omitted };
  };
}

const cost = (definition: Json) => Math.ceil(JSON.stringify(definition).length / 4);
