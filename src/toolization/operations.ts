import { isNode, listOf, type Node, textOf, wordsOf } from './json.ts';
import { type Library, type Place, stem } from './library.ts';

export interface Parameter {
  name: string;
  in: 'path' | 'query' | 'header';
  required: boolean;
  description: string;
  schema: Place;
  /** Written as JSON text (`content: application/json`), as 3GPP does. */
  json: boolean;
  /** Array values as one value each, not joined by commas. */
  explode: boolean;
}

export interface Operation {
  file: string;
  /** Name of the API, out of its server URL or its file. */
  api: string;
  title: string;
  version: string;
  id: string;
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  path: string;
  /** `path` below the root of the provider: what the server URL adds comes first. */
  target: string;
  /** First server URL with its variables filled; empty where the description names none. */
  server: string;
  summary: string;
  description: string;
  tags: string[];
  scopes: string[];
  parameters: Parameter[];
  body?: { contentType: string; required: boolean; schema: Place };
  /** Status and schema of the best successful answer. */
  answer: { status: number; schema?: Place; description: string };
  deprecated: boolean;
}

export interface Unsupported {
  file: string;
  operation: string;
  reason: string;
}

const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'options', 'head', 'trace'] as const;
const MOST = 500;

/** The operations of one description, and those that cannot become tools with the reason. */
export function operationsOf(
  library: Library,
  file: string,
): { operations: Operation[]; unsupported: Unsupported[] } {
  const document = library.document(file);
  const operations: Operation[] = [];
  const unsupported: Unsupported[] = [];
  const paths = isNode(document?.paths) ? document.paths : {};
  if (document === null) return { operations, unsupported };
  if (typeof document.swagger === 'string') {
    const reason = `it is Swagger ${document.swagger}; only OpenAPI 3.0 and 3.1 are read`;
    return { operations, unsupported: [{ file, operation: '*', reason }] };
  }
  if (!/^3\.[01](\.|$)/.test(String(document.openapi ?? ''))) return { operations, unsupported };
  for (const [path, item] of Object.entries(paths)) {
    const at = library.deref({ file, node: item });
    if (!isNode(at?.node)) continue;
    for (const method of METHODS) {
      const node = at.node[method];
      if (!isNode(node)) continue;
      const name = `${method.toUpperCase()} ${path}`;
      if (operations.length >= MOST) {
        unsupported.push({ file, operation: name, reason: `the file has more than ${MOST} operations` });
        continue;
      }
      const read = readOperation(library, { file, document, path, method, item: at, node });
      if (typeof read === 'string') unsupported.push({ file, operation: name, reason: read });
      else operations.push(read);
    }
  }
  for (const name of Object.keys(isNode(document.webhooks) ? document.webhooks : {}))
    unsupported.push({
      file,
      operation: `webhook ${name}`,
      reason: 'it is called by the network, not by us',
    });
  return { operations, unsupported };
}

interface Source {
  file: string;
  document: Node;
  path: string;
  method: (typeof METHODS)[number];
  item: Place;
  node: Node;
}

function readOperation(library: Library, source: Source): Operation | string {
  const { file, document, path, method, item, node } = source;
  if (method === 'options' || method === 'head' || method === 'trace')
    return `${method.toUpperCase()} asks about the service itself and does nothing for an agent`;
  const server = serverOf(node) ?? serverOf(item.node as Node) ?? serverOf(document) ?? '';
  const target = targetOf(server, path);
  const parameters = parametersOf(library, { ...source, path: target });
  if (typeof parameters === 'string') return parameters;
  const body = bodyOf(library, item.file, node);
  if (typeof body === 'string') return body;
  const answer = answerOf(library, item.file, node);
  if (typeof answer === 'string') return answer;
  const info = isNode(document.info) ? document.info : {};
  return {
    file,
    api: apiOf(urlOf(node) ?? urlOf(item.node as Node) ?? urlOf(document) ?? '', file),
    title: textOf(info.title),
    version: textOf(info.version),
    id: textOf(node.operationId),
    method: method.toUpperCase() as Operation['method'],
    path,
    target,
    server,
    summary: textOf(node.summary) || textOf((item.node as Node).summary),
    description: textOf(node.description) || textOf((item.node as Node).description),
    tags: wordsOf(node.tags),
    scopes: scopesOf(document, node),
    parameters,
    ...(body && { body }),
    answer,
    deprecated: node.deprecated === true,
  };
}

