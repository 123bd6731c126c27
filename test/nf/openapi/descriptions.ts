import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import { parseDocument } from 'yaml';

/** 3GPP descriptions are read where a user has put them; their licence lets nobody ship them. */
const FOLDER = resolve(import.meta.dirname, '../../../../shared/data/openapi/3gpp');
export const descriptionsPresent = existsSync(FOLDER);

type Node = Record<string, unknown>;
export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const node = (value: unknown): Node => (isNode(value) ? value : {});

/** A place in a description: file, and JSON pointer inside it. */
export interface At {
  file: string;
  pointer: string;
  value: Node;
}

const BASE = 'http://3gpp/';
const escaped = (name: string) => name.replaceAll('~', '~0').replaceAll('/', '~1');

/** The descriptions, their schemas over all files, and what they say of a path. */
export class Descriptions {
  readonly #documents = new Map<string, Node>();
  readonly #validators = new Map<string, ValidateFunction>();
  readonly #files = new Map<string, string>();
  readonly #ajv = new Ajv({
    strict: false,
    validateFormats: false,
    unicodeRegExp: false,
    allErrors: true,
    verbose: true,
    loadSchema: async (uri) => this.document(uri.slice(BASE.length)),
  });

  constructor() {
    for (const file of readdirSync(FOLDER)) {
      const head = readFileSync(join(FOLDER, file), 'utf8').slice(0, 6_000);
      const root = /url:\s*'?\{apiRoot\}(\/[\w-]+\/v\d+)/.exec(head)?.[1];
      if (root !== undefined) this.#files.set(root, file);
      // The token endpoint has no root of its own.
      if (file.includes('AccessToken')) this.#files.set('', file);
    }
  }

  document(file: string): Node {
    const known = this.#documents.get(file);
    if (known !== undefined) return known;
    // Some files have quoted text that is not indented: harmless, and not ours to refuse.
    const read = parseDocument(readFileSync(join(FOLDER, file), 'utf8'), { strict: false });
    const value = node(read.toJS());
    if (file === 'TS29520_Nnwdaf_EventsSubscription.yaml') mendSustainability(value);
    allowNull(value);
    this.#documents.set(file, value);
    return value;
  }

  /** Follows references from a place to what it means. */
  resolve({ file, pointer, value }: At): At {
    const ref = value.$ref;
    if (typeof ref !== 'string') return { file, pointer, value };
    const [other = '', inside = ''] = ref.split('#');
    return this.resolve(this.#at(other === '' ? file : other, inside));
  }

  step(at: At, ...names: string[]): At {
    let here = this.resolve(at);
    for (const name of names) {
      const value = node(here.value[name]);
      here = this.resolve({ file: here.file, pointer: `${here.pointer}/${escaped(name)}`, value });
    }
    return here;
  }

  #at(file: string, pointer: string): At {
    let value: unknown = this.document(file);
    for (const part of pointer.split('/').slice(1)) {
      value = node(value)[part.replaceAll('~1', '/').replaceAll('~0', '~')];
    }
    return { file, pointer, value: node(value) };
  }

  /** Problems of a value under the schema at a place, as text. */
  async problems(schema: At, value: unknown, side: 'request' | 'answer' = 'answer'): Promise<string[]> {
    const ref = `${BASE}${schema.file}#${schema.pointer}`;
    let check = this.#validators.get(ref);
    if (check === undefined) {
      check = await this.#ajv.compileAsync({ $ref: encodeURI(ref) });
      this.#validators.set(ref, check);
    }
    if (check(value)) return [];
    const errors = (check.errors ?? []).filter((one) => side === 'answer' || !isReadOnly(one));
    return errors.map((one) => `${one.instancePath || '/'} ${one.message}`);
  }

  /** The path item of a path, or undefined where no description has one. */
  pathItem(path: string): At | undefined {
    const root = /^\/[\w-]+\/v\d+/.exec(path)?.[0] ?? '';
    const file = this.#files.get(root);
    if (file === undefined) return undefined;
    const paths: At = { file, pointer: '/paths', value: node(this.document(file).paths) };
    const rest = path.slice(root.length).replace(/\/$/, '') || '/';
    const fits = Object.keys(paths.value)
      .filter((template) => patternOf(template).test(rest))
      .sort((a, b) => a.split('{').length - b.split('{').length);
    return fits[0] === undefined ? undefined : this.step(paths, fits[0]);
  }
}

function patternOf(template: string): RegExp {
  return new RegExp(`^${template.replace(/[.*+?^$()|[\]\\]/g, '\\$&').replace(/\{[^}]+\}/g, '[^/]+')}$`);
}

/** A lost line break put `startTs` into a description, and its reference over `fineAreaInfos`. */
function mendSustainability(document: Node): void {
  const info = node(node(node(document.components).schemas).QosSustainabilityInfo);
  const properties = node(info.properties);
  const fine = node(properties.fineAreaInfos);
  if ('startTs' in properties || !('$ref' in fine)) return;
  properties.startTs = { $ref: fine.$ref };
  delete fine.$ref;
}

/** `nullable` beside a reference or an enumeration, of which Ajv wants a type. */
function allowNull(value: unknown): void {
  if (Array.isArray(value)) value.forEach(allowNull);
  if (!isNode(value)) return;
  for (const inner of Object.values(value)) allowNull(inner);
  if (value.nullable !== true || 'type' in value) return;
  const { nullable: _, ...schema } = value;
  for (const name of Object.keys(value)) delete value[name];
  value.anyOf = [schema, { type: 'null' }];
}

/** A property that only answers carry is not owed by a request, though the schema requires it. */
function isReadOnly({ keyword, params, parentSchema }: ErrorObject): boolean {
  if (keyword !== 'required') return false;
  const properties = node(node(parentSchema).properties);
  return node(properties[(params as { missingProperty: string }).missingProperty]).readOnly === true;
}
