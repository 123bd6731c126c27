/** The labelled tool sets, where present: LiveMCPBench and MetaTool, each cut into a development and a test split. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../../../../shared/data/tools');

export interface BenchTool {
  name: string;
  description: string;
  category: string;
  server?: { id: string; summary: string };
  parameters: Array<{ name: string; description: string }>;
  /** JSON of the definition, as a model would be shown it. */
  definition: string;
}

export interface Query {
  text: string;
  /** What a person planned, one step a line; only LiveMCPBench has it. */
  steps?: string;
  gold: string[];
}

export interface Corpus {
  name: string;
  tools: BenchTool[];
  /** The only queries that anything was chosen by. */
  dev: Query[];
  test: Query[];
}

/** One in `parts` of the keys, always the same ones. */
const held = (key: string, parts: number) =>
  createHash('sha256').update(key).digest().readUInt32BE(0) % parts === 0;

interface LiveServer {
  name: string;
  description?: string;
  category?: string;
  tools: Record<string, { tools?: LiveTool[] }>;
}
interface LiveTool {
  name: string;
  description?: string | null;
  inputSchema?: { properties?: Record<string, { description?: string } | null> };
}
interface LiveTask {
  task_id: string;
  Question: string;
  'Annotator Metadata': { Steps: string; Tools: string };
}

export const present = () => existsSync(join(ROOT, 'MetaTool')) && existsSync(join(ROOT, 'LiveMCPBench'));

const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

export function liveMcpBench(): Corpus {
  const tools = (JSON.parse(read('LiveMCPBench/tools.json')) as LiveServer[]).flatMap((server) =>
    Object.entries(server.tools).flatMap(([id, { tools: own = [] }]) =>
      own.map(({ name, description, inputSchema }) => ({
        name,
        description: description ?? '',
        category: server.category ?? '',
        server: { id, summary: `${server.name}. ${server.description ?? ''}` },
        parameters: Object.entries(inputSchema?.properties ?? {}).map(([parameter, schema]) => ({
          name: parameter,
          description: schema?.description ?? '',
        })),
        definition: JSON.stringify({ name, description, inputSchema }),
      })),
    ),
  );
  const names = new Set(tools.map((tool) => tool.name));
  const queries = (JSON.parse(read('LiveMCPBench/all_annotations.json')) as LiveTask[])
    .map((task) => ({
      id: task.task_id,
      text: task.Question,
      steps: task['Annotator Metadata'].Steps,
      gold: [
        ...new Set(
          task['Annotator Metadata'].Tools.split('\n')
            .map((line) => line.replace(/^\d+\.\s*/, '').trim())
            .filter((name) => names.has(name)),
        ),
      ],
    }))
    .filter((query) => query.gold.length > 0);
  return {
    name: 'LiveMCPBench',
    tools,
    dev: queries.filter(({ id }) => held(id, 3)),
    test: queries.filter(({ id }) => !held(id, 3)),
  };
}

export function metaTool(): Corpus {
  const described = JSON.parse(read('MetaTool/plugin_des.json')) as Record<string, string>;
  const tools = Object.entries(described).map(([name, description]) => ({
    name,
    description,
    category: '',
    parameters: [],
    definition: JSON.stringify({ name, description }),
  }));
  const queries = rows(read('MetaTool/all_clean_data.csv'))
    .slice(1)
    .flatMap(([text, tool]) =>
      text !== undefined && tool !== undefined && Object.hasOwn(described, tool)
        ? [{ text, gold: [tool] }]
        : [],
    );
  return {
    name: 'MetaTool',
    tools,
    dev: queries.filter(({ text }) => held(text, 5)),
    test: queries.filter(({ text }) => !held(text, 5)),
  };
}

/** RFC 4180. */
function rows(text: string): string[][] {
  const all: string[][] = [];
  let row: string[] = [];
  let field = '';
  let quoted = false;
  for (let i = 0; i < text.length; i += 1) {
    const sign = text[i];
    if (quoted) {
      if (sign !== '"') field += sign;
      else if (text[i + 1] === '"') {
        field += '"';
        i += 1;
      } else quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === ',') {
      row.push(field);
      field = '';
    } else if (sign === '\n') {
      all.push([...row, field.replace(/\r$/, '')]);
      row = [];
      field = '';
    } else field += sign;
  }
  if (field !== '' || row.length > 0) all.push([...row, field]);
  return all;
}
