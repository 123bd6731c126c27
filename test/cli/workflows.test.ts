import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { helpText, parseVerb } from '../../src/cli/args.ts';
import { checkSources } from '../../src/cli/workflows/check.ts';
import { workflowsOf } from '../../src/cli/workflows/client.ts';
import { runWorkflows } from '../../src/cli/workflows/index.ts';
import { choiceOf, exampleOf, inputRows } from '../../src/cli/workflows/inputs.ts';
import { endsOf, span, taskPath } from '../../src/cli/workflows/text.ts';
import { WORKFLOWS } from '../../src/cli/workflows/verb.ts';
import { recorder } from '../bus/support.ts';
import { FakeWorkflows, HASH, ID, T0 } from '../gateway/fake-workflows.ts';
import { type Stage, stage } from '../gateway/support.ts';

let at: Stage;
let fake: FakeWorkflows;
const served = new Proxy({} as FakeWorkflows, {
  get: (_, name) => {
    const value = Reflect.get(fake, name);
    return typeof value === 'function' ? value.bind(fake) : value;
  },
});
const dir = mkdtempSync(join(tmpdir(), 'netagent-workflows-'));

beforeAll(async () => {
  at = await stage(recorder(), { workflows: served });
});
afterAll(async () => {
  rmSync(dir, { recursive: true });
  await at.close();
});
beforeEach(() => {
  fake = new FakeWorkflows();
});

function listener(json: boolean) {
  const lines: string[] = [];
  const values: unknown[] = [];
  return {
    lines,
    values,
    output: {
      json,
      text: (line: string) => void (json || lines.push(line)),
      value: (value: unknown) => void (json && values.push(value)),
      error: () => {
        throw new Error('errors are thrown');
      },
    },
  };
}

async function workflows(...argv: string[]) {
  const { lines, values, output } = listener(argv.includes('--json'));
  const code = await runWorkflows(parseVerb(WORKFLOWS, [...argv, '--to', at.gateway.url]), output);
  return { code, text: lines.join('\n'), values };
}

const file = (name: string, text: string) => {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
};
const DOCUMENT = `document: { dsl: 1.0.3, namespace: test, name: mine, version: 0.1.0 }
do:
  - one:
      set: { a: 1 }
`;

test('templates as a table, and as one array', async () => {
  const { code, text } = await workflows();
  expect(code).toBe(0);
  expect(text).toMatch(/locate +core +atomic-capability +reads +About core\/locate/);
  expect(text).toMatch(/balance-load \(!\) +ran/);
  expect((await workflows('--json')).values).toMatchObject([
    [{ id: 'core/locate' }, { id: 'ran/balance-load' }],
  ]);
  expect((await workflows('--domain', 'ran')).text).not.toMatch(/locate/);
  expect((await workflows('--domain', 'rna')).text).toBe('No template of that domain; there are core, ran.');
});

test('a template with its inputs, and how to run it', async () => {
  for (const argv of [['locate'], ['show', 'core/locate']]) {
    const { text } = await workflows(...argv);
    expect(text).toMatch(/^core\/locate 1\.1\.0: About/);
    expect(text).toMatch(/supi \* +string +Subscriber/);
    expect(text).toMatch(/most +integer 1\.\. +10 +At the most/);
    expect(text).toMatch(/route\[\]\.lat \* +number/);
    expect(text).toMatch(/versions +1\.1\.0, also 1\.0\.0/);
    expect(text).toMatch(`netagent workflows run core/locate --input '{"supi":"imsi-001010000000001"}'`);
  }
  const { text } = await workflows('balance-load');
  expect(text).toMatch(/touches +cells: serving and standby/);
  expect(text).toMatch('It does not run here: line 7: no function x is here (/do/0/x)');
});

test.each([
  [['loacte'], 'No template or instance "loacte"; the nearest names are locate,'],
  [['blance'], 'No template or instance "blance"; the nearest names are balance-load,'],
  [
    ['show', 'ran/blance-load'],
    'No template or instance "ran/blance-load"; the nearest names are ran/balance-load,',
  ],
  [['run', 'locat'], 'No template "locat"; the nearest names are locate,'],
  [['isntances'], 'the nearest names are instances,'],
  [['frobnicate', 'it'], '"frobnicate" is nothing that can be done with "it".'],
  [['cancel'], 'cancel takes 1 word more, not 0.'],
  [['approve', 'a', 'b', 'c'], 'approve takes 1 or 2 words more, not 3.'],
  [['show', '..'], '.. is neither a name nor an id.'],
  [['purge'], 'purge needs an ID, or --older-than TIME.'],
  [['run', 'locate', '--input', '{'], '--input is no JSON'],
  [['run', 'locate', '--input', '@none.json'], 'none.json cannot be read: there is no such file.'],
  [['run', './none.yaml'], './none.yaml cannot be read: there is no such file.'],
  [['approve', 'plan/1', 'aaa'], 'aaa is too short'],
])('%j is wrong usage', async (argv, message) => {
  await expect(workflows(...argv)).rejects.toMatchObject({
    code: 'CLI_USAGE',
    message: expect.stringContaining(message),
  });
});

