import { afterAll, describe, expect, test } from 'vitest';
import {
  checkWorkflow,
  compileWorkflow,
  createCalls,
  createEngine,
  createEventBus,
  type RunProcess,
} from '../../src/workflow/index.ts';
import { testEnv } from './kit.ts';

/** What stands elsewhere, by address, and how often it was read. */
const FILES: Record<string, string> = {
  'https://functions.example/functions/greet/1.0.0/function.yaml': `
input: { schema: { document: { type: object, required: [name] } } }
do:
  - inner: { call: "shout:1.0.0@shared", with: { text: "\${ .name }" } }`,
  'https://functions.example/functions/shout/1.0.0/function.yaml':
    '{ set: { said: "${ .text | ascii_upcase }" } }',
  'https://functions.example/functions/broken/1.0.0/function.yaml': '{ set: { a: "${ .a | }" } }',
  'https://functions.example/functions/shell/1.0.0/function.yaml': '{ run: { shell: { command: ls } } }',
  'https://functions.example/functions/odd/1.0.0/function.yaml': '{ walk: {} }',
  'https://github.com/some/catalogue/raw/main/functions/greet/2.0.0/function.yaml':
    '{ set: { forge: true } }',
  'https://github.com/some/catalogue/raw/HEAD/functions/greet/2.0.0/function.yaml':
    '{ set: { forge: true } }',
  'https://scripts.example/north.js': 'console.log("north")',
  'https://schemas.example/north':
    '{ "$schema": "http://json-schema.org/draft-07/schema#", "required": ["cell"] }',
};
const asked: string[] = [];
const env = testEnv();
const calls = createCalls({
  env,
  policy: { allow: ['*.example', 'github.com'] },
  resolve: async () => [{ address: '192.0.2.1', family: 4 }],
  fetch: async (url, init) => {
    asked.push(`${url} ${new Headers(init?.headers).get('authorization') ?? ''}`.trim());
    const text = FILES[String(url)];
    return new Response(text ?? 'nothing here', { status: text === undefined ? 404 : 200 });
  },
});
const processes: RunProcess = async ({ script }) => ({ code: 0, stdout: script?.code ?? '', stderr: '' });
const engine = createEngine({
  env,
  calls,
  processes,
  functions: {},
  events: createEventBus({ log: env.log }),
  resources: calls.readDescription,
  texts: calls.readText,
  secret: (name) => (name === 'key' ? 's3' : undefined),
});
afterAll(async () => {
  await engine.close();
  await calls.close();
});

const HEAD = 'document: { dsl: 1.0.3, namespace: test, name: elsewhere, version: 1.0.0 }\n';
const workflow = (text: string) => compileWorkflow(HEAD + text, 'test', { scripts: ['js'] });
const SHARED = 'use: { catalogs: { shared: { endpoint: { uri: "https://functions.example" } } } }\n';

describe('functions of catalogues', () => {
  test('are read with those that they call, once, and run as functions of the document do', async () => {
    const greeting = workflow(
      `${SHARED}do: [{ hello: { call: "greet:1.0.0@shared", with: { name: "\${ .who }" } } }]`,
    );
    asked.length = 0;
    expect(await engine.run(greeting, { who: 'ada' })).toEqual({ output: { said: 'ADA' } });
    await engine.run(greeting, { who: 'bob' });
    expect(asked).toEqual([
      'https://functions.example/functions/greet/1.0.0/function.yaml',
      'https://functions.example/functions/shout/1.0.0/function.yaml',
    ]);
  });

  test.each([
    ['https://github.com/some/catalogue/tree/main', 'greet:2.0.0@forge'],
    ['https://github.com/some/catalogue', 'greet:2.0.0@forge'],
    [
      'https://none.example',
      'https://github.com/some/catalogue/blob/main/functions/greet/2.0.0/function.yaml',
    ],
  ])('at a forge are read raw: %s', async (endpoint, call) => {
    const made = workflow(
      `use: { catalogs: { forge: { endpoint: "${endpoint}" } } }\ndo: [{ one: { call: "${call}" } }]`,
    );
    expect(await engine.run(made, {})).toEqual({ output: { forge: true } });
  });

  test('are asked for with the credentials of the catalogue', async () => {
    asked.length = 0;
    const made = workflow(`use:
  secrets: [key]
  authentications: { shared: { bearer: { token: "\${ $secrets.key }" } } }
  catalogs: { shared: { endpoint: { uri: "https://functions.example/", authentication: { use: shared } } } }
do: [{ one: { call: "shout:1.0.0@shared", with: { text: a } } }]`);
    await engine.run(made, {});
    expect(asked).toEqual(['https://functions.example/functions/shout/1.0.0/function.yaml Bearer s3']);
  });

  test.each([
    ['gone:1.0.0@shared', '/do/0/one/call', /cannot be read: .*404/],
    ['odd:1.0.0@shared', '/do/0/one/call', /no known kind \(walk\)/],
    ['shell:1.0.0@shared', '/use/functions/shell:1.0.0@shared/run/shell', /shell commands are off/],
    ['broken:1.0.0@shared', '/use/functions/broken:1.0.0@shared/set/a', /syntax error/],
  ])('%s keeps a workflow from starting', async (call, pointer, problem) => {
    const made = workflow(`${SHARED}do: [{ one: { call: "${call}" } }]`);
    expect(await engine.examine(made)).toMatchObject([
      { pointer, problem: expect.stringMatching(problem), severity: 'error' },
    ]);
    await expect(engine.start(made, {})).rejects.toMatchObject({ code: 'WORKFLOW_INVALID' });
  });

  test('are refused at once where nothing is read', async () => {
    const bare = createEngine({ env, functions: {} });
    const made = workflow(`${SHARED}do: [{ one: { call: "shout:1.0.0@shared" } }]`);
    expect(bare.check(made)).toMatchObject([{ problem: 'functions from elsewhere are not read here' }]);
    await bare.close();
  });
});

