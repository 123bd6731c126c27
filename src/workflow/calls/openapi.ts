import { standardError } from '../fault.ts';
import { readArguments } from './arguments.ts';
import { type HttpTools, performHttp } from './http.ts';
import { isMap } from './media.ts';
import { findOperation, type Operation, type Parameter } from './openapi-operation.ts';
import { headersOf } from './outgoing.ts';
import { descriptionOf, own, type Resources } from './resources.ts';
import type { CallHandler } from './types.ts';

/**
 * `call: openapi` (DSL 1.0.3, "OpenAPI Call"). Parameters go where the description puts them; those that it does
 * not know become the request body: `body` the whole of it, or else each as a property.
 */
export function openapiCalls(tools: HttpTools & { resources: Resources }): CallHandler {
  return async (given, context) => {
    const args = readArguments('openapi', given);
    const resource = await tools.resources.read(args.document, context);
    const operation = findOperation(descriptionOf(resource), args.operationId, resource.url);
    const { authentication, output, redirect } = args;
    const bound = bind(operation, args.parameters ?? {});
    return performHttp(
      { method: operation.method, ...bound, output, redirect, authentication },
      tools,
      context,
    );
  };
}

/** A request of values. @throws RaisedError `validation` for what is missing or has no place */
export function bind(
  operation: Operation,
  values: Readonly<Record<string, unknown>>,
): { url: URL; headers: Headers; body: unknown } {
  const left = new Map(Object.entries(values).filter(([, value]) => value !== undefined && value !== null));
  const missing: string[] = [];
  const headers: Record<string, string> = {};
  const cookies: string[] = [];
  const query: string[] = [];
  const form: Record<string, unknown> = {};
  let path = operation.path;
  let body: unknown;

  for (const parameter of operation.parameters) {
    const { name } = parameter;
    const value = left.get(name);
    if (value === undefined) {
      if (parameter.required && parameter.in !== 'body') missing.push(name);
      continue;
    }
    left.delete(name);
    if (parameter.in === 'path') {
      const text = simple(value, parameter, encodeURIComponent);
      // Dots alone would climb out of the path, and nothing would shift what follows.
      if (text === '' || /^\.{1,2}$/.test(text)) throw misfit(name, 'cannot stand in a path');
      path = path.replaceAll(`{${name}}`, () => text);
    } else if (parameter.in === 'query') query.push(...queryOf(value, parameter));
    else if (parameter.in === 'header') headers[name] = simple(value, parameter, (text) => text);
    else if (parameter.in === 'cookie') cookies.push(...queryOf(value, parameter));
    else if (parameter.in === 'formData') form[name] = value;
    else body = value;
  }
  if (Object.keys(form).length > 0) body = form;
  body ??= bodyOf(operation, left);
  if (body === undefined && operation.body?.required) missing.push('body');
  if (missing.length > 0) {
    throw standardError('validation', `The operation needs ${missing.join(', ')}`);
  }
  if (left.size > 0) {
    throw standardError('validation', `The operation has no parameter ${[...left.keys()].join(', ')}`);
  }
  if (cookies.length > 0) headers.cookie = cookies.join('; ');
  const all = headersOf(headers);
  if (body !== undefined && operation.body !== null && !all.has('content-type')) {
    all.set('content-type', operation.body.type);
  }
  if (operation.accepts !== '' && !all.has('accept')) all.set('accept', operation.accepts);
  const url = new URL(operation.server + path);
  if (query.length > 0) url.search = [url.search.slice(1), ...query].filter((part) => part !== '').join('&');
  return { url, headers: all, body };
}

/** What is left, as a body; takes what it uses out of `left`. */
function bodyOf({ body }: Operation, left: Map<string, unknown>): unknown {
  if (body === null || left.size === 0) return undefined;
  if (left.has('body') && !body.properties?.has('body')) {
    const whole = left.get('body');
    left.delete('body');
    return whole;
  }
  const fields = Object.fromEntries(left);
  left.clear();
  return fields;
}

/** RFC 6570 as OpenAPI names it, style `simple`: of paths and headers. */
function simple(
  value: unknown,
  { name, style, explode }: Parameter,
  encode: (text: string) => string,
): string {
  if (style !== 'simple' && style !== 'form') throw unknownStyle(name, style);
  if (Array.isArray(value)) return value.map((item) => encode(scalar(name, item))).join(',');
  if (isMap(value)) {
    return Object.entries(value)
      .map(([key, item]) => `${encode(key)}${explode ? '=' : ','}${encode(scalar(name, item))}`)
      .join(',');
  }
  return encode(scalar(name, value));
}

const DELIMITERS: Readonly<Record<string, string>> = {
  simple: ',',
  form: ',',
  spaceDelimited: '%20',
  pipeDelimited: '%7C',
};

/** `name=value` pairs, encoded, of a query or cookie. */
function queryOf(value: unknown, { name, style, explode }: Parameter): string[] {
  const key = encodeURIComponent(name);
  const encoded = (item: unknown) => encodeURIComponent(scalar(name, item));
  if (isMap(value)) {
    const entries = Object.entries(value);
    if (style === 'deepObject') {
      return entries.map(([field, item]) => `${key}%5B${encodeURIComponent(field)}%5D=${encoded(item)}`);
    }
    if (explode) return entries.map(([field, item]) => `${encodeURIComponent(field)}=${encoded(item)}`);
    return [
      `${key}=${entries.map(([field, item]) => `${encodeURIComponent(field)},${encoded(item)}`).join(',')}`,
    ];
  }
  if (!Array.isArray(value)) return [`${key}=${encoded(value)}`];
  if (explode) return value.map((item) => `${key}=${encoded(item)}`);
  const delimiter = own(DELIMITERS as Record<string, unknown>, style);
  if (typeof delimiter !== 'string') throw unknownStyle(name, style);
  return [`${key}=${value.map(encoded).join(delimiter)}`];
}

function scalar(name: string, value: unknown): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'object') throw misfit(name, 'is nested deeper than a parameter can be');
  return String(value);
}

const misfit = (name: string, problem: string) =>
  standardError('validation', `The parameter ${name} ${problem}`);
const unknownStyle = (name: string, style: string) =>
  standardError('configuration', `The style ${style} of the parameter ${name} is not known`);