test('a value of a flag that cannot be is refused before anything is asked', () => {
  expect(() => parseVerb(WORKFLOWS, ['purge', '--older-than', '24h'])).toThrow('an ISO 8601 duration');
  expect(() => parseVerb(WORKFLOWS, ['instances', '--status', 'gone'])).toThrow('one of running, waiting');
});

test('a task is matched, with what is missing', async () => {
  const { text } = await workflows('match', 'where', 'is', 'she', '--input', '{"a":1}');
  expect(text).toMatch(/core\/locate +0\.71 +supi +It is about "where"\./);
  expect(fake.asked).toEqual([{ match: { text: 'where is she', known: { a: 1 } } }]);
  expect((await workflows('match', 'nonsense')).text).toMatch(/^No template fits "nonsense"/);
});

test('documents are checked with the runtime: each problem with its line', async () => {
  const good = file('good.yaml', DOCUMENT);
  const bad = file('bad.yaml', DOCUMENT.replace('{ a: 1 }', '{ a: 1 }\n      then: nowhere'));
  const { code, text } = await workflows('check', good, bad);
  expect(code).toBe(1);
  expect(text.split('\n')).toEqual([
    `${good}:9: no function look:1.0.0@default is here (/do/0/look/call)`,
    `${bad}:5: then: no task "nowhere" in this scope (/do/0/one/then)`,
    `${bad}:9: no function look:1.0.0@default is here (/do/0/look/call)`,
    '2 documents, 3 errors, 0 warnings.',
  ]);
});

test('documents are checked without a runtime, their metadata too', async () => {
  const nobody = workflowsOf('http://127.0.0.1:9');
  const check = async (text: string) => {
    const { values, output } = listener(true);
    const code = await checkSources(nobody, [{ file: 'a.yaml', text }], output);
    return { code, values };
  };
  expect(await check(DOCUMENT)).toEqual({
    code: 0,
    values: [{ type: 'result', valid: true, documents: 1, errors: 0, warnings: 0, runtime: false }],
  });
  const wrong = DOCUMENT.replace('0.1.0 }', '0.1.0, metadata: { netagent: { effects: none } } }');
  expect(await check(wrong)).toMatchObject({
    code: 1,
    values: [{ file: 'a.yaml', line: 1 }, { valid: false }],
  });
  expect(await check('a: [')).toMatchObject({ code: 1, values: [{ line: 1 }, { errors: 1 }] });
});

test('a policy becomes a document with its reasons, or is refused', async () => {
  const { code, text } = await workflows('translate', file('policy.yaml', 'goal: less load\n'));
  expect({ code, text }).toEqual({ code: 0, text: '# one measure fits\n# --input \'{"a":1}\'\ndo: []' });
  const none = await workflows('translate', file('none.yaml', '{}'), '--json');
  expect(none).toMatchObject({
    code: 1,
    values: [{ type: 'result', kind: 'refused', reasons: ['it has no goal'] }],
  });
  await expect(workflows('translate', file('broken.yaml', 'a: ['))).rejects.toMatchObject({
    code: 'CLI_USAGE',
  });
});

test('a run is followed to its output', async () => {
  fake.onRun = (id) => {
    fake.tell(id, 'task.started', { pointer: '/do/0/locate' });
    fake.tell(id, 'task.progress', { pointer: '/do/0/locate', text: 'asks the core' });
    fake.tell(id, 'task.completed', { pointer: '/do/0/locate' });
    fake.end(id, {
      status: 'completed',
      output: { cell: 3 },
      insight: { text: 'She is in cell 3.', cells: 1 },
    });
  };
  const input = file('in.json', '{"supi":"x"}');
  const { code, text } = await workflows('run', 'locate', '--input', `@${input}`, '--id', ID);
  expect(code).toBe(0);
  expect(fake.asked).toEqual([{ run: { workflow: 'locate', input: { supi: 'x' }, id: ID } }]);
  const lines = text.split('\n');
  expect(lines[0]).toBe(`${ID} runs.`);
  expect(lines[1]).toMatch(/^ {2}\d\d:\d\d:\d\d {2}progress {3}locate: asks the core$/);
  expect(lines[2]).toMatch(/completed {2}locate$/);
  expect(lines.slice(3)).toEqual([
    '',
    'core/locate completed after 1.5 s.',
    'She is in cell 3.',
    '  {"cell":3}',
  ]);
  expect((await workflows('show', ID)).text).toMatch(/insight +She is in cell 3\./);
});

