import fc from 'fast-check';

type Schema = Record<string, unknown>;

/** Values that fit the schema of a parameter, as agents would give them. */
export function arbitraryOf(schema: Schema): fc.Arbitrary<unknown> {
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  const number = (name: string, otherwise: number) =>
    typeof schema[name] === 'number' ? (schema[name] as number) : otherwise;
  switch (schema.type) {
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: number('minimum', 0), max: Math.min(number('maximum', 1_000), 2 ** 31 - 1) });
    case 'number':
      return fc.integer({ min: Math.ceil(number('minimum', 0)), max: Math.floor(number('maximum', 1_000)) });
    case 'array': {
      const min = number('minItems', 0);
      return fc.array(arbitraryOf((schema.items ?? {}) as Schema), {
        minLength: min,
        maxLength: Math.max(min, Math.min(number('maxItems', min + 2), min + 2)),
      });
    }
    case 'object':
      return objectOf(schema);
    case 'string':
      return textOf(schema);
    default:
      return fc.constant('text');
  }
}

export function objectOf(schema: Schema): fc.Arbitrary<Record<string, unknown>> {
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Schema>);
  const required = new Set((schema.required ?? []) as string[]);
  return fc.record(Object.fromEntries(properties.map(([name, inner]) => [name, arbitraryOf(inner)])), {
    requiredKeys: properties.map(([name]) => name).filter((name) => required.has(name)),
  }) as fc.Arbitrary<Record<string, unknown>>;
}

function textOf(schema: Schema): fc.Arbitrary<string> {
  const min = (schema.minLength as number | undefined) ?? 1;
  const max = Math.min((schema.maxLength as number | undefined) ?? min + 8, min + 60);
  switch (schema.format) {
    case 'date-time':
      return fc
        .date({ min: new Date('2026-01-01'), max: new Date('2027-01-01'), noInvalidDate: true })
        .map((date) => date.toISOString());
    case 'date':
      return fc.constant('2026-01-02');
    case 'uuid':
      return fc.uuid();
    case 'ipv4':
      return fc.ipV4();
    case 'ipv6':
      return fc.constant('2001:db8::1');
    case 'uri':
      return fc.constant('https://sink.example/notify');
    case 'email':
      return fc.constant('a@b.example');
  }
  if (typeof schema.pattern === 'string') {
    return fc
      .stringMatching(new RegExp(schema.pattern), { size: 'small' })
      .filter((text) => text.length >= (schema.minLength === undefined ? 0 : min) && text.length <= max);
  }
  return fc.stringMatching(/^[a-z]+$/, { size: 'small' }).map((text) => text.padEnd(min, 'a').slice(0, max));
}
