import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openStore } from '../../../src/durable/index.ts';
import { startTriggers, triggersIn } from '../../../src/runtime/workflows/triggers.ts';
import { compileWorkflow, createEngine, createEventBus, startOn } from '../../../src/workflow/index.ts';
import { settle, testEnv } from '../kit.ts';
import { pass, scopeOf, WallClock } from './kit.ts';

const closers: Array<() => unknown> = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const START = Date.parse('2026-05-01T00:00:00Z');
const repair = compileWorkflow(`
document:
  dsl: '1.0.3'
  namespace: ops
  name: repair
  version: '1.0.0'
  metadata:
    netagent:
      triggers:
        - { id: repair, on: alarm, dedupe: .subject }
do:
  - say: { set: { repaired: '\${ .alarmId }' } }
`);
const hourly = compileWorkflow(`
document: { dsl: '1.0.3', namespace: ops, name: report, version: '1.0.0' }
schedule: { cron: '0 8 * * *' }
do:
  - say: { set: { reported: true } }
`);

test('documents and a folder say what starts a workflow, and it goes on after a restart', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'netagent-start-'));
  closers.push(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'night.yaml'), '- {id: night, on: initiative, workflow: ops/report}\n');
  const clock = new WallClock(START);
  const env = { ...testEnv(), clock };
  const bus = createEventBus({ log: env.log });
  let alarms: object[] = [];
  const begun: Array<[string, string]> = [];

  const open = () => {
    const store = openStore({ dir, durability: 'write' });
    const engine = createEngine({ env, functions: {}, events: bus });
    const workflows = [repair, hourly];
    const onEngine = startOn(engine, (reference) => workflows.find(({ id }) => id === reference));
    const started = startTriggers({
      env,
      clock,
      bus,
      store,
      evaluator: scopeOf(),
      start: async (reference, input, fire) => {
        begun.push([reference, new Date(clock.now()).toISOString()]);
        return onEngine(reference, input, fire);
      },
      show: engine.show,
      call: (async () => ({ output: { alarms }, isError: false, text: '' })) as never,
      timeZone: 'Europe/Berlin',
    });
    started.load(workflows, triggersIn(dir));
    const close = async () => {
      started.close();
      await engine.close();
      store.close();
    };
    return { ...started, close };
  };

  const first = open();
  alarms = [{ alarmId: '1', probableCause: 'link-cut', objectInstance: 'link-1' }];
  await pass(clock, 10_000, 1_000);
  expect(await first.triggers.propose('report', 'it is quiet')).toEqual(['night']);
  await settle();
  await first.close();
  // Berlin's eight o'clock is six, and the process is not there.
  clock.set(START + 7 * 3_600_000);
  const second = open();
  await pass(clock, 10_000, 1_000);
  await second.close();
  expect(begun).toEqual([
    ['ops/repair', '2026-05-01T00:00:01.000Z'],
    ['ops/report', '2026-05-01T00:00:10.000Z'],
    ['ops/report', '2026-05-01T07:00:00.000Z'],
  ]);
});
