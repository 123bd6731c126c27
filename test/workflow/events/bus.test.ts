import { expect, test } from 'vitest';
import {
  type CloudEvent,
  createEventBus,
  makeEvent,
  parseEvent,
} from '../../../src/workflow/events/index.ts';
import { simulatedClock, testEnv } from '../kit.ts';

const EVENT = { specversion: '1.0', id: '1', source: '/cells', type: 'cell.full' } as const;

test('an event needs id, source, specversion and type, and keeps its extensions', () => {
  expect(parseEvent({ ...EVENT, netagentcause: 'a', size: 3, urgent: true, data: { prb: 0.9 } })).toEqual({
    ...EVENT,
    netagentcause: 'a',
    size: 3,
    urgent: true,
    data: { prb: 0.9 },
  });
  for (const missing of ['id', 'source', 'specversion', 'type']) {
    expect(() => parseEvent({ ...EVENT, [missing]: undefined }), missing).toThrow(missing);
  }
});

test.each([
  ['id', ''],
  ['source', 'with space'],
  ['source', '1x:y'],
  ['source', 'a%zz'],
  ['type', 'bell\u0007'],
  ['time', 'yesterday'],
  ['dataschema', '/relative'],
  ['datacontenttype', 'json'],
  ['Extension', 'x'],
  ['ext-name', 'x'],
  ['extension', { deep: 1 }],
  ['extension', 1.5],
  ['data_base64', '***'],
])('an event with %s %o is refused, and why is said', (name, value) => {
  expect(() => parseEvent({ ...EVENT, [name]: value })).toThrow(
    expect.objectContaining({ code: 'WORKFLOW_EVENT_INVALID', message: expect.stringContaining(name) }),
  );
});

test.each(['/a/b', 'urn:x:y', 'https://h/p?q#f', 'cell', 'mailto:a@b', '#f', 'a/b:c'])(
  'source %s is a URI reference',
  (source) => {
    expect(parseEvent({ ...EVENT, source }).source).toBe(source);
  },
);

test('what is no JSON object, or too large, is no event', () => {
  const circle: Record<string, unknown> = { ...EVENT };
  circle.data = circle;
  for (const value of [null, [], 'x', undefined, circle, { ...EVENT, data: 'x'.repeat(300_000) }]) {
    expect(() => parseEvent(value)).toThrow(expect.objectContaining({ code: 'WORKFLOW_EVENT_INVALID' }));
  }
});

test('attributes that are null are not set; data may be null', () => {
  expect(parseEvent({ ...EVENT, subject: null, data: null })).toEqual({ ...EVENT, data: null });
});

test('id, time and source are filled in', () => {
  const clock = simulatedClock();
  clock.increment(1_000);
  const { ids } = testEnv();
  expect(makeEvent({ type: 't', data: 1 }, { clock, ids, source: '/ns/name/1.0.0' })).toEqual({
    specversion: '1.0',
    id: 'id-1',
    source: '/ns/name/1.0.0',
    time: '1970-01-01T00:00:01.000Z',
    type: 't',
    data: 1,
  });
});

test('every listener gets an event, whatever the others do; who left gets none', async () => {
  const warned: object[] = [];
  const log = { ...testEnv().log, warn: (fields: object) => void warned.push(fields) };
  const bus = createEventBus({ log });
  const got: string[] = [];
  bus.subscribe(() => Promise.reject(new Error('full')));
  bus.subscribe(() => {
    throw new Error('broken');
  });
  const leave = bus.subscribe(({ id }) => void got.push(`a${id}`));
  let release = () => {};
  bus.subscribe(async ({ id }) => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    got.push(`b${id}`);
  });
  const published = bus.publish(EVENT);
  leave();
  release();
  await published;
  const again = bus.publish({ ...EVENT, id: '2' });
  release();
  await again;
  expect(got).toEqual(['a1', 'b1', 'b2']);
  expect(warned).toHaveLength(4);
});

test('listeners see events in the order of publication, and cannot change them for each other', async () => {
  const bus = createEventBus({ log: testEnv().log });
  const got: string[] = [];
  bus.subscribe((event) => {
    (event.data as { x: number }).x = 2;
  });
  bus.subscribe(({ id, data }) => void got.push(`${id}${(data as { x: number }).x}`));
  await Promise.all(['1', '2', '3'].map((id) => bus.publish({ ...EVENT, id, data: { x: 1 } })));
  expect(got).toEqual(['11', '21', '31']);
});

test('an event that is none is refused to its publisher', async () => {
  const bus = createEventBus({ log: testEnv().log });
  await expect(bus.publish({ ...EVENT, id: '' } as CloudEvent)).rejects.toMatchObject({
    code: 'WORKFLOW_EVENT_INVALID',
  });
});
