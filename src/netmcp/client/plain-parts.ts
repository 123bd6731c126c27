import { z } from 'zod';
import type { Session } from '../session/client-session.ts';

const resource = z.looseObject({ uri: z.string(), name: z.string(), mimeType: z.string().optional() });
const template = z.looseObject({ uriTemplate: z.string(), name: z.string() });
const contents = z.looseObject({
  uri: z.string(),
  mimeType: z.string().optional(),
  text: z.string().optional(),
  blob: z.string().optional(),
});
const prompt = z.looseObject({
  name: z.string(),
  description: z.string().optional(),
  arguments: z
    .array(
      z.looseObject({
        name: z.string(),
        description: z.string().optional(),
        required: z.boolean().optional(),
      }),
    )
    .optional(),
});
const message = z.looseObject({
  role: z.enum(['user', 'assistant']),
  content: z.looseObject({ type: z.string() }),
});
const empty = z.looseObject({});

/** What a client does with the parts of MCP beside tools. Each method @throws NETMCP_REJECTED, NETMCP_LOST, NETMCP_TIMEOUT */
export interface PlainParts {
  ping(): Promise<void>;
  resources(): Promise<z.infer<typeof resource>[]>;
  templates(): Promise<z.infer<typeof template>[]>;
  read(uri: string): Promise<z.infer<typeof contents>[]>;
  subscribe(uri: string): Promise<void>;
  unsubscribe(uri: string): Promise<void>;
  prompts(): Promise<z.infer<typeof prompt>[]>;
  prompt(name: string, args?: Record<string, string>): Promise<z.infer<typeof message>[]>;
  /** Values that the argument of a prompt or of a resource template may take. */
  complete(
    ref: { prompt: string } | { template: string },
    argument: string,
    prefix: string,
  ): Promise<string[]>;
  setLogLevel(level: string): Promise<void>;
}

export function plainParts(session: Session): PlainParts {
  const ask = async (method: string, params: object = {}) =>
    void (await session.plain(method, params, empty));
  /** All pages; a server that never ends its list is cut off. */
  async function all<T>(method: string, key: string, item: z.ZodType<T>): Promise<T[]> {
    const page = z.looseObject({ [key]: z.array(item), nextCursor: z.string().optional() });
    const found: T[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < 100; pages += 1) {
      const result = await session.plain(method, cursor === undefined ? {} : { cursor }, page);
      found.push(...(result[key] as T[]));
      cursor = result.nextCursor as string | undefined;
      if (cursor === undefined) break;
    }
    return found;
  }
  return {
    ping: () => ask('ping'),
    resources: () => all('resources/list', 'resources', resource),
    templates: () => all('resources/templates/list', 'resourceTemplates', template),
    async read(uri) {
      const result = z.looseObject({ contents: z.array(contents) });
      return (await session.plain('resources/read', { uri }, result)).contents;
    },
    subscribe: (uri) => ask('resources/subscribe', { uri }),
    unsubscribe: (uri) => ask('resources/unsubscribe', { uri }),
    prompts: () => all('prompts/list', 'prompts', prompt),
    async prompt(name, args = {}) {
      const result = z.looseObject({ messages: z.array(message) });
      return (await session.plain('prompts/get', { name, arguments: args }, result)).messages;
    },
    async complete(ref, argument, prefix) {
      const result = z.looseObject({ completion: z.looseObject({ values: z.array(z.string()) }) });
      const params = {
        ref:
          'prompt' in ref
            ? { type: 'ref/prompt', name: ref.prompt }
            : { type: 'ref/resource', uri: ref.template },
        argument: { name: argument, value: prefix },
      };
      return (await session.plain('completion/complete', params, result)).completion.values;
    },
    setLogLevel: (level) => ask('logging/setLevel', { level }),
  };
}
