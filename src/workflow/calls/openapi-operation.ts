import { standardError } from '../fault.ts';
import { isMap } from './media.ts';
import { follow, own } from './resources.ts';

/** Where the value of a parameter goes, and how it is written. */
export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header' | 'cookie' | 'body' | 'formData';
  required: boolean;
  style: string;
  explode: boolean;
}

/** What a description (OpenAPI 3.0 and 3.1, Swagger 2.0) says of one operation. */
export interface Operation {
  method: string;
  /** Without a slash at its end. */
  server: string;
  path: string;
  parameters: Parameter[];
  /** Null: there is none. Properties are null where the body is no object. */
  body: { required: boolean; type: string; properties: ReadonlySet<string> | null } | null;
  /** Of the answer; '' if open. */
  accepts: string;
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'];
type Document = Record<string, unknown>;

/** @throws RaisedError `configuration` */
export function findOperation(document: Document, operationId: string, found: URL): Operation {
  const swagger = String(document.swagger ?? '').startsWith('2.');
  if (!swagger && !String(document.openapi ?? '').startsWith('3.')) {
    throw standardError('configuration', 'The document is neither OpenAPI 3 nor Swagger 2');
  }
  for (const [path, given] of Object.entries(isMap(document.paths) ? document.paths : {})) {
    const item = follow(document, given);
    if (!isMap(item)) continue;
    for (const method of METHODS) {
      const operation = item[method];
      if (!isMap(operation) || operation.operationId !== operationId) continue;
      return (swagger ? swaggerOperation : openapiOperation)(document, {
        path,
        method,
        item,
        operation,
        found,
      });
    }
  }
  throw standardError('configuration', `The document has no operation ${operationId}`);
}

interface Found {
  path: string;
  method: string;
  item: Document;
  operation: Document;
  found: URL;
}

/** Of the path, each replaced by the operation's own of the same name and place. */
function declared(document: Document, { item, operation }: Found): Document[] {
  const all = new Map<string, Document>();
  for (const list of [item.parameters, operation.parameters]) {
    for (const given of Array.isArray(list) ? list : []) {
      const parameter = follow(document, given);
      if (isMap(parameter)) all.set(`${parameter.in} ${parameter.name}`, parameter);
    }
  }
  return [...all.values()];
}

function openapiOperation(document: Document, found: Found): Operation {
  const { item, operation, path, method } = found;
  const servers = [operation.servers, item.servers, document.servers].find(
    (list): list is unknown[] => Array.isArray(list) && list.length > 0,
  );
  const server = isMap(servers?.[0]) ? servers[0] : { url: '/' };
  const variables = isMap(server.variables) ? server.variables : {};
  const written = String(server.url ?? '/').replace(/\{([^{}]+)\}/g, (_, name: string) => {
    const variable = own(variables, name);
    return String(isMap(variable) ? (variable.default ?? '') : '');
  });
  const parameters = declared(document, found).map(
    (one): Parameter => ({
      name: String(one.name),
      in: one.in as Parameter['in'],
      required: one.required === true || one.in === 'path',
      style: String(one.style ?? (one.in === 'query' || one.in === 'cookie' ? 'form' : 'simple')),
      explode:
        typeof one.explode === 'boolean'
          ? one.explode
          : one.style === undefined
            ? one.in === 'query' || one.in === 'cookie'
            : one.style === 'form',
    }),
  );
  const request = follow(document, operation.requestBody);
  const content = isMap(request) && isMap(request.content) ? request.content : {};
  const types = Object.keys(content);
  const type = types.find((one) => /json/.test(one)) ?? types[0] ?? 'application/json';
  const media = content[type];
  return {
    method: method.toUpperCase(),
    server: serverUrl(written, found.found),
    path,
    parameters,
    body: isMap(request)
      ? {
          required: request.required === true,
          type: type.includes('*') ? 'application/json' : type,
          properties: propertiesOf(document, isMap(media) ? media.schema : undefined),
        }
      : null,
    accepts: acceptOf(document, operation),
  };
}

function acceptOf(document: Document, operation: Document): string {
  const responses = isMap(operation.responses) ? operation.responses : {};
  const types = Object.entries(responses)
    .filter(([status]) => /^2|^default$/.test(status))
    .flatMap(([, given]) => {
      const response = follow(document, given);
      return isMap(response) && isMap(response.content) ? Object.keys(response.content) : [];
    });
  return types.find((type) => /json/.test(type)) ?? types[0] ?? '';
}

function swaggerOperation(document: Document, found: Found): Operation {
  const { operation, path, method } = found;
  const schemes = [operation.schemes, document.schemes].find((list) => Array.isArray(list)) as
    | unknown[]
    | undefined;
  const own = found.found.protocol.replace(':', '');
  const scheme = schemes?.includes('https') ? 'https' : schemes?.includes('http') ? 'http' : own;
  const host = typeof document.host === 'string' ? `${scheme}://${document.host}` : '';
  const list = (name: string) =>
    ([operation[name], document[name]].find((one) => Array.isArray(one)) as string[] | undefined) ?? [];
  const all = declared(document, found);
  const inBody = all.find((one) => one.in === 'body');
  const form = all.some((one) => one.in === 'formData');
  const consumes = list('consumes');
  const type = form
    ? (consumes.find((one) => /form/.test(one)) ?? 'application/x-www-form-urlencoded')
    : (consumes.find((one) => /json/.test(one)) ?? consumes[0] ?? 'application/json');
  const produces = list('produces');
  return {
    method: method.toUpperCase(),
    server: serverUrl(`${host}${String(document.basePath ?? '/')}`, found.found),
    path,
    parameters: all.map((one) => ({
      name: String(one.name),
      in: one.in as Parameter['in'],
      required: one.required === true || one.in === 'path',
      style: COLLECTIONS[String(one.collectionFormat ?? 'csv')] ?? 'simple',
      explode: one.collectionFormat === 'multi',
    })),
    body:
      inBody === undefined && !form
        ? null
        : {
            required: inBody?.required === true,
            type,
            properties: inBody === undefined ? null : propertiesOf(document, inBody.schema),
          },
    accepts: produces.find((one) => /json/.test(one)) ?? produces[0] ?? '',
  };
}

const COLLECTIONS: Readonly<Record<string, string>> = {
  csv: 'simple',
  multi: 'form',
  ssv: 'spaceDelimited',
  pipes: 'pipeDelimited',
};

/** @throws RaisedError `configuration`: a relative server needs a document that came over HTTP */
function serverUrl(written: string, found: URL): string {
  const url = URL.parse(written, found.protocol === 'file:' ? undefined : found.href);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw standardError('configuration', `The document's server ${written} is no HTTP address`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/$/, '');
}

/** Names of the properties of an object schema; null if it is none, or open in a way that names do not tell. */
function propertiesOf(document: Document, given: unknown): ReadonlySet<string> | null {
  const names = new Set<string>();
  // A schema may be a part of itself, and in many places.
  const seen = new Set<unknown>();
  const waiting = [given];
  while (waiting.length > 0) {
    const schema = follow(document, waiting.pop());
    if (!isMap(schema) || seen.has(schema)) continue;
    seen.add(schema);
    for (const name of Object.keys(isMap(schema.properties) ? schema.properties : {})) names.add(name);
    if (Array.isArray(schema.allOf)) waiting.push(...schema.allOf);
  }
  return names.size > 0 ? names : null;
}
