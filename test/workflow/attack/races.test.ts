import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { compileWorkflow } from '../../../src/workflow/index.ts';
import { act, bench, workflow } from './kit.ts';

const held = new Map<string, () => void>();
let released: string[];
let given: string[];
let seen: string[];
let on: ReturnType<typeof bench>;

const child = compileWorkflow(
  'document: { dsl: 1.0.3, namespace: test, name: child, version: 1.0.0 }\ndo: [{ rest: { wait: PT10S } }]',
);

beforeEach(() => {
  held.clear();
  released = [];
  given = [];
  seen = [];
  on = bench({
    workflows: () => child,
    functions: {
      // Never heeds its signal, as the worst of peers.
      hold: (_, { instanceId }) => new Promise((resolve) => held.set(instanceId, () => resolve('let go'))),
    },
    options: (id) => {
      given.push(id);
      return { release: () => void released.push(id) };
    },
    observe: ({ type, instance }) => {
      seen.push(`${instance} ${type}`);
      throw new Error('an observer that always throws');
    },
  });
});
afterEach(() => on.end());

const hold = "{ call: 'hold:1.0.0@default' }";

describe('a restart', () => {
  test('that meets the end of its instance sets it back, and the end takes nothing of the new run with it', async () => {
    const { engine } = on.kept;
    await engine.start(
      workflow(`  - a: ${act('a')}\n  - b: ${hold}\n  - c: { wait: PT5S }`),
      {},
      { id: 'x' },
    );
    await on.turns();
    held.get('x')?.();
    await on.turns();
    on.clock.increment(5_000);
    const back = engine.restart('x', '/do/2/c');
    await back;
    await on.turns();
    expect(engine.show('x')).toMatchObject({ status: 'waiting', run: 1 });
    on.clock.increment(5_000);
    await on.turns();
    expect(await engine.result('x')).toEqual({ output: 'let go' });
  });

  test('beside another one: there is one instance, and one effect a run', async () => {
    const { engine } = on.kept;
    await engine.start(workflow(`  - a: ${act('a')}\n  - b: { wait: PT5S }`), {}, { id: 'x' });
    await on.turns();
    await Promise.all([engine.restart('x', '/do/0/a'), engine.restart('x', '/do/0/a')]);
    await on.turns();
    expect(engine.show('x')).toMatchObject({ run: 2 });
    on.clock.increment(5_000);
    await on.turns();
    await engine.result('x');
    expect(new Set(on.calls.map(({ key }) => key)).size).toBe(on.calls.length);
    expect(seen.filter((one) => one === 'x workflow.completed')).toHaveLength(1);
  });

  test('while an effect is in flight that cannot be stopped: its late result changes nothing', async () => {
    const { engine } = on.kept;
    await engine.start(workflow(`  - a: ${hold}\n  - b: ${act('b')}`), {}, { id: 'x' });
    await on.turns();
    const late = held.get('x');
    await engine.restart('x', '/do/0/a');
    await on.turns();
    late?.();
    await on.turns();
    expect(on.calls).toEqual([]);
    held.get('x')?.();
    await engine.result('x');
    expect(on.calls).toHaveLength(1);
  });
});

test('set back long after, a step has all of its time again', async () => {
  const { engine } = on.kept;
  const flow = workflow(`
  - all: { timeout: { after: PT30S }, do: [{ a: ${act('a')} }, { b: { timeout: { after: PT20S }, call: 'hold:1.0.0@default' } }, { c: { wait: PT5S } }] }`);
  await engine.start(flow, {}, { id: 'x' });
  await on.turns();
  on.clock.increment(20_000);
  await expect(engine.result('x')).rejects.toMatchObject({ details: { fault: { status: 408 } } });
  on.clock.increment(3_600_000);
  await engine.restart('x');
  await on.turns();
  on.clock.increment(19_000);
  held.get('x')?.();
  await on.turns();
  expect(engine.show('x')).toMatchObject({ status: 'waiting', active: ['/do/0/all/do/2/c'] });
  on.clock.increment(5_000);
  await on.turns();
  expect(await engine.result('x')).toEqual({ output: 'let go' });
});

