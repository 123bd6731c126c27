import { relative, resolve } from 'node:path';
import { fail } from '../errors.ts';
import { MAX_DEFINITION } from '../netmcp/index.ts';
import { build } from './build.ts';
import type { Bundle, BundleTool, Upstream } from './bundle.ts';
import type { Fills } from './flatten.ts';
import { Library, type Problem } from './library.ts';
import { type Operation, operationsOf, type Unsupported } from './operations.ts';
import { Standalone } from './standalone.ts';
import { nameOf } from './wording.ts';

export interface ImportOptions {
  /** Folder in which all references must stay. */
  root: string;
  /** Files below it; all of them if not given. */
  files?: string[];
  /** Only tools whose name or `METHOD path` fits; `*` stands for any text. */
  only?: string;
  upstream?: Partial<Upstream>;
  fills?: Fills;
  /** Files already read; for several imports of one folder. */
  library?: Library;
}

export interface ImportReport {
  files: number;
  operations: number;
  tools: number;
  /** Operations that another tool serves already. */
  duplicates: Array<{ file: string; operation: string; sameAs: string }>;
  unsupported: Unsupported[];
  /** What was wrong in the descriptions, and what was done about it. */
  problems: Problem[];
  bytes: { p50: number; max: number; limit: number };
}

export interface Imported {
  bundle: Bundle;
  report: ImportReport;
  /** JSON bytes of each definition, the smallest first. */
  sizes: number[];
}

/** Makes tools of all operations of descriptions. @throws TOOLS_IMPORT_UNREADABLE */
export function importTools(options: ImportOptions): Imported {
  const library = options.library ?? new Library(options.root);
  const files = (options.files ?? library.files()).map((file) =>
    relative(library.root, resolve(library.root, file)).replaceAll('\\', '/'),
  );
  const standalone = new Standalone(library);
  const wanted = options.only === undefined ? null : globOf(options.only);
  const unsupported: Unsupported[] = [];
  const duplicates: ImportReport['duplicates'] = [];
  const tools: BundleTool[] = [];
  const sizes: number[] = [];
  const places = new Map<string, string>();
  const names = new Set<string>();
  let count = 0;
  for (const file of files) {
    const read = operationsOf(library, file);
    unsupported.push(...read.unsupported);
    count += read.operations.length + read.unsupported.filter(({ operation }) => operation !== '*').length;
    for (const operation of read.operations) {
      const label = `${operation.method} ${operation.path}`;
      const plain = nameOf(operation);
      if (wanted !== null && !wanted.test(plain) && !wanted.test(label)) continue;
      const reason = unreachable(operation, options.upstream);
      if (reason !== null) {
        unsupported.push({ file, operation: label, reason });
        continue;
      }
      const keys = placesOf(operation);
      const same = keys.map((key) => places.get(key)).find((name) => name !== undefined);
      if (same !== undefined) {
        duplicates.push({ file, operation: label, sameAs: same });
        continue;
      }
      const built = attempt(() =>
        build(library, standalone, operation, freeName(plain, operation, names), options.fills ?? {}),
      );
      if (typeof built === 'string') {
        unsupported.push({ file, operation: label, reason: built });
        continue;
      }
      for (const key of keys) places.set(key, built.tool.name);
      names.add(built.tool.name);
      tools.push(built.tool);
      sizes.push(built.bytes);
    }
  }
  sizes.sort((a, b) => a - b);
  const report: ImportReport = {
    files: files.length,
    operations: count,
    tools: tools.length,
    duplicates,
    unsupported,
    problems: library.problems,
    bytes: { p50: sizes[Math.floor(sizes.length / 2)] ?? 0, max: sizes.at(-1) ?? 0, limit: MAX_DEFINITION },
  };
  const bundle: Bundle = {
    netagentTools: 1,
    upstream: { http: 'http1', ...options.upstream },
    tools,
    composites: [],
    schemas: standalone.definitions,
  };
  return { bundle, report, sizes };
}

/** A description that nobody foresaw must not end the import of the others. */
function attempt<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    return `it cannot be read: ${error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error)}`;
  }
}

function unreachable({ server }: Operation, upstream: Partial<Upstream> | undefined): string | null {
  if (server !== '' || upstream?.url !== undefined) return null;
  return 'the description names no server; give one with --server';
}

/** By what two operations are the same: method and path from the root, or API, version and operation id. */
function placesOf(operation: Operation): string[] {
  const { method, target, path, api, title, id } = operation;
  const plain = target
    .replace(/\{[^}]*\}/g, '{}')
    .replace(/\/+/g, '/')
    .replace(/\/$/, '');
  return [
    `${api} ${method} ${plain}`,
    ...(id === '' ? [] : [`${title}\n${api}\n${method} ${id} ${path.split('/').length}`]),
  ];
}

/** The plain name, or with the path, or a number, where it is taken. */
function freeName(plain: string, operation: Operation, taken: ReadonlySet<string>): string {
  if (!taken.has(plain)) return plain;
  const longer = nameOf({
    ...operation,
    id: `${operation.id}_${operation.path.replace(/\{([^}]+)\}/g, 'by_$1')}`,
  });
  if (!taken.has(longer)) return longer;
  for (let n = 2; ; n += 1) if (!taken.has(`${plain}_${n}`)) return `${plain}_${n}`;
}

function globOf(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 'i');
}

/** @throws TOOLS_IMPORT_EMPTY where nothing became a tool */
export function refuseEmpty({ report }: { report: ImportReport }, what: string): void {
  if (report.tools > 0) return;
  const [first] = report.unsupported;
  // What could not be read at all says more than what came of it.
  const problem = report.problems.find(({ where }) => where === '') ?? report.problems[0];
  const why =
    first !== undefined
      ? `${first.operation}: ${first.reason}${problem === undefined ? '' : ` (${problem.file}: ${problem.problem})`}`
      : problem !== undefined
        ? `${problem.file}: ${problem.problem}`
        : 'no operation was found';
  throw fail('TOOLS_IMPORT_EMPTY', { file: what, problem: why });
}