test('a script from elsewhere is read in the words of its task', async () => {
  const made = workflow(`do:
  - one:
      run: { script: { language: js, source: { endpoint: "\${ \\"https://scripts.example/\\" + .file }" } } }`);
  expect(await engine.run(made, { file: 'north.js' })).toEqual({ output: 'console.log("north")' });
});

test('a schema from elsewhere is read in the words of its task, in its own dialect', async () => {
  const made = workflow(`do:
  - one:
      input: { schema: { resource: { endpoint: "https://schemas.example/{area}" } } }
      set: { done: true }`);
  expect(await engine.run(made, { area: 'north', cell: 1 })).toEqual({ output: { done: true } });
  await expect(engine.run(made, { area: 'north' })).rejects.toMatchObject({
    details: { fault: { status: 400, instance: '/do/0/one' } },
  });
});

describe('what can be seen before a run', () => {
  const found = async (text: string) => {
    const made = checkWorkflow(HEAD + text);
    expect(made.problems).toEqual([]);
    return (await engine.examine(compileWorkflow(HEAD + text))).map(
      ({ pointer, problem, severity }) => `${severity} ${made.lineOf(pointer)} ${pointer}: ${problem}`,
    );
  };

  test.each([
    ['set: { a: "${ .a | }" }', /^error 3 \/do\/0\/one\/set\/a: the expression syntax error/],
    ['set: { a: "${ nothing(.) }" }', /nothing\/1 is not defined$/],
    ['set: { a: "${ $item }" }', /\$item is not defined$/],
    ['set: { a: "${ $secrets.key }" }', /secrets are read by if, input.from and authentication alone$/],
    ['set: { a: \'${ "now \\(now)" }\' }', /^warning .*now is not of the instance/],
    ['set: { a: "on ${ .day }" }', /^warning .*is text: an expression is the whole of a text/],
    ['{ wait: PT1S, if: ".a ==" }', /^error 3 \/do\/0\/one\/if: /],
    ['{ listen: { to: { any: [], until: ". >" } } }', /\/listen\/to\/until: the expression/],
    ['{ set: { a: 1 }, input: { schema: { document: { type: 7 } } } }', /A schema of the document is none/],
    ['{ set: { a: 1 }, output: { schema: { format: avro, document: {} } } }', /avro is not known/],
    [
      '{ call: mcp, with: { method: tools/list, transport: { http: { endpoint: "https://a.example" } } } }',
      /mcp/,
    ],
  ])('%s', async (task, problem) => {
    expect((await found(`do:\n  - one: ${task.startsWith('{') ? task : `{ ${task} }`}`))[0]).toMatch(problem);
  });

  test('variables of loops and handlers are known where they are', async () => {
    expect(
      await found(`use: { functions: { f: { set: { a: "\${ .cell }" } } } }
do:
  - loop:
      for: { each: cell, in: "\${ .cells }", at: nr }
      while: $nr < 3
      do:
        - guarded:
            try: [{ a: { call: f } }]
            catch: { as: problem, when: $problem.status == 404, do: [{ b: { set: { c: "\${ [$problem.title, $nr] }" } } }] }
            export: { as: '{ last: $output, before: $context }' }`),
    ).toEqual([]);
  });

  test.each([
    [
      '{ for: { in: "${ .a }", each: input }, do: [{ b: { set: { c: 1 } } }] }',
      /\$input is a variable of the runtime/,
    ],
    ['{ emit: { event: { with: { type: a, Bad: 1 } } } }', /Bad/],
    ['{ emit: { event: { with: { type: a, source: "not a uri" } } } }', /URI reference/],
    ['{ listen: { to: { one: { with: { type: "(a+)+b" } } } } }', /pattern/],
    ['{ call: http, with: { method: get, endpoint: pets/1 } }', /^pets\/1 is relative/],
    ['{ run: { script: { language: js, source: { endpoint: a.js } } } }', /scripts in js are off|relative/],
    ['{ set: { b: 1 }, input: { schema: { resource: { endpoint: a.json } } } }', /^a.json is relative/],
    ['{ call: "f:1.0.0@none" }', /no catalogue "none"/],
  ])('without an engine: %s', (task, problem) => {
    const { problems } = checkWorkflow(`${HEAD}do:\n  - one: ${task}`);
    expect(problems).toMatchObject(
      [{ line: expect.any(Number), problem: expect.stringMatching(problem) }].concat(
        problems.slice(1) as never,
      ),
    );
  });

  test.each(['{ cron: "61 * * * *" }', '{ every: PT0.1S }', '{ every: PT5S, cron: "* * * * *" }'])(
    'a schedule %s',
    (schedule) => {
      const { problems } = checkWorkflow(`${HEAD}schedule: ${schedule}\ndo: [{ a: { set: { b: 1 } } }]`);
      expect(problems).toMatchObject([{ pointer: '/schedule', severity: 'error' }]);
    },
  );
});
