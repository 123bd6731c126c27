import { PROTOCOLS } from '../calls/types.ts';
import { isExpression } from './parts.ts';
import type { Resource, Task, Use } from './types.ts';

/** `NAME:VERSION@CATALOG` */
export const CATALOGUED = /^([A-Za-z][\w.-]*):(\d+\.\d+\.\d+[\w.+-]*)@([\w.-]+)$/;
const ADDRESS = /^(?:https?|file):\/\/\S+$/;
/** The forge whose pages the specification says are to be read as raw documents. */
const FORGE = 'github.com';

/**
 * Where the function that a task calls is read from: `{function}:{version}@{catalog}` of a catalogue of the document, or
 * the address of the function itself. Undefined for a function of the runtime's own catalogue; a text says why there is
 * none.
 */
export function resourceOf(call: string, use: Use): Resource | string | undefined {
  if (ADDRESS.test(call)) return { endpoint: rawOf(call) };
  const [, name, version, catalogue = ''] = CATALOGUED.exec(call) ?? [];
  if (name === undefined) {
    return `no function "${call}": neither a protocol (${PROTOCOLS.join(', ')}), nor under use.functions, nor NAME:VERSION@CATALOG, nor an address`;
  }
  const found = Object.hasOwn(use.catalogs ?? {}, catalogue) ? use.catalogs?.[catalogue] : undefined;
  if (found === undefined) {
    return catalogue === 'default' ? undefined : `no catalogue "${catalogue}" under use.catalogs`;
  }
  const { endpoint } = found;
  const base = typeof endpoint === 'string' ? endpoint : endpoint.uri;
  if (isExpression(base) || !ADDRESS.test(base)) {
    return `the catalogue "${catalogue}" does not stand at an address of http, https or file`;
  }
  const uri = rawOf(`${base.replace(/\/+$/, '')}/functions/${name}/${version}/function.yaml`);
  return { endpoint: typeof endpoint === 'string' ? uri : { ...endpoint, uri } };
}

/** A page of a repository shows a document; its raw form is beside it, and that of the newest state has a name. */
function rawOf(address: string): string {
  const url = URL.parse(address);
  if (url === null) return address;
  if (url.pathname.includes('/-/')) {
    url.pathname = url.pathname.replace(/\/-\/(?:tree|blob)\//, '/-/raw/');
  } else if (url.hostname === FORGE) {
    url.pathname = url.pathname
      .replace(/^(\/[^/]+\/[^/]+)\/(?:tree|blob)\//, '$1/raw/')
      .replace(/^(\/[^/]+\/[^/]+)\/functions\//, '$1/raw/HEAD/functions/');
  }
  return url.href;
}

/** The functions that tasks call and that are to be read from elsewhere, by the name under which they are called. */
export function outsideFunctions(tasks: Iterable<Task>, use: Use): Map<string, Resource> {
  const found = new Map<string, Resource>();
  for (const task of tasks) {
    if (!('call' in task) || (PROTOCOLS as readonly string[]).includes(task.call)) continue;
    if (Object.hasOwn(use.functions ?? {}, task.call)) continue;
    const resource = resourceOf(task.call, use);
    if (resource !== undefined && typeof resource !== 'string') found.set(task.call, resource);
  }
  return found;
}
