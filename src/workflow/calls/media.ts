import { standardError } from '../fault.ts';

const essence = (type: string | null) => (type ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
export const isJson = (type: string | null) => /^application\/json$|^text\/json$|\+json$/.test(essence(type));
const isText = (type: string) =>
  /^text\/|^application\/(xml|yaml|x-yaml|javascript|x-www-form-urlencoded|x-ndjson|graphql)$|\+(xml|yaml)$/.test(
    type,
  );

/**
 * The bytes of a body by its content type, JSON if none is named; sets the type where it was left open.
 * @throws RaisedError `validation` where the value does not fit the type
 */
export async function encodeBody(value: unknown, headers: Headers): Promise<string | Buffer | undefined> {
  if (value === undefined) return undefined;
  const type = essence(headers.get('content-type'));
  if (type === '' || isJson(type)) {
    if (type === '') headers.set('content-type', 'application/json');
    return JSON.stringify(value);
  }
  if (type === 'application/x-www-form-urlencoded' && isMap(value)) {
    return new URLSearchParams(pairsOf(value)).toString();
  }
  if (type === 'multipart/form-data' && isMap(value)) {
    const form = new FormData();
    for (const [name, text] of pairsOf(value)) form.append(name, text);
    const written = new Response(form);
    headers.set('content-type', written.headers.get('content-type') ?? type);
    return Buffer.from(await written.arrayBuffer());
  }
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw standardError('validation', `The body does not fit the content type ${type}`);
}

/**
 * What a body says: JSON is parsed, text is text, everything else is base64; null if it is empty.
 * @throws RaisedError `communication` for JSON that cannot be read
 */
export function decodeBody(body: Buffer, type: string | null): unknown {
  if (body.length === 0) return null;
  const known = essence(type);
  if (isJson(known)) {
    try {
      return JSON.parse(body.toString('utf8'));
    } catch {
      throw standardError('communication', 'The answer is no JSON, though it says so', { status: 502 });
    }
  }
  if (known === '') {
    try {
      return JSON.parse(body.toString('utf8'));
    } catch {
      return body.toString('utf8');
    }
  }
  return isText(known) ? body.toString('utf8') : body.toString('base64');
}

/** Names and values of a query or form; an array gives its name once for each item, null nothing. */
export function pairsOf(map: Readonly<Record<string, unknown>>): Array<[string, string]> {
  return Object.entries(map).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value])
      .filter((item) => item !== null && item !== undefined)
      .map((item): [string, string] => [
        name,
        typeof item === 'object' ? JSON.stringify(item) : String(item),
      ]),
  );
}

export const isMap = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
