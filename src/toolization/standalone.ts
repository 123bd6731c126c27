import { isNode, listOf, type Node, POISON, textOf, wordsOf } from './json.ts';
import { type Library, type Place, stem } from './library.ts';
import { safePattern } from './pattern.ts';

const COPIED = [
  'format',
  'minimum',
  'maximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
];

/**
 * Schemas of the descriptions as JSON Schema 2020-12 that stands by itself: what is referred to becomes a
 * definition once. Only keywords that are understood are kept, so that nothing hostile is compiled.
 */
export class Standalone {
  /** By name; a reference to one is `#/$defs/NAME`. */
  readonly definitions: Record<string, Node> = {};
  readonly #library: Library;
  readonly #names = new Map<string, string>();

  constructor(library: Library) {
    this.#library = library;
  }

  convert(place: Place): Node {
    const { node, file } = place;
    if (!isNode(node)) return {};
    if (typeof node.$ref === 'string') return this.#reference(place);
    const schema: Node = {};
    const inner = (child: unknown) => this.convert({ file, node: child });
    for (const name of COPIED)
      if (node[name] !== undefined && fits(name, node[name])) schema[name] = node[name];
    if (typeof node.pattern === 'string') {
      if (safePattern(node.pattern)) schema.pattern = node.pattern;
      else
        this.#library.note(
          file,
          node.pattern.slice(0, 120),
          'the pattern is broken or may take exponential time; not applied',
        );
    }
    this.#bounds(node, schema);
    if (node.uniqueItems === true) schema.uniqueItems = true;
    if (Array.isArray(node.enum)) schema.enum = node.nullable === true ? [...node.enum, null] : node.enum;
    if (node.const !== undefined) schema.const = node.const;
    const types = Array.isArray(node.type)
      ? wordsOf(node.type)
      : [textOf(node.type)].filter((type) => type !== '');
    const known = types.filter((type) => TYPES.has(type));
    if (known.length > 0)
      schema.type =
        node.nullable === true ? [...new Set([...known, 'null'])] : known.length === 1 ? known[0] : known;
    const readOnly = new Set<string>();
    if (isNode(node.properties)) {
      const properties: Node = {};
      for (const [name, property] of Object.entries(node.properties)) {
        if (POISON.has(name)) continue;
        properties[name] = inner(property);
        const at = this.#library.deref({ file, node: property });
        // OpenAPI 3.0.3, 4.7.24.1: read-only and required counts for answers only.
        if (isNode(at?.node) && at.node.readOnly === true) readOnly.add(name);
      }
      schema.properties = properties;
    }
    const required = wordsOf(node.required).filter((name) => !readOnly.has(name));
    if (required.length > 0) schema.required = required;
    if (node.additionalProperties === false) schema.additionalProperties = false;
    else if (isNode(node.additionalProperties))
      schema.additionalProperties = inner(node.additionalProperties);
    if (isNode(node.items)) schema.items = inner(node.items);
    if (isNode(node.not)) schema.not = inner(node.not);
    for (const word of ['allOf', 'anyOf', 'oneOf']) {
      const parts = listOf(node[word]);
      if (parts.length > 0) schema[word] = parts.map(inner);
    }
    if (isNode(node.dependentRequired))
      schema.dependentRequired = Object.fromEntries(
        Object.entries(node.dependentRequired).map(([name, needs]) => [name, wordsOf(needs)]),
      );
    return schema;
  }

  #reference(place: Place): Node {
    const at = this.#library.deref(place);
    // What cannot be found is not judged; the problem has been noted.
    if (at === undefined) return {};
    const key = at.key ?? '';
    const known = this.#names.get(key);
    if (known !== undefined) return { $ref: `#/$defs/${known}` };
    const name = this.#nameOf(key);
    this.#names.set(key, name);
    this.definitions[name] = {};
    this.definitions[name] = this.convert({ file: at.file, node: at.node });
    return { $ref: `#/$defs/${name}` };
  }

  #nameOf(key: string): string {
    const [file = '', pointer = ''] = key.split('#', 2);
    const last = pointer.replace(/^\/components\/schemas\//, '');
    const name = `${stem(file)}.${last}`.replace(/[^\w.-]+/g, '_');
    let unique = name;
    for (let n = 2; Object.hasOwn(this.definitions, unique); n += 1) unique = `${name}_${n}`;
    return unique;
  }

  /** Exclusive bounds are flags in 3.0 and numbers in 3.1. */
  #bounds(node: Node, schema: Node): void {
    for (const [flag, bound] of [
      ['exclusiveMinimum', 'minimum'],
      ['exclusiveMaximum', 'maximum'],
    ] as const) {
      if (typeof node[flag] === 'number') schema[flag] = node[flag];
      if (node[flag] === true && typeof schema[bound] === 'number') {
        schema[flag] = schema[bound];
        delete schema[bound];
      }
    }
  }
}

const TYPES = new Set(['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']);

function fits(name: string, value: unknown): boolean {
  if (name === 'format') return typeof value === 'string';
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (name === 'multipleOf') return value > 0;
  return /^m(in|ax)imum$/.test(name) || (Number.isInteger(value) && value >= 0);
}

/** The definitions that a schema needs, directly or through others. */
export function closureOf(schema: unknown, definitions: Record<string, Node>): Record<string, Node> {
  const needed: Record<string, Node> = {};
  const waiting: unknown[] = [schema];
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    for (const [key, value] of Object.entries(at as object)) {
      if (key === '$ref' && typeof value === 'string') {
        const name = value.slice('#/$defs/'.length);
        const found = Object.hasOwn(definitions, name) ? definitions[name] : undefined;
        if (found !== undefined && !Object.hasOwn(needed, name)) {
          needed[name] = found;
          waiting.push(found);
        }
      } else if (typeof value === 'object' && value !== null) waiting.push(value);
    }
  }
  return needed;
}
