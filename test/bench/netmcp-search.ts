/**
 * Finding tools (NetMCP 8) beside plain BM25 on LiveMCPBench and MetaTool: recall, NDCG, tokens that a model
 * is shown, time. Weights and word lists were chosen on the development splits; the goals count on the test splits.
 */
import { readAssociations } from '../../src/netmcp/search/associations.ts';
import { estimateTokens, fill } from '../../src/netmcp/search/budget.ts';
import { createFinder, type Finder } from '../../src/netmcp/search/finder.ts';
import { createUsage } from '../../src/netmcp/search/usage.ts';
import { type BenchTool, type Corpus, liveMcpBench, metaTool, present } from './netmcp-search/data.ts';
import { type Figures, interval, measure, type Rank } from './netmcp-search/measure.ts';
import { plainBm25 } from './netmcp-search/yardstick.ts';

const out = (line: string) => process.stdout.write(`${line}\n`);
const SHOWN = 5;

const documentsOf = (tools: readonly BenchTool[]) =>
  tools.map(({ definition: _, ...tool }, at) => ({ id: String(at), ...tool }));

const rankBy =
  (
    finder: Finder,
    tools: readonly BenchTool[],
    learnt?: ReturnType<ReturnType<typeof createUsage>['learnt']>,
  ): Rank =>
  (query) =>
    finder.find(query, learnt).map(({ id }) => tools[Number(id)]?.name ?? '');

function table(title: string, rows: ReadonlyMap<string, Figures>): void {
  out(`\n${title}`);
  out('method                              R@1   R@5  R@10  NDCG@10  ms/query');
  for (const [name, f] of rows) {
    out(
      `${name.padEnd(33)} ${[f.r1, f.r5, f.r10].map((x) => x.toFixed(1).padStart(5)).join(' ')} ${f.ndcg10.toFixed(1).padStart(8)} ${f.msPerQuery.toFixed(3).padStart(9)}`,
    );
  }
}

function run(corpus: Corpus) {
  const { tools, dev, test } = corpus;
  const began = performance.now();
  const finder = createFinder(documentsOf(tools));
  const buildMs = performance.now() - began;
  const words = createFinder(documentsOf(tools), { associations: readAssociations([]) });
  // What one client's history would teach: each development query once, with the tool that met it.
  const usage = createUsage({ now: () => 0 });
  const idOf = new Map(tools.map(({ name }, at) => [name, String(at)]));
  for (const query of dev)
    for (const tool of query.gold) usage.teach('client', query.text, idOf.get(tool) ?? '');
  const methods = new Map<string, Rank>([
    ['plain BM25', plainBm25(tools)],
    ['ours, no word lists', rankBy(words, tools)],
    ['ours', rankBy(finder, tools)],
    ['ours, use learnt from dev split', rankBy(finder, tools, usage.learnt('client'))],
  ]);
  // Warm-up on the development split, so that no method pays for the compiler.
  for (const rank of methods.values()) for (const { text } of dev.slice(0, 200)) rank(text);
  const figures = measure(test, methods);
  table(
    `${corpus.name}, test split: ${tools.length} tools, ${test.length} queries (${dev.length} in the development split)`,
    figures,
  );
  if (test.some(({ steps }) => steps !== undefined)) {
    methods.delete('ours, use learnt from dev split');
    table(
      `${corpus.name}, test split, the annotator's steps as lines`,
      measure(test, methods, ({ steps = '' }) => steps),
    );
    methods.delete('ours, no word lists');
    table(
      `${corpus.name}, all ${dev.length + test.length} queries (a third of them was developed on)`,
      measure([...dev, ...test], methods),
    );
  }
  const whole = tools.reduce((sum, { definition }) => sum + estimateTokens(definition), 0);
  const shown = test.map(({ text }) => {
    const found = finder.find(text).map(({ id }) => ({ definition: tools[Number(id)]?.definition ?? '' }));
    return fill(found, {
      textOf: ({ definition }) => definition,
      limit: SHOWN,
      budget: Number.POSITIVE_INFINITY,
    }).tokens;
  });
  shown.sort((a, b) => a - b);
  const mean = shown.reduce((sum, tokens) => sum + tokens, 0) / shown.length;
  const saved = Math.round((1 - mean / whole) * 1_000) / 10;
  out(
    `index built in ${buildMs.toFixed(0)} ms; tokens (estimate, budget.ts): whole list ${whole}, best ${SHOWN} on average ${mean.toFixed(0)}, at most ${shown.at(-1)}: -${saved} %`,
  );
  const plain = figures.get('plain BM25')!;
  const ours = figures.get('ours')!;
  out(`recall@5 over plain BM25: 95 % interval ${interval(ours.each, plain.each).join(' to ')} points`);
  return {
    gain: Math.round((ours.r5 - plain.r5) * 10) / 10,
    ndcg: Math.round((ours.ndcg10 - plain.ndcg10) * 10) / 10,
    saved,
  };
}

if (!present()) {
  out('netmcp-search: the tool sets (data/tools) are not present; nothing was measured.');
  out(JSON.stringify({ bench: 'netmcp-search', goals: [], skipped: 'data sets not present' }));
} else {
  const live = run(liveMcpBench());
  const meta = run(metaTool());
  const goal = (name: string, value: number, unit: string, least: number) => ({
    name,
    value,
    unit,
    goal: `>= ${least}`,
    ok: value >= least,
  });
  out(
    JSON.stringify({
      bench: 'netmcp-search',
      goals: [
        goal('LiveMCPBench recall@5 over plain BM25, test split', live.gain, 'points', 10),
        goal('MetaTool recall@5 over plain BM25, test split', meta.gain, 'points', 10),
        goal('LiveMCPBench NDCG@10 over plain BM25, test split', live.ndcg, 'points', 0),
        goal('MetaTool NDCG@10 over plain BM25, test split', meta.ndcg, 'points', 0),
        goal('tokens saved on 527 tools', live.saved, '%', 95),
      ],
    }),
  );
}
