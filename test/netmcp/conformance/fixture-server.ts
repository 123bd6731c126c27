/**
 * The server that the official conformance suite asks for by names, on our session layer. Prints its URL.
 * The names and texts are the suite's.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { listenMcp } from '../../../src/netmcp/session/host.ts';
import { INVALID_PARAMS, RpcError } from '../../../src/netmcp/session/rpc-error.ts';
import type {
  CallRequest,
  CallToolResult,
  ServerSide,
  Tool,
} from '../../../src/netmcp/session/server-session.ts';
import type { Contents, GetPromptResult } from '../../../src/netmcp/session/surface.ts';
import { systemEnv } from './system-env.ts';

const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==';
const WAV = 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=';
const text = (value: string) => ({ type: 'text' as const, text: value });
const said = (value: string): CallToolResult => ({ content: [text(value)] });
const object = (properties: Record<string, unknown> = {}, required: string[] = []) => ({
  type: 'object',
  properties,
  required,
});

/** The answer of the client, or an error where it cannot be asked. */
async function ask(
  request: CallRequest,
  method: 'elicitation/create' | 'sampling/createMessage',
  params: Record<string, unknown>,
) {
  const answer = request.ask?.(method, params) ?? null;
  return answer === null ? null : await answer;
}

async function elicit(request: CallRequest, message: string, requestedSchema: object, word: string) {
  const answer = await ask(request, 'elicitation/create', { message, requestedSchema });
  if (answer === null) return { ...said('The client cannot be asked.'), isError: true };
  return said(`${word}: action=${String(answer.action)}, content=${JSON.stringify(answer.content ?? {})}`);
}

const image = { type: 'image' as const, data: PNG, mimeType: 'image/png' };
const embedded = (uri: string, value: string) => ({
  type: 'resource' as const,
  resource: { uri, mimeType: 'text/plain', text: value },
});

const CALLS: Record<string, [Record<string, unknown>, (request: CallRequest) => Promise<CallToolResult>]> = {
  test_simple_text: [object(), async () => said('This is a simple text response for testing.')],
  test_image_content: [object(), async () => ({ content: [image] })],
  test_audio_content: [
    object(),
    async () => ({ content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }] }),
  ],
  test_embedded_resource: [
    object(),
    async () => ({
      content: [embedded('test://embedded-resource', 'This is an embedded resource content.')],
    }),
  ],
  test_multiple_content_types: [
    object(),
    async () => ({
      content: [
        text('Multiple content types test:'),
        image,
        {
          type: 'resource',
          resource: {
            uri: 'test://mixed-content-resource',
            mimeType: 'application/json',
            text: '{"test":"data","value":123}',
          },
        },
      ],
    }),
  ],
  test_tool_with_logging: [
    object(),
    async (request) => {
      for (const step of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
        request.log?.('info', 'fixture', step);
        await wait(50);
      }
      return said('Three messages were sent.');
    },
  ],
  test_tool_with_progress: [
    object(),
    async (request) => {
      for (const progress of [0, 50, 100]) {
        request.progress({ progress, total: 100 });
        await wait(50);
      }
      return said('Done.');
    },
  ],
  test_error_handling: [
    object(),
    async () => ({ ...said('This tool intentionally returns an error for testing'), isError: true }),
  ],
  test_reconnection: [
    object(),
    async (request) => {
      request.closeStream?.();
      await wait(100);
      return said('The stream was closed and taken up again.');
    },
  ],
  test_sampling: [
    object({ prompt: { type: 'string' } }, ['prompt']),
    async (request) => {
      const answer = await ask(request, 'sampling/createMessage', {
        messages: [{ role: 'user', content: text(String(request.arguments.prompt)) }],
        maxTokens: 100,
      });
      if (answer === null) return { ...said('The client does not sample.'), isError: true };
      return said(`LLM response: ${(answer.content as { text: string }).text}`);
    },
  ],
  test_elicitation: [
    object({ message: { type: 'string' } }, ['message']),
    (request) =>
      elicit(
        request,
        String(request.arguments.message),
        object(
          {
            username: { type: 'string', description: "User's response" },
            email: { type: 'string', description: "User's email address" },
          },
          ['username', 'email'],
        ),
        'User response',
      ),
  ],
  test_elicitation_sep1034_defaults: [
    object(),
    (request) =>
      elicit(
        request,
        'Please check the values.',
        object({
          name: { type: 'string', default: 'John Doe' },
          age: { type: 'integer', default: 30 },
          score: { type: 'number', default: 95.5 },
          status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
          verified: { type: 'boolean', default: true },
        }),
        'Elicitation completed',
      ),
  ],
  test_elicitation_sep1330_enums: [
    object(),
    (request) =>
      elicit(
        request,
        'Please choose.',
        object({
          untitledSingle: { type: 'string', enum: ['option1', 'option2', 'option3'] },
          titledSingle: {
            type: 'string',
            oneOf: ['First', 'Second', 'Third'].map((name, i) => ({
              const: `value${i + 1}`,
              title: `${name} Option`,
            })),
          },
          legacyEnum: {
            type: 'string',
            enum: ['opt1', 'opt2', 'opt3'],
            enumNames: ['Option One', 'Option Two', 'Option Three'],
          },
          untitledMulti: {
            type: 'array',
            items: { type: 'string', enum: ['option1', 'option2', 'option3'] },
          },
          titledMulti: {
            type: 'array',
            items: {
              anyOf: ['First', 'Second', 'Third'].map((name, i) => ({
                const: `value${i + 1}`,
                title: `${name} Choice`,
              })),
            },
          },
        }),
        'Elicitation completed',
      ),
  ],
  json_schema_2020_12_tool: [
    {
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      type: 'object',
      $defs: {
        address: { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } },
      },
      properties: { name: { type: 'string' }, address: { $ref: '#/$defs/address' } },
      additionalProperties: false,
    },
    async (request) => said(JSON.stringify(request.arguments)),
  ],
};

