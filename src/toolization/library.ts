import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { parseDocument } from 'yaml';
import { fail } from '../errors.ts';
import { isNode, listOf, type Node, POISON } from './json.ts';
import { repair } from './repair.ts';

/** What a description may measure. */
export const LIBRARY_LIMITS = {
  /** Bytes of one file. */
  file: 4 * 1024 * 1024,
  /** Files of one import. */
  files: 1_000,
  /** References from one to the next. */
  hops: 32,
  /** Faults of YAML in one file. */
  faults: 10,
  /** Levels of one file. */
  depth: 200,
};

/** A node of a description, and the file in which it stands (relative to the root). */
export interface Place {
  file: string;
  node: unknown;
  /** `file#/pointer` where it was reached by a reference. */
  key?: string;
}

export interface Problem {
  file: string;
  where: string;
  problem: string;
}

/**
 * The descriptions below one folder. Every file is read once; references stay inside the folder, and
 * nothing is fetched.
 */
export class Library {
  readonly root: string;
  readonly problems: Problem[] = [];
  readonly #read = new Map<string, Node | null>();
  readonly #noted = new Set<string>();

  /** @throws TOOLS_IMPORT_UNREADABLE if there is no such folder */
  constructor(root: string) {
    if (!existsSync(root) || !statSync(root).isDirectory())
      throw fail('TOOLS_IMPORT_UNREADABLE', { file: root, problem: 'it is not a folder' });
    this.root = realpathSync(root);
  }

  /** All YAML and JSON files below the root, relative to it, sorted. */
  files(): string[] {
    const found = readdirSync(this.root, { recursive: true, encoding: 'utf8' })
      .filter(
        (name) => /\.(ya?ml|json)$/i.test(name) && !name.split(sep).some((part) => part.startsWith('.')),
      )
      .sort();
    if (found.length > LIBRARY_LIMITS.files)
      throw fail('TOOLS_IMPORT_UNREADABLE', {
        file: this.root,
        problem: `it has ${found.length} files, the limit is ${LIBRARY_LIMITS.files}`,
      });
    return found;
  }

  note(file: string, where: string, problem: string): void {
    const text = `${file}\n${where}\n${problem}`;
    if (this.#noted.has(text)) return;
    this.#noted.add(text);
    this.problems.push({ file, where, problem });
  }

  /** A file as data; null, and a problem noted, where it cannot be read. */
  document(file: string): Node | null {
    const known = this.#read.get(file);
    if (known !== undefined) return known;
    let read: Node | null = null;
    try {
      read = this.#parse(file);
    } catch (error) {
      this.note(file, '', error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
    }
    this.#read.set(file, read);
    return read;
  }

  #parse(file: string): Node {
    const path = this.#inside(resolve(this.root, file));
    const { size } = statSync(path);
    if (size > LIBRARY_LIMITS.file)
      throw new Error(`the file has ${size} bytes, the limit is ${LIBRARY_LIMITS.file}`);
    const text = readFileSync(path, 'utf8');
    const value: unknown = /\.json$/i.test(file) ? JSON.parse(text) : this.#yaml(file, text);
    if (!isNode(value)) throw new Error('it is not an object');
    checkDepth(value);
    for (const { where, problem } of repair(value, text)) this.note(file, where, problem);
    return value;
  }

  /** A file with few faults is read as far as it goes: those of 3GPP have some. */
  #yaml(file: string, text: string): unknown {
    const document = parseDocument(text, { logLevel: 'silent', uniqueKeys: false, merge: true });
    const { errors } = document;
    for (const { message, linePos } of errors.slice(0, LIBRARY_LIMITS.faults))
      this.note(
        file,
        `line ${linePos?.[0].line ?? '?'}`,
        message.split('\n')[0]?.replace(/ at line .*$/, '') ?? '',
      );
    if (errors.length > LIBRARY_LIMITS.faults) throw new Error(`it has ${errors.length} faults of YAML`);
    return document.toJS({ maxAliasCount: 100 });
  }

  /** @throws Error for a path, or the target of a link, outside the root */
  #inside(path: string): string {
    const real = existsSync(path) ? realpathSync(path) : path;
    const from = relative(this.root, real);
    if (from === '..' || from.startsWith(`..${sep}`) || resolve(this.root, from) !== real)
      throw new Error('it lies outside the folder of the import; give a wider one with --dir');
    if (!existsSync(real)) throw new Error('there is no such file');
    return real;
  }

  /** Follows references to what they mean. Undefined, and a problem noted, where one leads nowhere. */
  deref(place: Place): Place | undefined {
    let at = place;
    for (let hop = 0; hop < LIBRARY_LIMITS.hops; hop += 1) {
      const ref = isNode(at.node) ? at.node.$ref : undefined;
      if (typeof ref !== 'string') return at;
      const next = this.#follow(at.file, ref);
      if (next === undefined) return undefined;
      at = next;
    }
    this.note(place.file, '$ref', 'the references go in a circle');
    return undefined;
  }

  #follow(file: string, ref: string): Place | undefined {
    const [target = '', pointer = ''] = ref.split('#', 2);
    if (/^[a-z][a-z0-9+.-]*:/i.test(target) || target.startsWith('//')) {
      this.note(file, ref.slice(0, 200), 'remote references are not followed');
      return undefined;
    }
    const to = target === '' ? file : join(dirname(file), decode(target)).replaceAll('\\', '/');
    const document = this.document(to);
    if (document === null) {
      this.note(file, ref.slice(0, 200), 'the file of the reference cannot be read');
      return undefined;
    }
    let node: unknown = document;
    for (const part of pointer.split('/').slice(1)) {
      const key = decode(part).replaceAll('~1', '/').replaceAll('~0', '~');
      const next = Array.isArray(node)
        ? node[Number(key)]
        : isNode(node) && Object.hasOwn(node, key) && !POISON.has(key)
          ? node[key]
          : undefined;
      if (next === undefined) {
        this.note(file, ref.slice(0, 200), 'the reference leads nowhere');
        return undefined;
      }
      node = next;
    }
    return { file: to, node, key: `${to}#${pointer}` };
  }
}

function checkDepth(value: unknown): void {
  const waiting: Array<{ node: unknown; depth: number }> = [{ node: value, depth: 0 }];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    const { node, depth } = at;
    if (depth > LIBRARY_LIMITS.depth) throw new Error(`it is nested deeper than ${LIBRARY_LIMITS.depth}`);
    const inner = isNode(node) ? Object.values(node) : listOf(node);
    for (const next of inner) if (typeof next === 'object') waiting.push({ node: next, depth: depth + 1 });
  }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `TS29512_Npcf_SMPolicyControl.yaml` -> `TS29512_Npcf_SMPolicyControl`. */
export const stem = (file: string): string => basename(file).replace(/\.(oas\.)?(ya?ml|json)$/i, '');
