import type { IncomingHttpHeaders } from 'node:http2';
import type { z } from 'zod';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** A request whose body and query the schemas of its route have passed. */
export interface SbiCall<B, Q> {
  params: Record<string, string>;
  query: Q;
  body: B;
  headers: IncomingHttpHeaders;
}

export interface SbiAnswer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
  /** `application/json` unless told. */
  contentType?: string;
}

export interface RouteOptions<B extends z.ZodType, Q extends z.ZodType> {
  /** Without a schema a body is ignored. */
  body?: B;
  /** Of the query as an object of strings; without a schema it is handed on as that. */
  query?: Q;
  /** Accepted content types of the body, `application/json` unless told. */
  consumes?: readonly string[];
}

export interface Route {
  method: Method;
  segments: RegExp;
  body: z.ZodType | undefined;
  query: z.ZodType | undefined;
  consumes: readonly string[];
  handle(call: SbiCall<unknown, unknown>): SbiAnswer | Promise<SbiAnswer>;
}

/** Turns `/a/v1/things/{id}` into an expression; a parameter takes part of one segment. */
export function patternOf(path: string): RegExp {
  const source = path
    .split(/(\{\w+\})/)
    .map((part) =>
      /^\{\w+\}$/.test(part) ? `(?<${part.slice(1, -1)}>[^/]+)` : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`);
}

/** What the routes say of a method and path: a match, the methods there are, or nothing. */
export function findRoute(
  routes: readonly Route[],
  method: string,
  path: string,
): { route: Route; params: Record<string, string> } | { allow: string[] } | undefined {
  const allow: string[] = [];
  for (const route of routes) {
    const match = route.segments.exec(path);
    if (match === null) continue;
    if (route.method === method) return { route, params: decoded(match.groups ?? {}) };
    allow.push(route.method);
  }
  return allow.length > 0 ? { allow } : undefined;
}

function decoded(groups: Record<string, string>): Record<string, string> {
  const params: Record<string, string> = {};
  for (const [name, value] of Object.entries(groups)) {
    try {
      params[name] = decodeURIComponent(value);
    } catch {
      params[name] = value;
    }
  }
  return params;
}