test('a fault is told with its place, and with the way back', async () => {
  const fault = {
    type: 'https://example.org/spec/1.0.0/errors/communication',
    status: 503,
    title: 'The core does not answer',
    detail: 'SBI_UNREACHABLE',
    instance: '/do/0/locate',
  };
  fake.onRun = (id) => fake.end(id, { status: 'faulted', fault });
  const { code, text } = await workflows('run', 'locate');
  expect(code).toBe(1);
  expect(text).toMatch(
    'core/locate faulted after 1.5 s.\nFault at /do/0/locate\n  The core does not answer\n  communication, status 503: SBI_UNREACHABLE',
  );
  expect(text).toMatch('netagent workflows restart run-1');
  fake.runs.clear();
  const { values } = await workflows('run', 'locate', '--json');
  expect(values[0]).toEqual({ type: 'started', id: 'run-1' });
  expect(values.at(-1)).toMatchObject({ type: 'result', id: 'run-1', status: 'faulted', fault });
});

test('a document is run from a file; one that is wrong is shown as check shows it', async () => {
  fake.onRun = (id) => fake.end(id, { status: 'cancelled' });
  expect((await workflows('run', file('mine.yaml', DOCUMENT))).code).toBe(1);
  expect(fake.asked).toEqual([{ run: { source: DOCUMENT } }]);
  const bad = file('not-mine.yaml', DOCUMENT.replace('set:', 'then: nowhere\n      set:'));
  const { code, text } = await workflows('run', bad);
  expect(code).toBe(1);
  expect(text).toMatch(`${bad}:4: then: no task "nowhere" in this scope`);
});

test('a dry run and a detached run do not follow', async () => {
  expect((await workflows('run', 'locate', '--dry-run')).text).toBe(
    'locate and its input are fine; nothing was run.',
  );
  expect((await workflows('run', 'locate', '--detach', '--json')).values).toEqual([
    { type: 'result', id: 'run-1', status: 'running' },
  ]);
  expect(fake.listeners).toBe(0);
});

test('Ctrl-C leaves the instance running', async () => {
  fake.onRun = () => queueMicrotask(() => undefined);
  const running = workflows('run', 'locate');
  await expect.poll(() => fake.listeners).toBe(1);
  process.emit('SIGINT');
  const { code, text } = await running;
  expect(code).toBe(130);
  expect(text).toMatch('run-1 goes on.');
  expect(fake.runs.get('run-1')?.status).toBe('running');
});

test('a runtime that is lost while an instance is followed is said', async () => {
  const lost = await stage(recorder(), { workflows: served });
  fake.add(ID);
  const { output } = listener(false);
  const following = runWorkflows(parseVerb(WORKFLOWS, ['follow', ID, '--to', lost.gateway.url]), output);
  const ended = expect(following).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
  await expect.poll(() => fake.listeners).toBe(1);
  await lost.close();
  await ended;
  await expect(
    runWorkflows(parseVerb(WORKFLOWS, ['instances', '--to', lost.gateway.url]), output),
  ).rejects.toMatchObject({ code: 'RUNTIME_NOT_FOUND' });
});

test('instances are listed, and one is shown with its steps and events', async () => {
  fake.add(ID, {
    steps: [1, 2, 3].map((rev) => ({ rev, at: T0, entered: rev === 2 ? ['/do/1/b'] : ['/do/0/a'] })),
  });
  fake.tell(ID, 'task.started', { pointer: '/do/0/a' });
  const { text } = await workflows('instances', '--limit', '3');
  expect(text).toMatch(/trigger\/alarm@ran:cell~1 +core\/locate 1\.1\.0 +running .* locate$/);
  expect(fake.asked).toEqual([{ instances: { limit: 3 } }]);
  expect((await workflows('instances', '--json')).values).toMatchObject([[{ id: ID }]]);
  const shown = (await workflows('show', ID)).text;
  expect(shown).toMatch(`${ID}: core/locate 1.1.0 is running`);
  expect(shown).toMatch(/at +locate \(\/do\/0\/locate\)/);
  expect([...shown.matchAll(/\/do\/\d\/[ab]$/gm)].map(([pointer]) => pointer)).toEqual([
    '/do/1/b',
    '/do/0/a',
  ]);
  expect(shown).toMatch(/started {4}a$/m);
});

