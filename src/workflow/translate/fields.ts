/** Fields of a policy, `${scope}/cells/0`, and what they become in the document. */

export const SOURCES = ['scope', 'window', 'each', 'result'] as const;
export type Source = (typeof SOURCES)[number];

const FIELD = /^\$\{([a-z]+)\}(\/.*)?$/;
const EXPRESSION = /^\s*\$\{[\s\S]*\}\s*$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Literal of jq. JSON is one: a backslash in a text is written twice there, so no text interpolates. */
export const literal = (value: unknown): string => JSON.stringify(value);

/** A JSON Pointer as a path of jq, to stand behind a value. */
export function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((token) =>
      /^\d+$/.test(token) ? `[${token}]` : NAME.test(token) ? `.${token}` : `[${literal(token)}]`,
    )
    .join('');
}

export interface Bindings {
  /** jq of each source that may be used here. */
  sources: Partial<Record<Source, string>>;
  /** Told what cannot be expressed. */
  refuse(problem: string): void;
}

/** A value of a policy as one of a document: fields become expressions, and a text that would be one is refused. */
export function filledFor(value: unknown, bindings: Bindings): unknown {
  return mapped(value, bindings, (jq) => `\${ ${jq} }`);
}

/** A value of a policy as one expression of jq. */
export function jqOf(value: unknown, bindings: Bindings): string {
  if (typeof value === 'string') {
    const field = fieldOf(value, bindings);
    return field ?? literal(value);
  }
  if (Array.isArray(value)) return `[${value.map((one) => jqOf(one, bindings)).join(', ')}]`;
  if (value === null || typeof value !== 'object') return literal(value);
  return `{${Object.entries(value)
    .map(([key, one]) => `${literal(key)}: ${jqOf(one, bindings)}`)
    .join(', ')}}`;
}

function mapped(value: unknown, bindings: Bindings, wrap: (jq: string) => string): unknown {
  if (typeof value === 'string') {
    const field = fieldOf(value, bindings);
    return field === null ? value : wrap(field);
  }
  if (Array.isArray(value)) return value.map((one) => mapped(one, bindings, wrap));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapped(one, bindings, wrap)]));
}

function fieldOf(text: string, { sources, refuse }: Bindings): string | null {
  const [, name = '', pointer = ''] = FIELD.exec(text) ?? [];
  if (name === '') {
    // Data is never evaluated: a policy may come from a message.
    if (EXPRESSION.test(text)) refuse(`"${text}" is an expression; a policy holds data and fields`);
    return null;
  }
  const base = sources[name as Source];
  if (base === undefined) {
    refuse(`"${text}": there is no ${name} here (${Object.keys(sources).join(', ') || 'no fields'})`);
    return null;
  }
  const path = pathOf(pointer);
  return base === '.' && path !== '' ? (path.startsWith('[') ? `.${path}` : path) : `${base}${path}`;
}
