import { standardError } from '../fault.ts';

const RESERVED = /[!'()*]/g;
const escapeAll = (text: string) =>
  encodeURIComponent(text).replace(
    RESERVED,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );

/** The scalar that a `{name}` stands for. @throws RaisedError `expression` for an array or an object */
export function scalarOf(input: unknown, name: string): string {
  const holder = input !== null && typeof input === 'object' && !Array.isArray(input) ? input : {};
  const value = Object.hasOwn(holder, name) ? (holder as Record<string, unknown>)[name] : undefined;
  if (value === undefined || value === null) return '';
  if (['string', 'number', 'boolean'].includes(typeof value)) return String(value);
  throw standardError('expression', `{${name}} of a URI is neither text, number nor truth value`);
}

/**
 * DSL 1.0.3, "URI Template": `{name}` is the property of exactly that name of the task's input, also where the
 * name has dots; a missing one is empty. Values are percent-encoded (RFC 6570, 3.2.2), so that what comes with
 * data cannot leave its segment.
 */
export function expandUri(template: string, input: unknown): string {
  return template.replace(/\{([^{}]*)\}/g, (_, name: string) => escapeAll(scalarOf(input, name)));
}

/** @throws RaisedError `configuration`, `expression` */
export function urlOf(template: string, input: unknown, schemes: readonly string[]): URL {
  const url = URL.parse(expandUri(template, input));
  if (url === null) throw standardError('configuration', `${template} is no absolute URI`);
  if (!schemes.includes(url.protocol)) {
    throw standardError('configuration', `The scheme ${url.protocol} cannot be called here`, {
      detail: `Possible are ${schemes.join(' ')}`,
    });
  }
  if (url.username !== '' || url.password !== '') {
    throw standardError('configuration', 'A URI carries no credentials', { detail: 'Use `authentication`.' });
  }
  return url;
}

/**
 * What is wrong with an address as a document writes it: there is nothing that a relative one is relative to. A
 * template whose beginning comes from the input may be anything.
 */
export const addressProblem = (address: unknown): string | undefined =>
  typeof address !== 'string' || /^\s*(?:\$?\{|[A-Za-z][\w+.-]*:)/.test(address)
    ? undefined
    : `${address} is relative, and there is nothing here that it is relative to`;

/** A URL for people: its query may carry keys. */
export const shown = (url: URL) => `${url.origin}${url.pathname}`;

/** Port of a URL, also where it is the scheme's own. */
export const portOf = (url: URL) =>
  url.port !== '' ? Number(url.port) : url.protocol === 'https:' ? 443 : 80;
