import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type AnyDefinition, load, type MethodDefinition, type PackageDefinition } from '@grpc/proto-loader';
import { standardError } from '../fault.ts';
import type { Resource } from './resources.ts';

/** Descriptions of gRPC services, read from the text of `.proto` files. */

export type Method = MethodDefinition<object, object>;

const MAX_FILES = 32;
const MAX_KEPT = 32;
const kept = new Map<string, PackageDefinition>();

/**
 * Reads a proto file and what it imports beside it. Files of `google/protobuf` are known.
 * @param beside reads a file by its path relative to the first one
 * @throws RaisedError `configuration`
 */
export async function loadProto(
  first: Resource,
  beside: (path: string) => Promise<Resource>,
): Promise<PackageDefinition> {
  const files = new Map([['main.proto', first.text]]);
  const waiting = importsOf(first.text);
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    if (files.size === MAX_FILES) throw broken(`it imports more than ${MAX_FILES} files`);
    const { text } = await beside(path);
    files.set(path, text);
    waiting.push(...importsOf(text));
  }
  const key = createHash('sha256')
    .update(JSON.stringify([...files]))
    .digest('hex');
  const known = kept.get(key);
  if (known !== undefined) return known;
  const definition = await parse(files);
  kept.set(key, definition);
  const oldest = kept.keys().next().value;
  if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
  return definition;
}

/** The parser reads files only, so the texts become files for a moment. */
async function parse(files: ReadonlyMap<string, string>): Promise<PackageDefinition> {
  const folder = await mkdtemp(join(tmpdir(), 'netagent-proto-'));
  try {
    for (const [path, text] of files) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return await load('main.proto', {
      includeDirs: [folder],
      longs: String,
      enums: String,
      bytes: String,
      defaults: true,
    });
  } catch (error) {
    throw broken(error instanceof Error ? error.message.replaceAll(folder, '') : String(error));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** What is not closed goes to the end, so that each letter is read once. */
const TOKEN =
  /\/\/[^\n]*|\/\*(?:[\s\S]*?\*\/|[\s\S]*)|"(?:\\[\s\S]|[^"\\\n])*"?|'(?:\\[\s\S]|[^'\\\n])*'?|[A-Za-z_][\w.]*|[^\s]/g;

/**
 * Paths that a proto file imports. The parser opens what an import names, also outside of any folder, so every
 * import has to be of the plain form, below the folder of the first file.
 */
