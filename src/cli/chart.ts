import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type AnyStateMachine, StateMachine } from 'xstate';
import { CATALOG } from '../../machines/catalog.ts';
import { fail } from '../errors.ts';
import { type Chart, chartToMermaid, walk } from '../testing/index.ts';
import { loadTemplates } from '../workflow/index.ts';
import type { Parsed } from './args.ts';
import { nearestNames } from './nearest.ts';
import type { Output } from './output.ts';

const AGENTS_FOLDER = resolve(import.meta.dirname, '../../agents');

/** `netagent chart [MACHINE]`: a chart as text; without a machine, the names of all. */
export async function runChart(parsed: Parsed, output: Output): Promise<number> {
  const charts = chartsByName();
  const [name, ...rest] = parsed.positionals;
  if (rest.length > 0) throw fail('CLI_USAGE', { problem: 'One machine at a time.', verb: 'chart' });
  if (name === undefined) {
    const list = [...charts].map(([id, { root }]) => ({ id, description: root.description ?? '' }));
    const width = Math.max(...list.map(({ id }) => id.length)) + 2;
    for (const { id, description } of list) output.text(`${id.padEnd(width)}${description}`);
    output.value(list);
    return 0;
  }
  const machine = charts.get(name.replace(/@\d+$/, (version) => (name in CATALOG ? '' : version)));
  if (machine === undefined) {
    const near = nearestNames(name.replace(/@.*/, ''), [...charts.keys()], 3).join(', ');
    const problem = `No machine ${JSON.stringify(name)}; the nearest names are ${near}.`;
    throw fail('CLI_USAGE', { problem, verb: 'chart' });
  }
  if (parsed.values.format === 'json') output.text(JSON.stringify(chartJson(name, machine), null, 2));
  else output.text(chartToMermaid(machine, { inside: isScope }).trimEnd());
  output.value(chartJson(name, machine));
  return 0;
}

/** Every chart of the project: the catalogue by id, the shipped workflow templates as `workflow:NAME`. */
function chartsByName(): Map<string, AnyStateMachine> {
  const charts = new Map<string, AnyStateMachine>();
  for (const { machine } of Object.values(CATALOG)) charts.set(machine.id, machine);
  const folders = readdirSync(AGENTS_FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('workflows'))
    .sort();
  for (const folder of folders) {
    for (const { id, name, machine } of loadTemplates(join(AGENTS_FOLDER, folder)).values())
      charts.set(`workflow:${charts.has(`workflow:${name}`) ? id : name}`, machine);
  }
  return charts;
}

/** Inner scopes of a workflow are machines that only their own state invokes. */
const isScope = (src: string) => src.startsWith('scope ');

interface ChartJson extends Chart {
  description: string;
  /** Charts of the inner scopes of a workflow, by the `src` of their invoke. */
  scopes?: Record<string, ChartJson>;
}

function chartJson(id: string, machine: AnyStateMachine): ChartJson {
  const scopes = Object.entries(machine.implementations.actors).filter(
    (entry): entry is [string, AnyStateMachine] => isScope(entry[0]) && entry[1] instanceof StateMachine,
  );
  return {
    ...walk(machine),
    id,
    description: machine.root.description ?? '',
    ...(scopes.length === 0
      ? {}
      : { scopes: Object.fromEntries(scopes.map(([src, scope]) => [src, chartJson(src, scope)])) }),
  };
}
