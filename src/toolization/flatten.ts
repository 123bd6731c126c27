import type { Json, Node } from './json.ts';
import type { Library, Place } from './library.ts';
import type { Operation } from './operations.ts';
import { safePattern } from './pattern.ts';
import { scoreOf } from './rank.ts';
import { type Group, type View, viewOf } from './view.ts';

export type Part = 'path' | 'query' | 'header' | 'body';

/** A parameter of a tool, and where its value goes in the request. */
export interface Field {
  name: string;
  /** The part of the request, then the names down to the value. */
  at: string[];
  /** As agents see it. */
  schema: Node;
  /** How many names of `at` lead to the last optional step; 0: it is always required. */
  requiredFrom: number;
  /** `list`: an array of objects, `map`: objects under keys that each element names in `key`. */
  shape: 'value' | 'list' | 'map';
  item?: Flat;
  /** The only value that there is. */
  fixed?: Json;
  /** Made by the server. */
  auto?: 'id';
  score: number;
}

/** A request (or an element of a list) as flat fields. */
export interface Flat {
  fields: Field[];
  /** Objects that are required whatever is in them. */
  containers: string[][];
  /** Rules between properties of the object at a path. */
  groups: Array<{ at: string[]; requiredFrom: number; group: Group }>;
}

/** Values that the operator fixes at the import, by the name in the description. */
export type Fills = Readonly<Record<string, Json>>;

const MOST_VISITS = 1_200;
const DEEPEST_OPTIONAL = 4;
const DEEPEST_REQUIRED = 9;
const MOST_WORDS = 24;

/** All fields that a tool for this operation could have, required ones and optional ones with their score. */
export function flatten(library: Library, operation: Operation, fills: Fills): Flat {
  const flat: Flat = { fields: [], containers: [], groups: [] };
  const walk = new Walk(library, fills);
  for (const parameter of operation.parameters) {
    const { name, in: part, required, description, schema } = parameter;
    walk.visit(flat, {
      place: schema,
      at: [part, name],
      requiredFrom: required ? 0 : 2,
      outer: 0,
      stack: [],
      description,
    });
  }
  const { body } = operation;
  if (body !== undefined) {
    const requiredFrom = body.required || operation.method !== 'GET' ? 0 : 1;
    walk.visit(flat, {
      place: body.schema,
      at: ['body'],
      requiredFrom,
      outer: 0,
      stack: [],
      description: '',
    });
  }
  nameAll(flat.fields);
  return flat;
}

interface Step {
  place: Place;
  at: string[];
  requiredFrom: number;
  /** `requiredFrom` of the object around it. */
  outer: number;
  /** Names of the schemas around it. */
  stack: string[];
  description: string;
}

class Walk {
  readonly #library: Library;
  readonly #fills: Fills;
  #left = MOST_VISITS;

  constructor(library: Library, fills: Fills) {
    this.#library = library;
    this.#fills = fills;
  }