export function importsOf(text: string): string[] {
  const tokens = [...text.matchAll(TOKEN)].map(([token]) => token).filter((token) => !/^\/[/*]/.test(token));
  const paths: string[] = [];
  for (const [at, token] of tokens.entries()) {
    // A field may be named so.
    if (token !== 'import' || (at > 0 && !['}', ';'].includes(tokens[at - 1] as string))) continue;
    const rest = tokens.slice(at + 1, at + 4);
    if (['public', 'weak'].includes(rest[0] ?? '')) rest.shift();
    const path = /^["']([\w.-]+(?:\/[\w.-]+)*)["']$/.exec(rest[0] ?? '')?.[1];
    if (path === undefined || rest[1] !== ';' || path.split('/').some((part) => /^\.+$/.test(part))) {
      throw broken(`the import ${rest[0] ?? ''} is no path below its folder`);
    }
    if (!path.startsWith('google/protobuf/')) paths.push(path);
  }
  return paths;
}

/** A method by the service's full or short name. @throws RaisedError `configuration` */
export function findMethod(definition: PackageDefinition, service: string, method: string): Method {
  const services = Object.entries(definition).filter(
    ([name, one]) => !('format' in one) && (name === service || name.endsWith(`.${service}`)),
  );
  const found =
    services.find(([name]) => name === service) ?? (services.length === 1 ? services[0] : undefined);
  if (found === undefined) throw broken(`it has no service ${service}, or several`);
  const methods = Object.values(found[1] as unknown as Record<string, Method>);
  const one = methods.find(({ path }) => path.endsWith(`/${method}`));
  if (one === undefined) throw broken(`the service ${service} has no method ${method}`);
  return one;
}

interface Field {
  name: string;
  label: string;
  type: string;
  typeName: string;
}
interface Type {
  name: string;
  field?: Field[];
  nestedType?: Type[];
  enumType?: Type[];
  options?: { mapEntry?: boolean } | null;
  value?: Array<{ name: string; number: number }>;
}

/**
 * Arguments as the serialiser takes them: fields under either of their names (`cellId`, `cell_id`). The serialiser
 * leaves out what it does not know, which would call with less than was meant.
 * @throws RaisedError `validation` with the path of what does not fit
 */
export function messageOf(definition: PackageDefinition, method: Method, value: unknown): object {
  const type = method.requestType.type as Type;
  // The method has a copy of its type without the full name, inside of which names are looked up.
  const text = JSON.stringify(type);
  const alike = Object.entries(definition).filter(
    ([name, one]) =>
      'type' in one && name.split('.').at(-1) === type.name && JSON.stringify(one.type) === text,
  );
  const scope = alike[0]?.[0] ?? method.path.split('/')[1] ?? '';
  return asMessage(definition, type, scope, value, 'arguments') as object;
}

function asMessage(all: PackageDefinition, type: Type, scope: string, value: unknown, path: string): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw misfit(path, 'has to be an object');
  }
  const fields = new Map((type.field ?? []).map((field) => [field.name, field]));
  const entries = Object.entries(value).flatMap(([key, item]) => {
    const field = fields.get(key) ?? fields.get(camel(key));
    if (field === undefined) throw misfit(`${path}.${key}`, `is no field of ${type.name}`);
    return item === null ? [] : [[field.name, asField(all, field, scope, item, `${path}.${key}`)]];
  });
  return Object.fromEntries(entries);
}

function asField(all: PackageDefinition, field: Field, scope: string, value: unknown, path: string): unknown {
  const found = field.typeName === '' ? undefined : typeNamed(all, field.typeName, scope);
  const one = (item: unknown, at: string): unknown => {
    if (found === undefined) return item;
    if (field.type !== 'TYPE_ENUM') return asMessage(all, found.type, found.scope, item, at);
    if (typeof item === 'string' && !found.type.value?.some(({ name }) => name === item)) {
      throw misfit(at, `is no value of ${found.type.name}`);
    }
    return item;
  };
  if (found?.type.options?.mapEntry) {
    const valueField = found.type.field?.find(({ name }) => name === 'value');
    if (valueField === undefined || value === null || typeof value !== 'object' || Array.isArray(value)) {
      throw misfit(path, 'has to be an object');
    }
    const items = Object.entries(value).map(([key, item]) => [
      key,
      asField(all, valueField, found.scope, item, `${path}.${key}`),
    ]);
    return Object.fromEntries(items);
  }
  if (field.label !== 'LABEL_REPEATED') return one(value, path);
  if (!Array.isArray(value)) throw misfit(path, 'has to be an array');
  return value.map((item, index) => one(item, `${path}[${index}]`));
}

/** Names are relative to where they stand, innermost first, as in the language. */
function typeNamed(
  all: PackageDefinition,
  name: string,
  scope: string,
): { type: Type; scope: string } | undefined {
  const parts = name.startsWith('.') ? [] : scope.split('.');
  for (let depth = parts.length; depth >= 0; depth -= 1) {
    const full = [...parts.slice(0, depth), name.replace(/^\./, '')].join('.');
    const found = typeAt(all, full);
    if (found !== undefined) return { type: found, scope: full };
  }
  return undefined;
}

function typeAt(all: PackageDefinition, full: string): Type | undefined {
  const parts = full.split('.');
  for (let depth = parts.length; depth > 0; depth -= 1) {
    const known: AnyDefinition | undefined = all[parts.slice(0, depth).join('.')];
    if (known === undefined || !('type' in known)) continue;
    return parts
      .slice(depth)
      .reduce<Type | undefined>(
        (type, part) =>
          [...(type?.nestedType ?? []), ...(type?.enumType ?? [])].find(({ name }) => name === part),
        known.type as Type,
      );
  }
  return undefined;
}

const camel = (name: string) => name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
const misfit = (path: string, problem: string) => standardError('validation', `${path} ${problem}`);
const broken = (problem: string) =>
  standardError('configuration', 'The proto cannot be used', { detail: problem });