test('what an instance was given is given back once, however it ends', async () => {
  const { engine } = on.kept;
  const wait = workflow('  - a: { wait: PT5S }');
  await engine.run(workflow(`  - a: ${act('a')}`), {}, { id: 'ends' });
  await engine.start(wait, {}, { id: 'cancelled' });
  await engine.cancel('cancelled');
  await engine.start(wait, {}, { id: 'back' });
  await engine.restart('back');
  await engine
    .run(workflow('  - a: { raise: { error: { type: urn:x, status: 400 } } }'), {}, { id: 'faults' })
    .catch(() => {});
  await engine.start(wait, {}, { id: 'stays' });
  await on.again();
  await on.kept.engine.recover();
  await on.kept.engine.cancel('back');
  await on.kept.engine.cancel('stays');
  await on.turns();
  expect([...released].sort()).toEqual([...given].sort());
});

test('resume and pause at once: what it says is what it does', async () => {
  const { engine } = on.kept;
  await engine.start(workflow(`  - a: { wait: PT1S }\n  - b: ${act('b')}`), {}, { id: 'x' });
  await engine.pause('x');
  await Promise.all([engine.resume('x'), engine.pause('x')]);
  on.clock.increment(1_000);
  await on.turns();
  expect(engine.show('x')?.status).toBe('suspended');
  expect(on.calls).toEqual([]);
  await engine.resume('x');
  await engine.result('x');
});

describe('a child', () => {
  test('whose parent is cancelled while it is begun ends with it, and names its parent', async () => {
    const { engine } = on.kept;
    const run = workflow('  - c: { run: { workflow: { namespace: test, name: child, version: 1.0.0 } } }');
    await engine.start(run, {}, { id: 'p:1' });
    await on.turns();
    const [id] = engine
      .list()
      .map((one) => one.id)
      .filter((one) => one !== 'p:1');
    expect(engine.show(id as string)?.labels.parent).toBe('p:1');
    await engine.cancel('p:1');
    await on.turns();
    expect(engine.show(id as string)?.status).toBe('cancelled');
  });

  test('goes on with its parent in the next engine', async () => {
    const run = workflow('  - c: { run: { workflow: { namespace: test, name: child, version: 1.0.0 } } }');
    await on.kept.engine.start(run, {}, { id: 'p' });
    await on.turns();
    await on.again();
    expect(await on.kept.engine.recover()).toBe(2);
    await on.turns();
    on.clock.increment(10_000);
    await on.turns();
    expect(await on.kept.engine.result('p')).toEqual({ output: {} });
  });
});

describe('a disk that fails', () => {
  test('holds effects back and loses nothing but time', async () => {
    const { engine } = on.kept;
    on.disk.fails = true;
    const begun = engine.start(workflow(`  - a: ${act('a')}`), {}, { id: 'x' });
    await on.turns();
    expect(on.calls).toEqual([]);
    on.disk.fails = false;
    on.clock.increment(1_000);
    await begun;
    expect(await engine.result('x')).toEqual({ output: { done: 'a' } });
  });

  test('at the close: who waits is told, no end is told that is not kept, nothing hangs', async () => {
    const { engine } = on.kept;
    await engine.start(workflow(`  - a: ${hold}`), {}, { id: 'ending' });
    await on.turns();
    on.disk.fails = true;
    const begun = engine.start(workflow(`  - a: ${act('a')}`), {}, { id: 'new' });
    const ending = engine.result('ending');
    const both = Promise.allSettled([begun, ending]);
    held.get('ending')?.();
    await on.turns();
    await engine.close();
    const problems = (await both).map((one) => (one as PromiseRejectedResult).reason?.code);
    expect(problems).toEqual(['WORKFLOW_INTERRUPTED', 'WORKFLOW_INTERRUPTED']);
    expect(seen).not.toContain('ending workflow.completed');
    expect(on.calls).toEqual([]);
    on.disk.fails = false;
    await on.again();
    expect(await on.kept.engine.recover()).toBe(1);
  });
});

test('an instance whose chart has another form is left alone, and can be given up', async () => {
  await on.kept.engine.start(workflow('  - a: { wait: PT5S }'), {}, { id: 'old' });
  const row = on.kept.store.workflows().get('old');
  on.kept.store.workflows().commit([{ row: { ...row, chart: -1 } as never, checkpoints: [], keepFrom: 0 }]);
  await on.again();
  const { engine } = on.kept;
  // The old engine wrote its own state last.
  on.kept.store.workflows().commit([{ row: { ...row, chart: -1 } as never, checkpoints: [], keepFrom: 0 }]);
  expect(await engine.recover()).toBe(0);
  const waits = engine.result('old');
  const told = expect(waits).rejects.toMatchObject({ code: 'WORKFLOW_CANCELLED' });
  await engine.cancel('old');
  await told;
  expect(engine.purge({ id: 'old' })).toBe(1);
});
