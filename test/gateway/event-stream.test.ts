import { EventEmitter } from 'node:events';
import type { Request, Response } from 'express';
import { expect, test } from 'vitest';
import { EventStream } from '../../src/gateway/event-stream.ts';

/** A response of which nothing is read, and a clock that is moved by hand. */
function unread() {
  const timers = new Map<number, { at: number; fn: () => void }>();
  let now = 0;
  let ids = 0;
  const clock = {
    now: () => now,
    setTimeout: (fn: () => void, ms: number) => {
      ids += 1;
      timers.set(ids, { at: now + ms, fn });
      return ids;
    },
    clearTimeout: (id: unknown) => void timers.delete(id as number),
  };
  const pass = (ms: number) => {
    for (const end = now + ms; ; ) {
      const next = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
      if (next === undefined) {
        now = end;
        return;
      }
      timers.delete(next[0]);
      now = next[1].at;
      next[1].fn();
    }
  };
  const response = Object.assign(new EventEmitter(), {
    written: [] as string[],
    writableNeedDrain: false,
    writableLength: 0,
    destroyed: false,
    status: () => response,
    set: () => response,
    flushHeaders: () => undefined,
    write: (text: string) => response.written.push(text),
    end: () => response.emit('close'),
    destroy: () => {
      response.destroyed = true;
      response.emit('close');
    },
  });
  const request = { headers: {} } as Request;
  const stream = new EventStream(request, response as unknown as Response, { clock, slowReaderMs: 30_000 });
  return { stream, response, pass, timers };
}

test('a client that leaves a line unread for 30 s is cut off, one that reads again is not', () => {
  const { stream, response, pass, timers } = unread();
  let left = 0;
  stream.onClose(() => {
    left += 1;
  });
  response.writableNeedDrain = true;
  stream.send({ type: 'a' });
  pass(29_000);
  response.writableNeedDrain = false;
  response.emit('drain');
  pass(60_000);
  expect(response.destroyed).toBe(false);
  response.writableNeedDrain = true;
  stream.send({ type: 'b' });
  pass(30_000);
  expect({ destroyed: response.destroyed, left, timers: timers.size }).toEqual({
    destroyed: true,
    left: 1,
    timers: 0,
  });
});

test('a quiet stream shows a sign of life, and none after its end', () => {
  const { stream, response, pass, timers } = unread();
  pass(31_000);
  expect(response.written).toEqual(['\n', '\n']);
  stream.end();
  stream.send({ type: 'late' });
  pass(60_000);
  expect(response.written).toHaveLength(2);
  expect(timers.size).toBe(0);
});
