import { EXTENSION, MAX_DEFINITION, type ToolMeta } from '../netmcp/index.ts';
import { answerOf } from './answer.ts';
import type { BundleField, BundleTool } from './bundle.ts';
import { type Constraint, constraintsOf } from './constraints.ts';
import { brief, type Field, type Fills, type Flat, flatten, isShown } from './flatten.ts';
import { isNode, type Node } from './json.ts';
import type { Library } from './library.ts';
import type { Operation } from './operations.ts';
import type { Standalone } from './standalone.ts';
import { classOf, descriptionOf, labelsOf, nfOf, titleOf } from './wording.ts';

/** Room for what the server adds: the service area, and scopes. */
const SPARE = 160;
/** Optional parameters, however small: more are not read. */
const MOST_OPTIONAL = 24;
/** Once so many did not fit, smaller ones are not looked for. */
const MOST_REFUSED = 12;

export interface Built {
  tool: BundleTool;
  /** JSON bytes of the definition as clients see it. */
  bytes: number;
  /** Optional fields that were left out, and those of them for want of room. */
  left: number;
  refused: number;
}

/** One tool of an operation, its parameters chosen by importance within the limit of a definition. */
export function build(
  library: Library,
  standalone: Standalone,
  operation: Operation,
  name: string,
  fills: Fills,
): Built | string {
  const answer = answerOf(library, operation);
  const room = MAX_DEFINITION - SPARE;
  let best: Built | number = Number.POSITIVE_INFINITY;
  for (const level of LEVELS) {
    const flat = flatten(library, operation, fills);
    const made = choose(
      flat,
      (kept) => assemble(standalone, operation, name, kept, answer, level),
      room,
      level === 2,
    );
    if (typeof made === 'number') best = typeof best === 'number' ? Math.min(best, made) : best;
    else if (made.refused === 0 || level > 0) return made;
    else best = made;
  }
  return typeof best === 'number' ? `its definition has ${best} bytes at least, the limit is ${room}` : best;
}

/** How short texts are: whole, short, none. */
type Level = 0 | 1 | 2;
const LEVELS: readonly Level[] = [0, 1, 2];
const TEXTS = [
  { tool: 420, field: 90, labels: 8 },
  { tool: 260, field: 40, labels: 5 },
  { tool: 200, field: 0, labels: 3 },
] as const;

/** Required fields, then optional ones by score while there is room; the least bytes where even the first are too many. */
function choose(
  flat: Flat,
  assembled: (kept: Flat) => BundleTool,
  room: number,
  collapses: boolean,
): Built | number {
  const make = (chosen: ReadonlySet<Field>) => {
    const tool = assembled({ ...flat, fields: flat.fields.filter((field) => chosen.has(field)) });
    return { tool, bytes: sizeOf(tool) };
  };
  const required = () => new Set(flat.fields.filter((field) => field.requiredFrom === 0));
  let chosen: Set<Field> = new Set([...required(), ...forGroups(flat, required())]);
  let made = make(chosen);
  // A request that is too large flat: its deepest objects are given as they are.
  for (let depth = 8; collapses && depth >= 1 && made.bytes > room; depth -= 1) {
    collapse(flat, depth + 1);
    chosen = required();
    made = make(chosen);
  }
  if (made.bytes > room) return made.bytes;
  const wanted = flat.fields
    .filter((field) => field.requiredFrom > 0 && field.score > 0 && field.shape !== 'map')
    .sort((a, b) => b.score - a.score)
    .slice(0, 3 * MOST_OPTIONAL);
  let count = 0;
  let refused = 0;
  for (const field of wanted) {
    if (chosen.has(field) || count >= MOST_OPTIONAL) continue;
    const more = new Set([...chosen, ...closure(flat, field)]);
    for (const other of forGroups(flat, more)) more.add(other);
    const tried = make(more);
    if (tried.bytes > room) {
      refused += 1;
      if (refused > MOST_REFUSED) break;
      continue;
    }
    count += more.size - chosen.size;
    chosen = more;
    made = tried;
  }
  return { ...made, left: flat.fields.length - chosen.size, refused };
}

const startsWith = (at: readonly string[], field: Field) => at.every((part, n) => field.at[n] === part);

/** A field with all that the optional objects around it require. */
function closure(flat: Flat, field: Field): Field[] {
  const found = [field];
  for (
    let length = field.requiredFrom > field.at.length ? field.at.length : 2;
    length < field.at.length;
    length += 1
  ) {
    const at = field.at.slice(0, length);
    found.push(
      ...flat.fields.filter(
        (other) => other.requiredFrom <= length && other.requiredFrom > 0 && startsWith(at, other),
      ),
    );
  }
  return found;
}

