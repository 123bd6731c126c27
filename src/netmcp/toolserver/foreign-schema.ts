import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

const MAX_NODES = 500;
const MAX_DEPTH = 12;
const DIALECTS = /^https?:\/\/json-schema\.org\/draft(-07|\/2019-09|\/2020-12)\/schema#?$/;

/**
 * A JSON Schema that others wrote, made safe to compile: bounded, without references out of itself and
 * without patterns that may take exponential time. `flat`: no objects within. @throws Error, why not
 */
export function readForeignSchema(schema: unknown, flat: boolean): Record<string, unknown> {
  if (!isObject(schema) || schema.type !== 'object') throw new Error('the schema is not of type object');
  let nodes = 0;
  const visit = (node: unknown, depth: number): void => {
    nodes += 1;
    if (nodes > MAX_NODES) throw new Error(`the schema has more than ${MAX_NODES} parts`);
    if (depth > MAX_DEPTH) throw new Error(`the schema is deeper than ${MAX_DEPTH}`);
    if (Array.isArray(node)) for (const item of node) visit(item, depth + 1);
    if (!isObject(node)) return;
    for (const [key, value] of Object.entries(node)) {
      if ((key === '$ref' || key === '$dynamicRef') && !String(value).startsWith('#'))
        throw new Error('the schema refers to another document');
      if (key === 'pattern' && typeof value === 'string') checkPattern(value);
      if (key === 'patternProperties' && isObject(value)) Object.keys(value).forEach(checkPattern);
      visit(value, depth + 1);
    }
  };
  visit(schema, 0);
  if (typeof schema.$schema === 'string' && !DIALECTS.test(schema.$schema))
    throw new Error('the dialect of the schema is not supported');
  if (flat) checkFlat(schema);
  const { $schema: _, $id: __, ...own } = schema;
  return flat ? { ...own, additionalProperties: false } : own;
}

/**
 * Compiles it apart from all others, so that ids do not meet: one that names no ids may use what compiled the
 * others, which spares the time to compile the dialect again. @throws Error if it is no schema
 */
export function compileForeign(schema: Record<string, unknown>): ValidateFunction {
  if (/"\$(id|anchor|dynamicAnchor|schema)"/.test(JSON.stringify(schema))) return instance().compile(schema);
  shared ??= instance();
  try {
    return shared.compile(schema);
  } finally {
    shared.removeSchema(schema);
  }
}

let shared: Ajv2020 | undefined;

const instance = () =>
  new Ajv2020({
    allErrors: false,
    verbose: true,
    strict: false,
    logger: false,
    validateFormats: false,
  });

/** Refuses what backtracks: a repeated group with a repetition or a choice in it, and back-references. */
function checkPattern(pattern: string): void {
  const bare = pattern
    .replace(/\\./g, (pair) => (/\\[1-9k]/.test(pair) ? '\u0001' : 'x'))
    .replace(/\[[^\]]*\]/g, 'c');
  const nested = /\((?:[^()]*[+*}|][^()]*)\)[+*{]/.test(bare) || /\)[^()]*\)[+*{]/.test(bare);
  if (pattern.length > 200 || bare.includes('\u0001') || nested)
    throw new Error('a pattern of the schema may take exponential time');
  new RegExp(pattern, 'u');
}

function checkFlat(schema: Record<string, unknown>): void {
  for (const [name, property] of Object.entries(isObject(schema.properties) ? schema.properties : {})) {
    if (!isObject(property)) throw new Error(`the parameter ${name.slice(0, 64)} has no schema`);
    const item = property.type === 'array' ? property.items : property;
    const simple = isObject(item) && !['object', 'array'].includes(String(item.type));
    if (!simple || isObject(property.properties))
      throw new Error(`the parameter ${name.slice(0, 64)} is not flat`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
