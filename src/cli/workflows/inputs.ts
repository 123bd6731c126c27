type Schema = Record<string, unknown>;

/** How deep members of members are shown. */
const DEPTH = 3;

/**
 * The inputs that a JSON Schema describes, as rows `[name, type, default, description]`; a required one has a `*`.
 * Members of objects follow theirs as `trip.from`, those of the objects of a list as `route[].lat`.
 */
export function inputRows(schema: Schema, prefix = '', depth = 0): string[][] {
  const required = new Set(listOf(schema.required));
  return Object.entries(objectOf(schema.properties)).flatMap(([name, value]) => {
    const property = objectOf(value);
    const path = `${prefix}${name}`;
    const row = [
      `${path}${required.has(name) ? ' *' : ''}`,
      typeText(property),
      property.default === undefined ? '' : JSON.stringify(property.default),
      String(property.description ?? ''),
    ];
    if (depth + 1 >= DEPTH) return [row];
    const items = objectOf(property.items);
    if (items.properties !== undefined) return [row, ...inputRows(items, `${path}[].`, depth + 1)];
    return [row, ...inputRows(property, `${path}.`, depth + 1)];
  });
}

/** Choices between groups of inputs, in words: `one of supi, gpsi is needed`. */
export function choiceOf(schema: Schema): string | undefined {
  const groups = [...listOf(schema.anyOf), ...listOf(schema.oneOf)]
    .map((one) => listOf(objectOf(one).required).join(' with '))
    .filter((names) => names !== '');
  return groups.length < 2 ? undefined : `one of ${groups.join(', ')} is needed`;
}

/** An input that shows what has to be given: the required members with a value to replace. */
export function exampleOf(schema: Schema): Schema {
  const choice = [...listOf(schema.anyOf), ...listOf(schema.oneOf)].map(objectOf)[0];
  const required = new Set([...listOf(schema.required), ...listOf(choice?.required)]);
  const properties = objectOf(schema.properties);
  return Object.fromEntries(
    [...required].map((name) => [String(name), sample(objectOf(properties[String(name)]))]),
  );
}

function sample(schema: Schema): unknown {
  if (schema.default !== undefined) return schema.default;
  if (schema.const !== undefined) return schema.const;
  const [first] = [...listOf(schema.examples), ...listOf(schema.enum)];
  if (first !== undefined) return first;
  const [type] = [schema.type].flat();
  if (type === 'array') return [sample(objectOf(schema.items))];
  if (type === 'object') return exampleOf(schema);
  if (type === 'number' || type === 'integer') return schema.minimum ?? 1;
  if (type === 'boolean') return true;
  return String(schema.pattern ?? '').includes('imsi-') ? 'imsi-001010000000001' : '...';
}

function typeText(schema: Schema): string {
  const choices = listOf(schema.enum);
  if (choices.length > 0) {
    const text = choices.map(String).join(' | ');
    return text.length <= 40 ? text : `${choices.length} words`;
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.type === 'array') {
    const items = objectOf(schema.items);
    return `list of ${Object.keys(items).length === 0 ? 'any' : typeText(items)}${bounds(schema, 'minItems', 'maxItems')}`;
  }
  const type = [schema.type ?? 'any'].flat().join(' | ');
  return `${type}${bounds(schema, 'minimum', 'maximum')}`;
}

function bounds(schema: Schema, low: string, high: string): string {
  const [least, most] = [schema[low], schema[high]];
  if (least === undefined && most === undefined) return '';
  return ` ${least ?? ''}..${most ?? ''}`;
}

const objectOf = (value: unknown): Schema =>
  value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Schema) : {};
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);