/** Fields without which a rule between properties could not be kept by any call. */
function forGroups(flat: Flat, chosen: ReadonlySet<Field>): Field[] {
  return flat.groups.flatMap(({ at, requiredFrom, group }) => {
    if (group.kind === 'not' || group.kind === 'with') return [];
    const begun = requiredFrom === 0 || [...chosen].some((field) => startsWith(at, field));
    if (!begun) return [];
    const fieldsOf = (name: string) => flat.fields.filter((field) => startsWith([...at, name], field));
    const sets = group.sets.map((names) =>
      names.map((name) => fieldsOf(name).sort((a, b) => b.score - a.score)),
    );
    const usable = sets.filter((set) => set.every((fields) => fields.length > 0));
    return usable
      .slice(0, 4)
      .flatMap((set) =>
        set.flatMap(([best, ...others]) =>
          best === undefined
            ? []
            : [
                best,
                ...closure(flat, best),
                ...others.filter(
                  (field) => field.requiredFrom < field.at.length && field.requiredFrom <= at.length + 1,
                ),
              ],
        ),
      );
  });
}

/** Puts everything below a depth of the body into its object, given as JSON. */
function collapse(flat: Flat, depth: number): void {
  const deep = new Map<string, Field[]>();
  for (const field of flat.fields) {
    if (field.at[0] !== 'body') continue;
    if (field.at.length > depth) {
      const key = field.at.slice(0, depth).join('\u0000');
      deep.set(key, [...(deep.get(key) ?? []), field]);
    } else if (field.shape !== 'value' && field.at.length === depth) {
      field.shape = 'value';
      delete field.item;
      field.schema = {
        type: field.schema.type,
        ...(field.schema.type === 'array' && { items: { type: 'object' } }),
      };
    }
  }
  for (const [key, fields] of deep) {
    const at = key.split('\u0000');
    const [first] = fields;
    const requiredFrom = Math.min(...fields.map((field) => Math.min(field.requiredFrom, depth)));
    const inner = [
      ...new Set(fields.filter((field) => field.requiredFrom <= depth).map((field) => field.at[depth] ?? '')),
    ];
    flat.fields = flat.fields.filter((field) => !fields.includes(field));
    flat.fields.push({
      name: (at.slice(1).join('_') || 'value').replace(/[^A-Za-z0-9]+/g, '_').replace(/^(?=\d)/, '_'),
      at,
      requiredFrom: flat.containers.some((one) => one.join('\u0000') === key) ? 0 : requiredFrom,
      shape: 'value',
      score: first?.score ?? 0,
      schema: {
        type: 'object',
        ...(inner.length > 0 && { description: `with ${inner.slice(0, 12).join(', ')}` }),
      },
    });
  }
  flat.containers = flat.containers.filter((at) => at[0] !== 'body' || at.length < depth);
  flat.groups = flat.groups.filter(({ at }) => at[0] !== 'body' || at.length < depth);
}

function assemble(
  standalone: Standalone,
  operation: Operation,
  name: string,
  flat: Flat,
  answer: ReturnType<typeof answerOf>,
  level: Level,
): BundleTool {
  const { fields } = flat;
  const texts = TEXTS[level];
  const visible = fields.filter(isShown);
  const constant = fields.filter((field) => field.fixed !== undefined && field.requiredFrom === 0);
  const inSchema = [...visible, ...constant];
  const required = inSchema.filter((field) => field.requiredFrom === 0).map((field) => field.name);
  const needs = visible.filter((field) => field.requiredFrom === 0).map((field) => field.name);
  const constraints: Constraint[] = constraintsOf(flat);
  const klass = classOf(operation);
  const nf = nfOf(operation.api);
  const short = (operation.id || `${operation.method} ${operation.path}`).slice(0, 128);
  const meta: ToolMeta = {
    version: '1.0',
    category: klass.category,
    kind: klass.kind,
    labels: labelsOf(operation).slice(0, texts.labels),
    serviceArea: [],
    permission: { mode: 'public' },
    constraints,
    effects: klass.effects,
    nf: nf === '' ? [] : [{ type: nf, operations: [short] }],
    ...(constant.length > 0 && {
      defaults: Object.fromEntries(constant.map((field) => [field.name, field.fixed ?? null])),
    }),
    ...(operation.deprecated && { deprecated: { since: operation.version.slice(0, 32) } }),
  };
  return {
    name,
    title: titleOf(operation),
    description: descriptionOf(operation, needs, answer.names, texts.tool),
    inputSchema: {
      type: 'object',
      properties: Object.fromEntries(
        inSchema.map((field) => [field.name, shortened(field.schema, texts.field)]),
      ),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    },
    outputSchema: answer.schema,
    idempotent: klass.idempotent,
    meta,
    scopes: operation.scopes,
    request: {
      operation: short,
      nf: nf || operation.api.slice(0, 64),
      method: operation.method,
      path: operation.target,
      ...(operation.body && { contentType: operation.body.contentType.slice(0, 200) }),
      fields: fields.map(fieldOf),
      containers: flat.containers,
      styles: Object.fromEntries(
        operation.parameters
          .filter((parameter) => parameter.in === 'query' && (parameter.json || parameter.explode))
          .map((parameter) => [parameter.name, parameter.json ? ('json' as const) : ('explode' as const)]),
      ),
      schema: schemaOf(standalone, operation),
    },
    answer: { keep: answer.keep, list: answer.list },
  };
}

