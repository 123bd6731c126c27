import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore, type Store } from '../../src/durable/index.ts';
import {
  compileWorkflow,
  createEngine,
  createEventBus,
  type EngineOptions,
  type WorkflowEngine,
} from '../../src/workflow/index.ts';
import { settle, simulatedClock, testEnv } from './kit.ts';

let dir: string;
let store: Store;
let engine: WorkflowEngine;
let clock: ReturnType<typeof simulatedClock>;
/** Effects by their key: a second call under a key is answered from here, as a tool server does. */
let receipts: Map<string, unknown>;
let begun: string[];
let hold: boolean;

const env = testEnv();
const events = createEventBus({ log: env.log });

function open(): void {
  store = openStore({ dir, durability: 'write' });
  engine = createEngine({
    env,
    clock,
    events,
    ledger: store.workflows(),
    functions: {
      async act(input, { idempotencyKey, signal }) {
        begun.push((input as { name: string }).name);
        if (!receipts.has(idempotencyKey)) receipts.set(idempotencyKey, input);
        if (hold)
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('gone'))));
        return { done: (input as { name: string }).name };
      },
    },
  } satisfies EngineOptions);
}

/** As a killed process: nothing more is written, and what runs is dropped. */
async function kill(): Promise<void> {
  store.close();
  await engine.close().catch(() => {});
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'netagent-workflow-'));
  clock = simulatedClock();
  receipts = new Map();
  begun = [];
  hold = false;
  open();
});
afterEach(async () => {
  await engine.close();
  store.close();
  rmSync(dir, { recursive: true });
});

const workflow = (body: string) =>
  compileWorkflow(`document: { dsl: 1.0.3, namespace: test, name: durable, version: 1.0.0 }\ndo:\n${body}`);
const act = (name: string) => `{ call: 'act:1.0.0@default', with: { name: ${name} } }`;

async function turns(count = 12): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) {
    await settle();
    await engine.idle();
  }
}

describe('an instance that is kept', () => {
  test('goes on after a kill: ended branches are not run again, a wait has what is left of it', async () => {
    const flow = workflow(`
  - first: ${act('a')}
  - both:
      fork:
        branches:
          - quick: ${act('b')}
          - long: { do: [{ pause: { wait: PT60S } }, { then: ${act('c')} }] }
  - last: ${act('d')}`);
    const id = await engine.start(flow, { x: 1 }, { id: 'one' });
    await turns();
    expect(begun).toEqual(['a', 'b']);
    clock.increment(40_000);
    await turns();
    expect(engine.show(id)).toMatchObject({
      status: 'waiting',
      active: ['/do/1/both/fork/branches/1/long/do/0/pause'],
    });
    await kill();
    open();
    expect(await engine.recover()).toBe(1);
    await turns();
    clock.increment(19_000);
    await turns();
    expect(begun).toEqual(['a', 'b']);
    clock.increment(1_000);
    await turns();
    expect(await engine.result(id)).toEqual({ output: { done: 'd' } });
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
    expect(receipts.size).toBe(4);
  });

  test('begins an effect again under its key when it may have been cut off', async () => {
    hold = true;
    await engine.start(workflow(`  - first: ${act('a')}\n  - next: ${act('b')}`), {}, { id: 'cut' });
    await turns();
    expect(begun).toEqual(['a']);
    await kill();
    hold = false;
    open();
    await engine.recover();
    expect(await engine.result('cut')).toEqual({ output: { done: 'b' } });
    expect(begun).toEqual(['a', 'a', 'b']);
    expect(receipts.size).toBe(2);
  });

  test('a start under a known id joins it, running or ended', async () => {
    const flow = workflow(`  - first: ${act('a')}`);
    await Promise.all([engine.run(flow, {}, { id: 'same' }), engine.run(flow, {}, { id: 'same' })]);
    await engine.run(flow, {}, { id: 'same' });
    expect(begun).toEqual(['a']);
  });

  test('events that counted before a kill count after it, and are not counted twice', async () => {
    const flow = workflow(`
  - hear: { listen: { to: { all: [{ with: { type: x } }, { with: { type: y } }] } } }`);
    await engine.start(flow, {}, { id: 'ears' });
    await turns();
    const event = (type: string) => ({
      specversion: '1.0' as const,
      id: type,
      source: 'urn:t',
      type,
      data: type,
    });
    await events.publish(event('x'));
    await kill();
    open();
    await engine.recover();
    await turns();
    await events.publish(event('x'));
    expect(engine.show('ears')?.status).toBe('waiting');
    await events.publish(event('y'));
    expect(await engine.result('ears')).toEqual({ output: ['x', 'y'] });
  });
});

describe('an operator', () => {
  test('suspends and resumes, also over a kill', async () => {
    const flow = workflow(`  - pause: { wait: PT10S }\n  - first: ${act('a')}`);
    await engine.start(flow, {}, { id: 'held' });
    await turns();
    await engine.pause('held');
    await kill();
    open();
    await engine.recover();
    clock.increment(20_000);
    await turns();
    expect(begun).toEqual([]);
    expect(engine.show('held')?.status).toBe('suspended');
    await engine.resume('held');
    expect(await engine.result('held')).toEqual({ output: { done: 'a' } });
  });

  test('cancels; an ended instance cannot be cancelled again, and is forgotten when purged', async () => {
    await engine.start(workflow('  - pause: { wait: PT10S }'), {}, { id: 'gone' });
    await engine.cancel('gone');
    await turns();
    await expect(engine.result('gone')).rejects.toMatchObject({ code: 'WORKFLOW_CANCELLED' });
    await expect(engine.cancel('gone')).rejects.toMatchObject({ code: 'WORKFLOW_INSTANCE_STATE' });
    expect(engine.purge({ id: 'gone' })).toBe(1);
    expect(engine.show('gone')).toBeUndefined();
    await expect(engine.cancel('gone')).rejects.toMatchObject({ code: 'WORKFLOW_INSTANCE_UNKNOWN' });
  });

  test('sets an instance back to a step: effects from there on are done anew', async () => {
    const flow = workflow(`
  - first: ${act('a')}
  - shape: { set: { x: '\${ .done }' } }
  - inner: { do: [{ second: ${act('b')} }, { stop: { if: '\${ .done == "b" }', raise: { error: { type: urn:x, status: 500 } } } }] }`);
    await engine.start(flow, {}, { id: 'back' });
    await expect(engine.result('back')).rejects.toMatchObject({ code: 'WORKFLOW_FAULTED' });
    expect(engine.steps('back').flatMap(({ entered }) => entered)).toEqual([
      '/do/0/first',
      '/do/1/shape',
      '/do/2/inner',
      '/do/2/inner/do/0/second',
      '/do/2/inner/do/1/stop',
    ]);
    await engine.restart('back', '/do/1/shape');
    await expect(engine.result('back')).rejects.toMatchObject({ code: 'WORKFLOW_FAULTED' });
    expect(begun).toEqual(['a', 'b', 'b']);
    expect(receipts.size).toBe(3);
    await engine.restart('back');
    await expect(engine.result('back')).rejects.toMatchObject({ code: 'WORKFLOW_FAULTED' });
    expect(begun).toEqual(['a', 'b', 'b']);
    await expect(engine.restart('back', '/do/9')).rejects.toMatchObject({ code: 'WORKFLOW_INSTANCE_STATE' });
  });
});
