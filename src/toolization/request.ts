import type { BundleField, BundleTool } from './bundle.ts';
import { isNode, type Node } from './json.ts';

/** Path, query, header and body of a request before it is written. */
export type Request = { path: Node; query: Node; header: Node; body?: unknown };

/** The nested request out of flat arguments; `id` gives identifiers. */
export function rebuild(
  { fields, containers }: BundleTool['request'],
  args: Record<string, unknown>,
  id: () => string,
): Request {
  const root: Node = { path: {}, query: {}, header: {} };
  for (const at of containers) at.reduce<Node>((node, name) => own(node, name), root);
  fill(root, fields, args, id);
  return root as unknown as Request;
}

function fill(root: Node, fields: readonly BundleField[], args: Node, id: () => string): void {
  const later: BundleField[] = [];
  for (const field of fields) {
    if (field.fixed !== undefined || field.auto !== undefined) later.push(field);
    else if (Object.hasOwn(args, field.name)) put(root, field.at, nested(field, args[field.name], id));
  }
  // Fixed values of an optional object go only where that object goes.
  for (const field of later) {
    const around = field.within ?? 0;
    if (around > 0 && lookup(root, field.at.slice(0, Math.min(around, field.at.length - 1))) === undefined)
      continue;
    if (around >= field.at.length) continue;
    put(root, field.at, field.auto === 'id' ? id() : field.fixed);
  }
}

function nested(field: BundleField, value: unknown, id: () => string): unknown {
  if (field.shape === undefined || field.item === undefined || !Array.isArray(value)) return value;
  const { item } = field;
  const whole = (element: unknown) => {
    const root: Node = {};
    if (isNode(element)) fill(root, item, element, id);
    return root.body ?? {};
  };
  if (field.shape === 'list') return value.map(whole);
  const map: Node = {};
  for (const element of value) {
    const key = isNode(element) && typeof element.key === 'string' ? element.key : '';
    Object.defineProperty(map, key, {
      value: whole(element),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return map;
}

function own(node: Node, name: string): Node {
  const there = Object.hasOwn(node, name) ? node[name] : undefined;
  if (isNode(there)) return there;
  const made: Node = {};
  node[name] = made;
  return made;
}

function put(root: Node, at: readonly string[], value: unknown): void {
  if (value === undefined) return;
  const last = at.at(-1) ?? '';
  const around = at.slice(0, -1).reduce<Node>((node, name) => own(node, name), root);
  around[last] = value;
}

function lookup(root: Node, at: readonly string[]): unknown {
  let here: unknown = root;
  for (const name of at) here = isNode(here) && Object.hasOwn(here, name) ? here[name] : undefined;
  return here;
}

/** Path with its query, as it is written on the wire. */
export function writeTarget({ path, styles }: BundleTool['request'], request: Request): string {
  const target = path.replace(/\{([^}]+)\}/g, (_, name: string) => {
    const text = encodeURIComponent(plain(request.path[name]));
    // A value that is only dots would lead to another resource (RFC 3986 5.2.4).
    return /^\.+$/.test(text) ? text.replaceAll('.', '%2E') : text;
  });
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(request.query)) {
    const style = Object.hasOwn(styles, name) ? styles[name] : undefined;
    if (style === 'json') query.append(name, JSON.stringify(value));
    else if (style === 'explode' && Array.isArray(value))
      for (const one of value) query.append(name, plain(one));
    else if (style === 'explode' && isNode(value))
      for (const [key, one] of Object.entries(value)) query.append(key, plain(one));
    else query.append(name, plain(value));
  }
  const search = query.toString();
  return search === '' ? target : `${target}?${search}`;
}

/** Headers of the request; a value with a line break is not one. */
export function writeHeaders(request: Request): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.header).map(([name, value]) => [
      name.toLowerCase(),
      plain(value).replace(/[^\t\x20-\x7e]/g, ''),
    ]),
  );
}

/** Style `simple` of OpenAPI: arrays and objects joined by commas. */
function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(',');
  if (isNode(value))
    return Object.entries(value)
      .map(([key, one]) => `${key},${plain(one)}`)
      .join(',');
  return value === undefined || value === null ? '' : String(value);
}