/** With shorter texts; the words that a value may be stay. */
function shortened(schema: Node, most: number): Node {
  const { description, items, properties, ...own } = schema;
  const [text = '', ...more] = String(description ?? '').split('; ');
  const words = [text, ...more].filter((part) => part.startsWith('one of '));
  const said = text.startsWith('one of ') || most === 0 ? '' : brief(text, most);
  const example = most === 0 ? [] : more.filter((part) => part.startsWith('e.g. '));
  const left = [said, ...words, ...example].filter((part) => part !== '').join('; ');
  return {
    ...own,
    ...(isNode(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [
          name,
          isNode(inner) ? shortened(inner, most) : inner,
        ]),
      ),
    }),
    ...(isNode(items) && { items: shortened(items, most) }),
    ...(left !== '' && { description: left }),
  };
}

function fieldOf(field: Field): BundleField {
  const always = field.requiredFrom === 0;
  return {
    name: field.name,
    at: field.at,
    ...(field.shape !== 'value' && { shape: field.shape, item: (field.item?.fields ?? []).map(itemOf) }),
    // A constant of an object that is always sent is filled by the tool server, as its default.
    ...(field.fixed !== undefined && !always && { fixed: field.fixed, within: field.requiredFrom }),
    ...(field.auto !== undefined && {
      auto: field.auto,
      within: /^x-corr/i.test(field.at[1] ?? '') ? 0 : field.requiredFrom,
    }),
  };
}

/** Inside of lists nobody else fills a constant. */
function itemOf(field: Field): BundleField {
  const { name, at, requiredFrom } = field;
  return {
    ...fieldOf(field),
    name,
    at,
    ...(field.fixed !== undefined && { fixed: field.fixed, within: requiredFrom }),
  };
}

function schemaOf(standalone: Standalone, { parameters, body }: Operation): Node {
  const part = (where: string) => {
    const own = parameters.filter((parameter) => parameter.in === where);
    return {
      type: 'object',
      properties: Object.fromEntries(own.map((one) => [one.name, standalone.convert(one.schema)])),
      required: own.filter((one) => one.required).map((one) => one.name),
    };
  };
  return {
    type: 'object',
    properties: {
      path: part('path'),
      query: part('query'),
      header: part('header'),
      ...(body && { body: standalone.convert(body.schema) }),
    },
    ...(body?.required === true && { required: ['body'] }),
  };
}

/** JSON bytes of the definition that a tool server makes of it. */
function sizeOf(tool: BundleTool): number {
  const { defaults = {}, derived: _, ...meta } = tool.meta;
  const { properties, ...schema } = tool.inputSchema as { properties: Node };
  const seen = Object.fromEntries(
    Object.entries(properties).filter(([name]) => !Object.hasOwn(defaults, name)),
  );
  const { effects } = meta;
  const definition = {
    name: tool.name,
    title: tool.title,
    description: tool.description,
    inputSchema: { ...schema, properties: seen },
    outputSchema: tool.outputSchema,
    annotations: {
      readOnlyHint: effects === 'read',
      destructiveHint: effects === 'irreversible',
      idempotentHint: tool.idempotent,
      openWorldHint: false,
    },
    _meta: { [EXTENSION]: meta },
  };
  return (
    Buffer.byteLength(JSON.stringify(definition)) +
    (tool.scopes.length > 0 ? JSON.stringify(tool.scopes).length : 0)
  );
}