const TOOLS = Object.entries(CALLS).map(
  ([name, [inputSchema]]) => ({ name, description: `Fixture ${name}`, inputSchema }) as unknown as Tool,
);

const RESOURCES = new Map<string, Contents>([
  [
    'test://static-text',
    {
      uri: 'test://static-text',
      mimeType: 'text/plain',
      text: 'This is the content of the static text resource.',
    },
  ],
  ['test://static-binary', { uri: 'test://static-binary', mimeType: 'image/png', blob: PNG }],
  [
    'test://watched-resource',
    { uri: 'test://watched-resource', mimeType: 'text/plain', text: 'Watched resource content' },
  ],
]);

function template(uri: string): Contents | undefined {
  const id = /^test:\/\/template\/([^/]+)\/data$/.exec(uri)?.[1];
  if (id === undefined) return undefined;
  const value = { id, templateTest: true, data: `Data for ID: ${id}` };
  return { uri, mimeType: 'application/json', text: JSON.stringify(value) };
}

const user = (...content: Array<GetPromptResult['messages'][number]['content']>): GetPromptResult => ({
  messages: content.map((each) => ({ role: 'user', content: each })),
});
const required = (...names: string[]) =>
  names.map((name) => ({ name, description: `Argument ${name}`, required: true }));

const PROMPTS = new Map<string, [string[], (args: Record<string, string>) => GetPromptResult]>([
  ['test_simple_prompt', [[], () => user(text('This is a simple prompt for testing.'))]],
  [
    'test_prompt_with_arguments',
    [
      ['arg1', 'arg2'],
      ({ arg1, arg2 }) => user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
    ],
  ],
  [
    'test_prompt_with_embedded_resource',
    [
      ['resourceUri'],
      ({ resourceUri }) =>
        user(
          embedded(String(resourceUri), 'Embedded resource content for testing.'),
          text('Please process the embedded resource above.'),
        ),
    ],
  ],
  ['test_prompt_with_image', [[], () => user(image, text('Please analyze the image above.'))]],
]);

const side: ServerSide = {
  name: 'netagent-conformance',
  instructions: 'Fixture for the official suite.',
  parts: [],
  logging: true,
  listTools: () => TOOLS,
  callTool(_, request) {
    const found = Object.hasOwn(CALLS, request.name) ? CALLS[request.name] : undefined;
    if (found === undefined) throw new RpcError(INVALID_PARAMS, `Unknown tool: ${request.name}`);
    return found[1](request);
  },
  resources: {
    list: () => [...RESOURCES].map(([uri, { mimeType }]) => ({ uri, name: uri.slice(7), mimeType })),
    templates: () => [
      { uriTemplate: 'test://template/{id}/data', name: 'template', mimeType: 'application/json' },
    ],
    read(uri) {
      const found = RESOURCES.get(uri) ?? template(uri);
      return found === undefined ? undefined : [found];
    },
  },
  prompts: {
    list: () =>
      [...PROMPTS].map(([name, [names]]) => ({
        name,
        description: `Fixture ${name}`,
        arguments: required(...names),
      })),
    get: (name, args) => PROMPTS.get(name)?.[1](args),
  },
  complete: () => [],
};

const host = await listenMcp({ env: systemEnv(), host: '127.0.0.1', port: 0, side });
process.stdout.write(`${host.url}\n`);
process.on('SIGTERM', () => void host.close().then(() => process.exit(0)));
