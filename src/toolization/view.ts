import { isNode, listOf, type Node, POISON, textOf, wordsOf } from './json.ts';
import type { Library, Place } from './library.ts';

/** A rule between properties of one object; each set is a list of names. */
export interface Group {
  /** `some`: at least one whole set; `one`: exactly one; `not`: never the whole set; `with`: the first needs the rest. */
  kind: 'some' | 'one' | 'not' | 'with';
  sets: string[][];
}

/** One schema with its references followed, `allOf` merged and alternatives laid side by side. */
export interface View {
  /** Where it is defined, if that has a name: recursion is seen by it. */
  key: string | undefined;
  type: string | undefined;
  nullable: boolean;
  properties: Map<string, Place>;
  required: Set<string>;
  groups: Group[];
  items: Place | undefined;
  /** Values of a map with free keys. */
  values: Place | undefined;
  enum: unknown[] | undefined;
  /** The enum may grow: 3GPP writes anyOf[enum, string] (TS 29.501 5.2.4.7). */
  open: boolean;
  /** Bounds, pattern, format. */
  limits: Node;
  default: unknown;
  example: unknown;
  description: string;
  readOnly: boolean;
  /** Alternatives of another kind that one flat form cannot show. */
  mixed: boolean;
}

const LIMITS = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minProperties',
];
const DEEPEST = 24;

const empty = (): View => ({
  key: undefined,
  type: undefined,
  nullable: false,
  properties: new Map(),
  required: new Set(),
  groups: [],
  items: undefined,
  values: undefined,
  enum: undefined,
  open: false,
  limits: {},
  default: undefined,
  example: undefined,
  description: '',
  readOnly: false,
  mixed: false,
});

/** What a schema says. A reference that leads nowhere gives a view without a type. */
export function viewOf(library: Library, place: Place, depth = 0): View {
  const view = empty();
  const at = library.deref(place);
  if (at === undefined || !isNode(at.node) || depth > DEEPEST) return { ...view, mixed: true };
  const { node, file } = at;
  view.key = at.key;
  const types = Array.isArray(node.type) ? wordsOf(node.type) : [textOf(node.type)];
  view.nullable = node.nullable === true || types.includes('null');
  const named = types.filter((type) => type !== 'null' && type !== '');
  if (named.length === 1) view.type = named[0];
  if (named.length > 1) view.mixed = true;
  for (const name of LIMITS) if (node[name] !== undefined) view.limits[name] = node[name];
  if (Array.isArray(node.enum)) view.enum = node.enum.filter((value) => value !== null);
  if (node.const !== undefined) view.enum = [node.const];
  view.default = node.default;
  view.example = node.example ?? listOf(node.examples)[0];
  // A reference with a description beside it (3.1) speaks of its use, not of the type.
  view.description = textOf(isNode(place.node) ? place.node.description : '') || textOf(node.description);
  view.readOnly = node.readOnly === true;
  if (isNode(node.properties)) {
    for (const [name, schema] of Object.entries(node.properties))
      if (!POISON.has(name)) view.properties.set(name, { file, node: schema });
  }
  for (const name of wordsOf(node.required)) view.required.add(name);
  if (isNode(node.items)) view.items = { file, node: node.items };
  if (isNode(node.additionalProperties)) view.values = { file, node: node.additionalProperties };
  addGroups(view, node);
  for (const part of listOf(node.allOf)) addPart(library, view, { file, node: part }, depth);
  for (const word of ['anyOf', 'oneOf'] as const) {
    if (Array.isArray(node[word])) addAlternatives(library, view, word, node[word], file, depth);
  }
  view.type ??= view.properties.size > 0 || view.values !== undefined ? 'object' : undefined;
  view.type ??= view.items !== undefined ? 'array' : undefined;
  view.type ??= typeOfWords(view.enum);
  return view;
}

function typeOfWords(words: unknown[] | undefined): string | undefined {
  if (words === undefined || words.length === 0) return undefined;
  const types = new Set(words.map((word) => typeof word));
  return types.size === 1 ? String([...types][0]) : undefined;
}

/** `dependentRequired`, and `not: {required: [...]}`. */
function addGroups(view: View, node: Node): void {
  if (isNode(node.dependentRequired)) {
    for (const [name, needs] of Object.entries(node.dependentRequired))
      view.groups.push({ kind: 'with', sets: [[name, ...wordsOf(needs)]] });
  }
  const { not } = node;
  if (!isNode(not)) return;
  if (onlyRequired(not)) view.groups.push({ kind: 'not', sets: [wordsOf(not.required)] });
  for (const part of listOf(not.anyOf)) {
    if (onlyRequired(part)) view.groups.push({ kind: 'not', sets: [wordsOf((part as Node).required)] });
  }
}

const onlyRequired = (node: unknown): node is Node =>
  isNode(node) &&
  wordsOf(node.required).length > 0 &&
  Object.keys(node).every((key) => key === 'required' || key === 'not' || key === 'description');