  visit(flat: Flat, step: Step): void {
    const { at, requiredFrom, stack } = step;
    const required = requiredFrom < at.length;
    const always = requiredFrom === 0;
    this.#left -= 1;
    if (this.#left < 0 && !required) return;
    const view = viewOf(this.#library, step.place);
    const name = at.at(-1) ?? '';
    if (view.readOnly) return;
    const description = step.description || view.description;
    const add = (more: Pick<Field, 'schema'> & Partial<Field>) =>
      flat.fields.push({
        name: '',
        at,
        requiredFrom,
        shape: 'value',
        score: scoreOf(at, view, description),
        ...more,
        schema: described(more.schema, description, view),
      });
    const fill = Object.hasOwn(this.#fills, name) ? this.#fills[name] : undefined;
    if (fill !== undefined) return void add({ schema: scalar(view), fixed: fill, requiredFrom: step.outer });
    if (view.enum?.length === 1 && !view.open) {
      // A switch with one position says something by being there at all.
      if (required || view.type !== 'boolean')
        return void add({ schema: scalar(view), fixed: view.enum[0] as Json });
    }
    if (always && /^(supp(orted)?Feat(ures?)?|supportedFeatures)$/i.test(name))
      return void add({ schema: { type: 'string' }, fixed: '0' });
    if (
      /^x-correlator$/i.test(name) ||
      (required && /^(notif(ication|y)?Corr?(elation)?Id|notifCorreId|notifId|correlationId)$/i.test(name))
    )
      return void add({ schema: { type: 'string' }, auto: 'id' });
    const depth = at.length - 2;
    const recursive = view.key !== undefined && stack.includes(view.key);
    const tooDeep = recursive || depth > (required ? DEEPEST_REQUIRED : DEEPEST_OPTIONAL) || this.#left < 0;
    if (view.type === 'object' && !view.mixed) {
      if (tooDeep) {
        if (required) add({ schema: { type: 'object' } });
        return;
      }
      const inside = view.key === undefined ? stack : [...stack, view.key];
      if (view.properties.size > 0) {
        this.#object(flat, step, view, inside);
        return;
      }
      if (view.values !== undefined) {
        const item = this.#element(view.values, inside);
        return void add(
          item === null
            ? { schema: { type: 'object' } }
            : { schema: listSchema(item, view, true), shape: 'map', item },
        );
      }
      return void add({ schema: { type: 'object' } });
    }
    if (view.type === 'array' && !view.mixed && view.items !== undefined) {
      if (tooDeep && !required) return;
      const inner = viewOf(this.#library, view.items);
      if (inner.type === 'object' && !inner.mixed && !tooDeep && inner.properties.size > 0) {
        const item = this.#element(view.items, view.key === undefined ? stack : [...stack, view.key]);
        if (item !== null && item.fields.length > 0)
          return void add({ schema: listSchema(item, view, false), shape: 'list', item });
      }
      const items = inner.type === 'object' ? { type: 'object' } : described(scalar(inner), '', inner);
      return void add({ schema: { type: 'array', items, ...limitsOf(view, 'array') } });
    }
    add({ schema: scalar(view) });
  }

  #object(flat: Flat, { place: _, at, requiredFrom }: Step, view: View, stack: string[]): void {
    if (requiredFrom < at.length && requiredFrom === 0) flat.containers.push(at);
    for (const group of view.groups) flat.groups.push({ at, requiredFrom, group });
    for (const [name, place] of view.properties) {
      this.visit(flat, {
        place,
        at: [...at, name],
        requiredFrom: view.required.has(name) ? requiredFrom : at.length + 1,
        outer: requiredFrom,
        stack,
        description: '',
      });
    }
  }

  /** Fields of one element: what it requires, and a few more. Null where it has no form. */
  #element(place: Place, stack: string[]): Flat | null {
    const view = viewOf(this.#library, place);
    if (view.mixed || (view.key !== undefined && stack.includes(view.key)) || stack.length > 6) return null;
    const flat: Flat = { fields: [], containers: [], groups: [] };
    this.visit(flat, { place, at: ['body'], requiredFrom: 0, outer: 0, stack, description: '' });
    nameAll(flat.fields);
    const required = flat.fields.filter((field) => field.requiredFrom === 0);
    const wanted = flat.groups.filter(({ requiredFrom }) => requiredFrom === 0);
    const grouped = (field: Field) =>
      wanted.some(
        ({ at, group }) =>
          field.at.length > at.length && group.sets.flat().includes(field.at[at.length] ?? ''),
      );
    const more = flat.fields
      .filter(
        (field) => field.requiredFrom > 0 && field.requiredFrom >= field.at.length && field.shape === 'value',
      )
      .sort((a, b) => Number(grouped(b)) - Number(grouped(a)) || b.score - a.score)
      .slice(0, 5);
    return { ...flat, fields: [...required, ...more] };
  }
}

function scalar(view: View): Node {
  const { type } = view;
  if (view.mixed || type === undefined) return {};
  const schema: Node = {
    type: type === 'array' && view.items === undefined ? 'array' : type,
    ...limitsOf(view, type),
  };
  if (view.enum !== undefined && view.enum.length > 1 && !view.open && view.enum.length <= MOST_WORDS)
    schema.enum = view.enum;
  return schema;
}

/** Bounds that belong to the type; the rest of them would be noise. */
function limitsOf(view: View, type: string): Node {
  const { limits } = view;
  const names =
    type === 'array'
      ? ['minItems', 'maxItems', 'uniqueItems']
      : type === 'string'
        ? ['minLength', 'maxLength', 'pattern', 'format']
        : type === 'integer' || type === 'number'
          ? ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf']
          : [];
  const kept = names.filter((name) => {
    const value = limits[name];
    if (name === 'pattern') return typeof value === 'string' && value.length <= 120 && safePattern(value);
    if (name === 'format') return typeof value === 'string';
    if (name === 'uniqueItems') return value === true;
    return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  });
  return Object.fromEntries(kept.map((name) => [name, limits[name]]));
}

function described(schema: Node, description: string, view: View): Node {
  const words =
    view.enum !== undefined && (view.open || view.enum.length > MOST_WORDS)
      ? `one of ${view.enum.slice(0, MOST_WORDS).join('|')}${view.open ? ' or another' : ' …'}`
      : '';
  const example =
    words === '' && schema.enum === undefined && typeof view.example === 'string' && view.example.length <= 40
      ? `e.g. ${view.example}`
      : '';
  const text = [brief(description), words, example].filter((part) => part !== '').join('; ');
  return text === '' ? schema : { ...schema, description: text };
}

/** The first sentence, at most 90 characters, without marks. */
export function brief(text: string, most = 90): string {
  const plain = text
    .replace(/[*`_#]+/g, '')
    .replace(/\s+/g, ' ')
    .trim();
  const sentence = /^(.*?[a-z0-9)])\.(\s|$)/i.exec(plain)?.[1] ?? plain;
  if (sentence.length <= most) return sentence;
  return `${sentence.slice(0, most - 1).replace(/\s+\S*$/, '')}…`;
}

export function listSchema(item: Flat, view: Pick<View, 'limits'>, map: boolean): Node {
  const shown = item.fields.filter((field) => field.fixed === undefined && field.auto === undefined);
  const required = shown.filter((field) => field.requiredFrom === 0).map(({ name }) => name);
  const properties: Node = Object.fromEntries(shown.map((field) => [field.name, field.schema]));
  const { minItems, maxItems, minProperties } = view.limits;
  const least = map ? minProperties : minItems;
  return {
    type: 'array',
    ...(typeof least === 'number' && { minItems: least }),
    ...(typeof maxItems === 'number' && !map && { maxItems }),
    items: {
      type: 'object',
      properties: map ? { key: { type: 'string' }, ...properties } : properties,
      ...((map || required.length > 0) && { required: map ? ['key', ...required] : required }),
      additionalProperties: false,
    },
  };
}

/** Flat names: the way down, joined by `_`; equal ones are told apart by the part, then by a number. */
function nameAll(fields: Field[]): void {
  const taken = new Set<string>();
  for (const field of fields) {
    const [part = '', ...way] = field.at;
    const plain = identifier(way.length === 0 ? 'value' : way.join('_'));
    let name = plain;
    if (taken.has(name)) name = `${part}_${plain}`;
    for (let n = 2; taken.has(name); n += 1) name = `${plain}_${n}`;
    taken.add(name);
    field.name = name;
  }
}

/** An identifier of CEL: letters, digits and `_`, no digit first. */
function identifier(text: string): string {
  const name =
    text
      .replace(/[^A-Za-z0-9]+/g, '_')
      .replace(/^_+|_+$/g, '')
      .slice(0, 96) || 'value';
  return /^\d/.test(name) || RESERVED.has(name) ? `_${name}` : name;
}

const RESERVED = new Set([
  'true',
  'false',
  'null',
  'in',
  'key',
  'as',
  'break',
  'const',
  'continue',
  'else',
  'for',
  'function',
  'if',
  'import',
  'let',
  'loop',
  'package',
  'namespace',
  'return',
  'var',
  'void',
  'while',
]);

export const isShown = (field: Field): boolean => field.fixed === undefined && field.auto === undefined;
