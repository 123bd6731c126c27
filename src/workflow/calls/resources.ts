import { open } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { Env } from '../../../machines/ports.ts';
import { standardError } from '../fault.ts';
import { type ExternalResource, readAs, resourceSchema } from './arguments.ts';
import { scrubbed } from './auth/authenticator.ts';
import { endpointOf, type HttpTools } from './http.ts';
import { isMap } from './media.ts';
import type { CallContext } from './types.ts';
import { shown, urlOf } from './uri.ts';

export interface Resource {
  /** Where it was found: relative references in it are relative to this. */
  url: URL;
  text: string;
}

/** Reads external resources of the DSL (1.0.3, "External Resource"): documents, protos, cards, scripts, schemas. */
export interface Resources {
  /**
   * `{name?, endpoint}` with its expressions evaluated; `http:`, `https:`, and `file:` below the policy's folders.
   * @throws RaisedError `configuration`, `authorization`, `communication`
   */
  read(resource: unknown, context: CallContext): Promise<Resource>;
  /** The same for an address beside one that was read. */
  readBeside(url: URL, resource: unknown, context: CallContext): Promise<Resource>;
}

const MAX_RESOURCE = 4 * 1024 * 1024;
const MAX_KEPT = 64;
/** ms: one run after the other does not fetch the same document again; a new version is seen soon. */
const KEEP_MS = 60_000;
const SCHEMES = ['http:', 'https:', 'file:'];

/** One reader for all; what needs no credentials is kept for a minute. */
export function createResources({ env, outgoing, authenticate }: HttpTools & { env: Env }): Resources {
  const kept = new Map<string, { resource: Resource; until: number }>();

  async function fetched(url: URL, authentication: unknown, context: CallContext): Promise<Resource> {
    const key = url.href;
    const known = authentication === undefined ? kept.get(key) : undefined;
    if (known !== undefined && known.until > env.clock.now()) return known.resource;
    const resource =
      url.protocol === 'file:' ? await fromFile(url) : await fromWeb(url, authentication, context);
    if (authentication === undefined) {
      kept.delete(key);
      kept.set(key, { resource, until: env.clock.now() + KEEP_MS });
      const oldest = kept.keys().next().value;
      if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    }
    return resource;
  }

  async function fromFile(url: URL): Promise<Resource> {
    let path: string;
    try {
      path = fileURLToPath(url);
    } catch {
      throw standardError('configuration', `${url.href} is no file of this machine`);
    }
    const file = await open(await outgoing.gate.file(path), 'r');
    try {
      const stat = await file.stat();
      if (!stat.isFile() || stat.size > MAX_RESOURCE) throw tooLarge(path);
      return { url, text: await file.readFile('utf8') };
    } finally {
      await file.close();
    }
  }

  async function fromWeb(url: URL, authentication: unknown, context: CallContext): Promise<Resource> {
    const credentials = await authenticate(authentication, context);
    const headers = new Headers({ accept: 'application/json, application/yaml, text/*;q=0.9, */*;q=0.8' });
    const { signal } = context;
    try {
      const answer = await outgoing.follow(
        { method: 'GET', url, headers, signal, limit: MAX_RESOURCE },
        (one) => (one.url.origin === url.origin ? credentials.send(one) : outgoing.send(one)),
      );
      if (answer.status !== 200) {
        throw standardError('communication', `${shown(url)} was answered with ${answer.status}`, {
          status: answer.status,
        });
      }
      return { url: answer.url, text: answer.body.toString('utf8') };
    } catch (error) {
      throw scrubbed(error, credentials);
    }
  }

  return {
    read(resource, context) {
      const { endpoint } = readAs<ExternalResource>(resourceSchema, resource, 'An external resource');
      const { uri, authentication } = endpointOf(endpoint);
      return fetched(urlOf(uri, context.input, SCHEMES), authentication, context);
    },
    readBeside(url, resource, context) {
      const { authentication } = endpointOf((resource as ExternalResource).endpoint);
      return fetched(url, authentication, context);
    },
  };
}

const tooLarge = (what: string) =>
  standardError('communication', `${what} is no file, or larger than ${MAX_RESOURCE} bytes`);

/** An OpenAPI, AsyncAPI or other description: YAML, of which JSON is a part. @throws RaisedError `configuration` */
export function descriptionOf({ url, text }: Resource): Record<string, unknown> {
  let value: unknown;
  try {
    value = text.trimStart().startsWith('{') ? jsonOrYaml(text) : yaml(text);
  } catch {
    value = null;
  }
  if (isMap(value)) return value;
  throw standardError('configuration', `${shownResource(url)} is no JSON or YAML object`);
}

const yaml = (text: string): unknown => parse(text, { maxAliasCount: 100 });

/** JSON is read many times faster as what it is; YAML may begin with a brace too. */
function jsonOrYaml(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return yaml(text);
  }
}

export const shownResource = (url: URL) => (url.protocol === 'file:' ? url.href : shown(url));

/**
 * Follows `$ref` inside a document, also from one reference to the next.
 * @throws RaisedError `configuration` for one that leads outside, nowhere, or round
 */
export function follow(document: Record<string, unknown>, value: unknown): unknown {
  let at = value;
  for (let steps = 0; isMap(at) && typeof at.$ref === 'string'; steps += 1) {
    const { $ref } = at;
    if (!$ref.startsWith('#/') || steps > 20) {
      throw standardError('configuration', `The reference ${$ref} cannot be followed`, {
        detail: 'References lead to other places of the same document.',
      });
    }
    at = $ref
      .slice(2)
      .split('/')
      .map((part) => decoded(part).replaceAll('~1', '/').replaceAll('~0', '~'))
      .reduce<unknown>((holder, part) => (isMap(holder) ? own(holder, part) : undefined), document);
  }
  return at;
}

/** A part that is no proper encoding names nothing but itself. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export const own = (holder: Record<string, unknown>, key: string): unknown =>
  Object.hasOwn(holder, key) ? holder[key] : undefined;