test('an instance is paused, cancelled, set back and forgotten', async () => {
  fake.add(ID);
  expect((await workflows('pause', ID)).text).toBe(`${ID} is held; it is suspended, at locate.`);
  await workflows('restart', ID, '--from', '/do/0/locate');
  fake.end(ID, { status: 'completed' });
  await expect(workflows('cancel', ID)).rejects.toMatchObject({
    code: 'WORKFLOW_INSTANCE_STATE',
    message: expect.stringContaining('it is completed'),
    hint: expect.stringContaining('netagent workflows show'),
  });
  await expect(workflows('resume', 'none')).rejects.toMatchObject({ code: 'WORKFLOW_INSTANCE_UNKNOWN' });
  expect((await workflows('purge', ID)).text).toBe('1 instance is forgotten.');
  expect((await workflows('purge', '--older-than', 'PT1M')).text).toBe('0 instances are forgotten.');
  expect(fake.asked).toEqual([
    { act: 'pause', id: ID },
    { act: 'restart', id: ID, from: '/do/0/locate' },
    { act: 'cancel', id: ID },
    { act: 'resume', id: 'none' },
    { purge: { id: ID } },
    { purge: { endedBefore: T0 } },
  ]);
});

test('a plan is approved as it was looked at, or not', async () => {
  const { text } = await workflows('approvals');
  expect(text).toMatch(/^plan\/1: Move 3 users\n.*stands 10 min\n {4}\{"moves":3\}\n/);
  expect(text).toMatch(`netagent workflows approve plan/1 ${HASH.slice(0, 12)}`);
  await expect(workflows('approve', 'plan/1', 'b'.repeat(12))).rejects.toMatchObject({
    code: 'WORKFLOW_APPROVAL_UNKNOWN',
  });
  expect((await workflows('reject', 'plan/1', HASH.slice(0, 12))).text).toMatch(/^Move 3 users: rejected\./);
  expect((await workflows('approvals')).text).toBe('Nothing waits for approval.');
});

test('an event is published, triggers are listed', async () => {
  const { values } = await workflows('emit', 'org.example.go', '--data', '[1]', '--subject', 's', '--json');
  expect(fake.asked).toEqual([{ publish: values[0] }]);
  expect(values).toMatchObject([
    { specversion: '1.0', type: 'org.example.go', source: '/netagent/terminal', subject: 's', data: [1] },
  ]);
  expect((await workflows('triggers')).text).toMatch(/nightly +core\/locate +0 +0 +never +cron 0 3/);
});

test('help names every form', () => {
  const help = helpText(WORKFLOWS);
  for (const [form] of WORKFLOWS.forms ?? []) expect(help).toContain(`workflows ${form}`.trim());
});

test('inputs in words', () => {
  const schema = {
    required: ['a'],
    anyOf: [{ required: ['supi'] }, { required: ['gpsi'] }],
    properties: {
      a: { type: 'array', items: { type: 'string', enum: ['x', 'y'] }, maxItems: 3 },
      supi: { type: 'string' },
      trip: {
        type: 'object',
        properties: { from: { type: ['string', 'null'] }, deep: { properties: { far: {} } } },
      },
    },
  };
  expect(inputRows(schema).map(([name, type]) => [name, type])).toEqual([
    ['a *', 'list of x | y ..3'],
    ['supi', 'string'],
    ['trip', 'object'],
    ['trip.from', 'string | null'],
    ['trip.deep', 'any'],
    ['trip.deep.far', 'any'],
  ]);
  expect(choiceOf(schema)).toBe('one of supi, gpsi is needed');
  expect(exampleOf(schema)).toEqual({ a: ['x'], supi: '...' });
});

test('times, paths and events in words', () => {
  expect([5, 1_500, 59_900, 61_000, 3_600_000, 9_000_000, 90_000_000].map(span)).toEqual([
    '5 ms',
    '1.5 s',
    '59.9 s',
    '1 min 1 s',
    '1 h',
    '2 h 30 min',
    '1 d 1 h',
  ]);
  expect(taskPath('/do/1/goThrough/do/0/one/try/0/a~1b')).toBe('goThrough > one > a/b');
  expect(taskPath('/do/2/all/fork/branches/1/left')).toBe('all > left');
  const event = (type: string, pointer: string) => ({ at: 0, type, instance: 'i', workflow: 'w', pointer });
  const events = [event('task.started', '/a'), event('task.completed', '/a'), event('task.started', '/a')];
  expect(endsOf(events)).toEqual(events.slice(1));
});
