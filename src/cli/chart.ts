import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type AnyStateMachine, StateMachine } from 'xstate';
import { CATALOG } from '../../machines/catalog.ts';
import { fail } from '../errors.ts';
import { createEnv } from '../runtime/env.ts';
import { type Chart, chartToMermaid, walk } from '../testing/index.ts';
import { compileWorkflow, openPool, type Template } from '../workflow/index.ts';
import type { Parsed } from './args.ts';
import { nearestNames } from './nearest.ts';
import type { Output } from './output.ts';
import { table } from './table.ts';
import { isFile, readText } from './workflows/source.ts';

const AGENTS_FOLDER = resolve(import.meta.dirname, '../../agents');

/**
 * `netagent chart [NAME | FILE]`: a chart as text, of a machine, of a workflow template or of a workflow document; without
 * a name, what there is.
 */
export async function runChart(parsed: Parsed, output: Output, open = templates): Promise<number> {
  const [name, ...rest] = parsed.positionals;
  if (rest.length > 0) throw fail('CLI_USAGE', { problem: 'One machine at a time.', verb: 'chart' });
  const pool = () => open(foldersOf(parsed));
  if (name === undefined) return list(pool(), output);
  const { id, machine } = isFile(name) ? ofFile(name) : named(name, pool);
  if (parsed.values.format === 'json') output.text(JSON.stringify(chartJson(id, machine), null, 2));
  else output.text(chartToMermaid(machine, { inside: isScope }).trimEnd());
  output.value(chartJson(id, machine));
  return 0;
}

function list(pool: Templates, output: Output): number {
  const rows = [
    ...[...machines()].map(([id, { root }]) => ({ id, description: root.description ?? '' })),
    ...[...pool].map(([id, { title }]) => ({ id, description: title })),
  ];
  output.text(
    table(
      ['chart', 'of what'],
      rows.map(({ id, description }) => [id, description]),
      Math.max(100, process.stdout.columns ?? 0),
    ),
  );
  output.value(rows);
  return 0;
}

interface Drawn {
  id: string;
  machine: AnyStateMachine;
}

function ofFile(file: string): Drawn {
  const workflow = compileWorkflow(readText(file, 'chart'), file === '-' ? 'standard input' : file);
  return { id: `workflow:${workflow.name}`, machine: workflow.machine };
}

/**
 * `task`, `task@1`, `workflow:assure-qos`, and where no machine has the name also `assure-qos` and `core/assure-qos`.
 * @throws CLI_USAGE with the nearest names
 */
function named(name: string, open: () => Templates): Drawn {
  const known = machines();
  const machine = known.get(name.replace(/@\d+$/, (version) => (name in CATALOG ? '' : version)));
  if (machine !== undefined) return { id: name, machine };
  const pool = open();
  const template =
    pool.get(name) ??
    pool.get(`workflow:${name}`) ??
    [...pool.values()].find(({ id }) => id === name.replace(/^workflow:/, ''));
  if (template !== undefined) {
    const id = [...pool].find(([, one]) => one === template)?.[0] as string;
    return { id, machine: template.workflow.machine };
  }
  const plain = name.includes(':')
    ? []
    : [...pool.values()].map((one) => (name.includes('/') ? one.id : one.name));
  const names = [...known.keys(), ...plain, ...pool.keys()];
  const near = nearestNames(name.replace(/@.*/, ''), names, 3).join(', ');
  const problem = `No machine ${JSON.stringify(name)}; the nearest names are ${near}.`;
  throw fail('CLI_USAGE', { problem, verb: 'chart' });
}

/** The charts of protocols and roles. */
const machines = () =>
  new Map<string, AnyStateMachine>(Object.values(CATALOG).map(({ machine }) => [machine.id, machine]));

/** By `workflow:NAME`, or `workflow:NAMESPACE/NAME`. */
type Templates = ReadonlyMap<string, Template>;

/** Those that ship, and those of the user, as a runtime with the same flags finds them. */
function foldersOf({ values }: Parsed): string[] {
  const shipped = readdirSync(AGENTS_FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('workflows'))
    .sort()
    .map((name) => join(AGENTS_FOLDER, name));
  const own = join(values.data as string, 'workflows');
  return [...shipped, ...(values.workflows?.split(',') ?? []), ...(existsSync(own) ? [own] : [])];
}

/** Reads the templates of folders; a name that is taken by an earlier one is said with its namespace. */
export function templates(folders: string[]): Templates {
  const pool = openPool({ folders, clock: createEnv({ level: 'silent' }).clock, watch: false });
  const byName = new Map<string, Template>();
  for (const template of pool.list()) {
    const { id, name } = template;
    byName.set(`workflow:${byName.has(`workflow:${name}`) ? id : name}`, template);
  }
  pool.close();
  return byName;
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
