import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { fail } from '../../errors.ts';
import { PROFILES } from '../grid/index.ts';
import type { TraceRow } from '../model.ts';
import { parseTrace } from '../trace.ts';
import { type WorldDescription, worldSchema } from './schema.ts';
import { centralOf } from './transport.ts';

/** A world as read: its description, the drives that it names, and what tells it from others. */
export interface WorldFile {
  file: string;
  description: WorldDescription;
  traces: ReadonlyMap<string, TraceRow[]>;
  /** SHA-256 over all of it. */
  digest: string;
}

const FOLDER = import.meta.dirname;

/** Names of the worlds that ship. */
export const shippedWorlds = (): string[] =>
  readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.replace('.yaml', ''))
    .sort();

/**
 * Reads a world that ships, by its name, or a file. `seed` goes before that of the file.
 * @throws WORLD_UNKNOWN, WORLD_UNREADABLE, WORLD_INVALID with line and field, TRACE_*.
 */
export function readWorld(nameOrFile: string, seed?: number): WorldFile {
  const shipped = shippedWorlds();
  const file = shipped.includes(nameOrFile) ? join(FOLDER, `${nameOrFile}.yaml`) : resolve(nameOrFile);
  const shown = shipped.includes(nameOrFile) ? `${nameOrFile}.yaml` : nameOrFile;
  if (!shipped.includes(nameOrFile) && !/[./\\]/.test(nameOrFile) && !existsSync(file)) {
    throw fail('WORLD_UNKNOWN', { world: nameOrFile, known: shipped.join(', ') });
  }
  const text = load(file, shown, 'WORLD_UNREADABLE');
  const description = parseWorld(text, shown);
  if (seed !== undefined) description.seed = seed;
  const traces = new Map<string, TraceRow[]>();
  for (const { trace } of description.ues) {
    if (trace === undefined || traces.has(trace)) continue;
    const path = resolve(dirname(file), trace);
    traces.set(trace, parseTrace(load(path, trace, 'TRACE_UNREADABLE'), trace));
  }
  const digest = createHash('sha256')
    .update(JSON.stringify([description, [...traces]]))
    .digest('hex');
  return { file: shown, description, traces, digest };
}

function load(file: string, shown: string, code: 'WORLD_UNREADABLE' | 'TRACE_UNREADABLE'): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw fail(code, { file: shown, problem: (error as NodeJS.ErrnoException).code ?? String(error) });
  }
}

type Path = ReadonlyArray<PropertyKey>;

/** Checks the text of a world. @throws WORLD_INVALID naming file, line and field. */
export function parseWorld(text: string, file: string): WorldDescription {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const invalid = (line: number, field: string, problem: string) =>
    fail('WORLD_INVALID', { file, line, field, problem });
  const [broken] = document.errors;
  if (broken)
    throw invalid(counter.linePos(broken.pos[0]).line, 'the YAML', broken.message.split('\n')[0] ?? '');
  const lineOf = (path: Path): number => {
    for (let depth = path.length; depth > 0; depth--) {
      const node = document.getIn(path.slice(0, depth) as unknown[], true) as
        | { range?: [number] }
        | undefined;
      if (node?.range) return counter.linePos(node.range[0]).line;
    }
    return 1;
  };
  const at = (path: Path, problem: string) => invalid(lineOf(path), fieldOf(path), problem);
  const read = worldSchema.safeParse(document.toJS());
  if (!read.success) {
    const issue = deepest(read.error.issues[0] as z.core.$ZodIssue);
    const extra = issue.code === 'unrecognized_keys' ? [issue.keys[0] as string] : [];
    throw at(
      [...issue.path, ...extra],
      issue.code === 'unrecognized_keys' ? 'there is no such field' : issue.message,
    );
  }
  checkNames(read.data, at);
  return read.data;
}

/** Of a choice between forms, what the last one says. */
function deepest(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors.at(-1)?.[0];
  return inner === undefined ? issue : deepest({ ...inner, path: [...issue.path, ...inner.path] });
}

const fieldOf = (path: Path) =>
  path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`,
    '',
  ) || 'the document';

type At = (path: Path, problem: string) => Error;

/** Names that must exist, and those that must not exist twice. */
function checkNames(world: WorldDescription, at: At): void {
  const routes = unique(
    world.routes.map((one) => one.name),
    'routes',
    'name',
    at,
  );
  const sites = unique(
    world.sites.map((one) => one.name),
    'sites',
    'name',
    at,
  );
  const groups = unique(
    world.groups.map((one) => one.name),
    'groups',
    'name',
    at,
  );
  unique(
    world.ues.map((one) => one.supi),
    'ues',
    'supi',
    at,
  );
  const dnais = unique([centralOf(world), ...world.edges.map((one) => one.dnai)], 'edges', 'dnai', at, 1);
  const habits = new Set([...PROFILES, ...world.traffic].map((one) => one.name));
  const known = (set: ReadonlySet<string>, value: string | undefined, path: Path) => {
    if (value !== undefined && !set.has(value))
      throw at(path, `nothing is called ${value}; there is ${[...set].slice(0, 12).join(', ') || 'none'}`);
  };
  world.sites.forEach((one, i) => {
    known(routes, one.along?.route, ['sites', i, 'along', 'route']);
  });
  world.groups.forEach(({ mobility, traffic, indoors, vehicle }, i) => {
    known(routes, mobility.route, ['groups', i, 'mobility', 'route']);
    if (['route', 'convoy'].includes(mobility.kind) && mobility.route === undefined)
      throw at(['groups', i, 'mobility'], `${mobility.kind} needs a route`);
    for (const habit of Object.keys(traffic)) known(habits, habit, ['groups', i, 'traffic', habit]);
    if (indoors && vehicle) throw at(['groups', i, 'vehicle'], 'nobody is in a building and in a car');
  });
  world.ues.forEach((one, i) => {
    known(routes, one.route, ['ues', i, 'route']);
    known(habits, one.traffic, ['ues', i, 'traffic']);
  });
  world.events.forEach((event, i) => {
    const path = (field: string) => ['events', i, field];
    if ('site' in event) known(sites, sites.has(event.site) ? event.site : groupOf(event.site), path('site'));
    if ('dnai' in event) known(dnais, event.dnai, path('dnai'));
    if (event.kind === 'crowd') {
      known(groups, event.group, path('group'));
      const { arrives, leaves } = event;
      if (arrives.until < arrives.from) throw at(path('arrives'), 'it ends before it begins');
      if (leaves && (leaves.until < leaves.from || leaves.from < arrives.from))
        throw at(path('leaves'), 'it ends before it begins, or begins before they arrive');
    } else if (event.until !== undefined && event.until <= event.from)
      throw at(path('until'), 'it ends before it begins');
  });
  const crowds = world.events.flatMap((event, i) =>
    event.kind === 'crowd' ? [{ group: event.group, i }] : [],
  );
  crowds.forEach(({ group, i }, k) => {
    if (crowds.findIndex((one) => one.group === group) !== k)
      throw at(['events', i, 'group'], `${group} comes in another event already`);
  });
}

/** Site `macro-3` is of the group `macro`. */
export const groupOf = (site: string) => site.replace(/-\d+$/, '');

function unique(names: string[], list: string, field: string, at: At, offset = 0): Set<string> {
  names.forEach((name, i) => {
    if (names.indexOf(name) !== i) throw at([list, i - offset, field], `${name} stands there twice`);
  });
  return new Set(names);
}
