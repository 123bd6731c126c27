import { expect, onTestFinished, test } from 'vitest';
import { NetworkTime } from '../../src/runtime/network-time.ts';
import { openApprovals } from '../../src/runtime/workflows/approvals.ts';
import {
  compileWorkflow,
  createEngine,
  createEventBus,
  type RuntimeFunction,
} from '../../src/workflow/index.ts';
import { env } from '../bus/support.ts';

const HOUR = 3_600_000;

function collection<T>() {
  const held = new Map<string, T>();
  return {
    get: (id: string) => held.get(id),
    put: (id: string, value: T) => void held.set(id, value),
    delete: (id: string) => held.delete(id),
    list: () => [...held].map(([id, value]) => ({ id, value })),
  };
}

/** An engine whose instances take part in network time, as in the runtime. */
function lockstep() {
  const errors: unknown[] = [];
  const time = new NetworkTime({
    start: 0,
    mode: 'lockstep',
    wall: env.clock,
    advance: async () => {},
    onError: (error) => errors.push(error),
  });
  const events = createEventBus({ log: env.log });
  const approvals = openApprovals({ clock: env.clock, records: collection() as never });
  const engine = createEngine({
    env,
    clock: time,
    events,
    functions: { approve: ((input, context) => approvals.approve(input, context)) satisfies RuntimeFunction },
  });
  onTestFinished(async () => {
    await engine.close();
    time.close();
  });
  const start = async (id: string, tasks: object[]) => {
    const { clock, activity, leave } = time.join();
    await engine.start(
      compileWorkflow({ document: { dsl: '1.0.3', namespace: 't', name: id, version: '0.1.0' }, do: tasks }),
      {},
      { id, clock, meta: { activity } },
    );
    void engine.result(id).then(leave, leave);
  };
  const waited = async () => {
    await start('waits', [{ rest: { wait: 'PT2H' } }]);
    await engine.result('waits');
    return time.now() / HOUR;
  };
  return { time, engine, events, approvals, start, waited };
}

test('an event that is waited for holds up nobody, and counts when it comes', async () => {
  const { engine, events, start, waited, time } = lockstep();
  await start('listens', [
    { hear: { listen: { to: { one: { with: { type: 'org.example.go' } } } } } },
    { rest: { wait: 'PT1H' } },
  ]);
  expect(await waited()).toBe(2);
  await events.publish({ specversion: '1.0', id: '1', source: '/t', type: 'org.example.go', data: 7 });
  expect(await engine.result('listens')).toEqual({ output: [7] });
  expect(time.now() / HOUR).toBe(3);
});

test('an approval that is waited for holds up nobody', async () => {
  const { engine, approvals, start, waited } = lockstep();
  await start('asks', [{ ask: { call: 'approve:1.0.0@default', with: { title: 'Move', plan: { a: 1 } } } }]);
  await expect.poll(() => approvals.list()).toHaveLength(1);
  expect(await waited()).toBe(2);
  const [one] = approvals.list();
  approvals.decide(one?.id ?? '', 'approve', one?.hash ?? '');
  expect(await engine.result('asks')).toMatchObject({ output: { approved: true } });
});

test('an instance that the operator holds holds up nobody', async () => {
  const { engine, start, waited } = lockstep();
  await start('held', [
    { rest: { wait: 'PT1H' } },
    { go: { call: 'approve:1.0.0@default', with: { title: '' } } },
  ]);
  await engine.pause('held');
  expect(await waited()).toBe(2);
  expect(engine.show('held')).toMatchObject({ status: 'suspended', active: ['/do/0/rest'] });
  await engine.resume('held');
  await expect(engine.result('held')).rejects.toMatchObject({ code: 'WORKFLOW_FAULTED' });
});