/** A part of `allOf`: all that it says holds as well. */
function addPart(library: Library, view: View, place: Place, depth: number): void {
  const { node } = place;
  if (isNode(node) && Object.keys(node).every((key) => ['anyOf', 'oneOf', 'not', 'required'].includes(key))) {
    // A rule that has been put into `allOf` because there are several.
    for (const name of wordsOf(node.required)) view.required.add(name);
    addGroups(view, node);
    for (const word of ['anyOf', 'oneOf'] as const) {
      if (Array.isArray(node[word])) addAlternatives(library, view, word, node[word], place.file, depth);
    }
    return;
  }
  const part = viewOf(library, place, depth + 1);
  view.type ??= part.type;
  for (const [name, schema] of part.properties) view.properties.set(name, schema);
  for (const name of part.required) view.required.add(name);
  view.groups.push(...part.groups);
  view.items ??= part.items;
  view.values ??= part.values;
  view.enum =
    view.enum === undefined ? part.enum : view.enum.filter((word) => part.enum?.includes(word) ?? true);
  view.open ||= part.open;
  view.limits = { ...part.limits, ...view.limits };
  view.default ??= part.default;
  view.example ??= part.example;
  view.description ||= part.description;
  view.nullable ||= part.nullable;
  view.readOnly ||= part.readOnly;
  view.mixed ||= part.mixed && part.type === undefined && part.properties.size === 0;
}

function addAlternatives(
  library: Library,
  view: View,
  word: 'anyOf' | 'oneOf',
  nodes: unknown[],
  file: string,
  depth: number,
): void {
  if (nodes.length > 0 && nodes.every(onlyRequired)) {
    const sets = (nodes as Node[]).map((node) => wordsOf(node.required));
    view.groups.push({ kind: word === 'oneOf' ? 'one' : 'some', sets });
    return;
  }
  const all = nodes.slice(0, 32).map((node) => viewOf(library, { file, node }, depth + 1));
  const isNull = (part: View) => part.type === 'null' || (part.enum?.length === 0 && part.nullable);
  const parts = all.filter((part) => !isNull(part) || part.properties.size > 0);
  if (parts.length < all.length || all.some(({ nullable }) => nullable)) view.nullable = true;
  const [first] = parts;
  if (first === undefined) return;
  if (parts.length === 1) {
    merge(view, first);
    return;
  }
  const types = new Set(parts.map(({ type }) => type));
  view.example ??= parts.find(({ example }) => example !== undefined)?.example;
  view.description ||= first.description;
  if (types.size > 1 || first.type === undefined) {
    view.mixed = view.properties.size === 0;
    return;
  }
  view.type ??= first.type;
  if (first.type === 'object') {
    layOut(view, parts);
    return;
  }
  if (first.type === 'array') {
    view.items ??= first.items;
    view.mixed = parts.some((part) => part.items?.node !== first.items?.node);
    return;
  }
  const words = parts.flatMap((part) => part.enum ?? []);
  if (words.length > 0) view.enum = [...new Set(words)];
  if (parts.every((part) => part.enum !== undefined)) return;
  // 3GPP's open enum, or formats of which one must fit: the original description decides.
  view.open = words.length > 0;
}

function merge(view: View, part: View): void {
  const { nullable, description } = view;
  const properties = new Map([...view.properties, ...part.properties]);
  const required = new Set([...view.required, ...part.required]);
  const groups = [...view.groups, ...part.groups];
  const limits = { ...part.limits, ...view.limits };
  const { key } = view;
  Object.assign(view, part, {
    key: key ?? part.key,
    nullable: nullable || part.nullable,
    description: description || part.description,
    properties,
    required,
    groups,
    limits,
  });
}

/** Objects of several forms as one: all their properties, required what every form requires. */
function layOut(view: View, parts: View[]): void {
  const own = new Set(view.properties.keys());
  const words = new Map<string, unknown[]>();
  for (const part of parts) {
    for (const [name, schema] of part.properties) {
      const fixed = isNode(schema.node) ? (schema.node.enum ?? schema.node.const) : undefined;
      if (fixed !== undefined) words.set(name, [...(words.get(name) ?? []), ...[fixed].flat()]);
      if (!own.has(name) && !view.properties.has(name)) view.properties.set(name, schema);
    }
    view.values ??= part.values;
    view.groups.push(...part.groups.filter(({ kind }) => kind !== 'some' && kind !== 'one'));
  }
  for (const [name, all] of words) {
    const schema = view.properties.get(name);
    const { const: _, ...node } = isNode(schema?.node) ? schema.node : {};
    if (schema !== undefined && (node.enum !== undefined || _ !== undefined))
      view.properties.set(name, { file: schema.file, node: { ...node, enum: [...new Set(all)] } });
  }
  const common = [...(parts[0]?.required ?? [])].filter((name) =>
    parts.every((part) => part.required.has(name)),
  );
  for (const name of common) view.required.add(name);
  const sets = parts.map((part) => [...part.required].filter((name) => !common.includes(name)));
  // Where one form asks for nothing of its own, nothing has to be given.
  if (sets.every((set) => set.length > 0)) view.groups.push({ kind: 'some', sets });
}