function parametersOf(library: Library, { item, node, path }: Source): Parameter[] | string {
  const found = new Map<string, Parameter>();
  for (const raw of [...listOf((item.node as Node).parameters), ...listOf(node.parameters)]) {
    const at = library.deref({ file: item.file, node: raw });
    if (!isNode(at?.node)) return 'a parameter is described in a place that cannot be read';
    const { name, in: where, required, schema, content, style, explode, description } = at.node;
    if (typeof name !== 'string' || name === '' || name.length > 100) continue;
    if (where === 'cookie') {
      if (required === true) return `it needs the cookie ${name}`;
      continue;
    }
    if (where !== 'path' && where !== 'query' && where !== 'header') continue;
    if (where === 'header' && (TRANSPORT.test(name) || !/^[\w!#$%&'*+.^`|~-]+$/.test(name))) continue;
    if (style !== undefined && !['form', 'simple'].includes(String(style)) && required === true)
      return `the parameter ${name} has the style ${String(style)}`;
    const json = isNode(content) ? content['application/json'] : undefined;
    const node = isNode(json) ? json.schema : schema;
    found.set(`${where} ${name}`, {
      name,
      in: where,
      required: required === true || where === 'path',
      description: textOf(description),
      schema: { file: at.file, node: node ?? {} },
      json: isNode(json),
      explode: explode !== false && where === 'query',
    });
  }
  for (const [, name = ''] of path.matchAll(/\{([^}]+)\}/g)) {
    if (!found.has(`path ${name}`))
      found.set(`path ${name}`, {
        name,
        in: 'path',
        required: true,
        description: '',
        schema: { file: item.file, node: { type: 'string' } },
        json: false,
        explode: false,
      });
  }
  return [...found.values()].filter((one) => one.in !== 'path' || path.includes(`{${one.name}}`));
}

/** Headers that are the transport's to say, three of them by OpenAPI 3.0.3, 4.7.12.1. */
const TRANSPORT =
  /^(accept|accept-encoding|authorization|connection|content-encoding|content-length|content-type|cookie|expect|host|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade)$/i;

const JSON_BODY = /^application\/((json|[\w.-]+\+json)|3gppHal\+json)(;.*)?$/i;

function bodyOf(library: Library, file: string, node: Node): Operation['body'] | string {
  if (node.requestBody === undefined) return undefined;
  const at = library.deref({ file, node: node.requestBody });
  if (!isNode(at?.node)) return 'its body is described in a place that cannot be read';
  const content = isNode(at.node.content) ? at.node.content : {};
  const types = Object.keys(content);
  const chosen =
    types.find((type) => /^application\/json/i.test(type)) ??
    types.find((type) => /merge-patch/.test(type)) ??
    types.find((type) => JSON_BODY.test(type)) ??
    types.find((type) => /x-www-form-urlencoded/.test(type));
  if (chosen === undefined) {
    const only = types.join(', ') || 'nothing';
    if (/multipart/.test(only)) return `its body is multipart (${only})`;
    return at.node.required === true || types.length > 0 ? `its body is ${only}, not JSON` : undefined;
  }
  const media = content[chosen];
  return {
    contentType: chosen,
    required: at.node.required === true,
    schema: { file: at.file, node: (isNode(media) ? media.schema : undefined) ?? {} },
  };
}

function answerOf(library: Library, file: string, node: Node): Operation['answer'] | string {
  const answers = isNode(node.responses) ? node.responses : {};
  const good = Object.keys(answers)
    .filter((status) => /^2(\d\d|XX)$/i.test(status))
    .sort();
  let best: Operation['answer'] = { status: Number(good[0]) || 200, description: '' };
  let binary = good.length > 0;
  for (const status of good) {
    const at = library.deref({ file, node: answers[status] });
    if (!isNode(at?.node)) {
      binary = false;
      continue;
    }
    const content = isNode(at.node.content) ? at.node.content : {};
    const types = Object.keys(content);
    const type = types.find((one) => JSON_BODY.test(one));
    if (types.length === 0 || type !== undefined || types.some((one) => /^text\/|\*/.test(one)))
      binary = false;
    const media = type === undefined ? undefined : content[type];
    if (best.schema === undefined && isNode(media) && media.schema !== undefined)
      best = {
        status: Number(status) || 200,
        schema: { file: at.file, node: media.schema },
        description: textOf(at.node.description),
      };
  }
  return binary ? 'all its answers are binary or multipart' : best;
}

const urlOf = (node: Node): string | undefined => {
  const [first] = listOf(node.servers);
  return isNode(first) && typeof first.url === 'string' ? first.url : undefined;
};

function serverOf(node: Node): string | undefined {
  const [first] = listOf(node.servers);
  if (!isNode(first) || typeof first.url !== 'string') return undefined;
  const variables = isNode(first.variables) ? first.variables : {};
  return first.url.replace(/\{([^}]+)\}/g, (whole, name: string) => {
    const variable = Object.hasOwn(variables, name) ? variables[name] : undefined;
    // The root is the operator's to say; other variables have their default.
    if (/root/i.test(name)) return whole;
    return isNode(variable) ? textOf(variable.default) || whole : whole;
  });
}

function targetOf(server: string, path: string): string {
  const base = server.replace(/^([a-z]+:\/\/[^/]*|\{[^}]*\})/i, '').replace(/\/+$/, '');
  return `${base === '' || base.startsWith('/') ? base : `/${base}`}${path}`;
}

/** `{apiRoot}/npcf-smpolicycontrol/v1` -> `npcf-smpolicycontrol`. */
function apiOf(server: string, file: string): string {
  const path = server.replace(/^([a-z]+:\/\/[^/]*|\{[^}]*\})/i, '');
  const parts = path.split('/').filter((part) => part !== '' && !/^v\w*[\d.]|^vwip$|^\{/i.test(part));
  return parts.at(-1) ?? stem(file);
}

/** Scopes of OAuth 2.0 and OpenID Connect that the first way in asks for. */
function scopesOf(document: Node, node: Node): string[] {
  const ways = listOf(node.security ?? document.security).filter(isNode);
  const named = ways.find((way) => Object.values(way).some((scopes) => wordsOf(scopes).length > 0));
  return [...new Set(Object.values(named ?? {}).flatMap(wordsOf))].slice(0, 16);
}
