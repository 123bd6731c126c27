import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/durable/index.ts';
import { compileWorkflow, createEngine } from '../../src/workflow/index.ts';
import { killed } from './kill/document.ts';
import { fate, mortal, never, type Point, workCounter } from './kill/fate.ts';
import { createWorld, type Done } from './kill/world.ts';
import { testEnv } from './kit.ts';
import { drive } from './reference/sides.ts';
import { turn, virtualClock } from './reference/time.ts';

const dirs: string[] = [];
const freshDir = () => {
  const dir = mkdtempSync(join(tmpdir(), 'killed-'));
  dirs.push(dir);
  return dir;
};
afterAll(() => {
  for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
});

const workflow = compileWorkflow(killed(1_000));

/** Runs the workflow to its end; the process dies at `point` and another one takes over. */
async function live(point?: Point) {
  const dir = freshDir();
  const world = createWorld();
  let now = 0;
  let lives = 0;
  for (;;) {
    lives += 1;
    const clock = virtualClock(now);
    const { counts, death, dead, survives } = fate(lives === 1 ? point : undefined);
    const store = openStore({ dir, durability: 'write' });
    const { activity, working } = workCounter();
    const meta = { activity };
    const engine = createEngine({
      env: testEnv(),
      clock,
      options: () => ({ meta }),
      ledger: mortal(store.workflows(), survives),
      functions: {
        async probe(input, { idempotencyKey }) {
          let answer: () => unknown = never;
          const alive = survives('call', () => {
            try {
              const value = world.call(input, idempotencyKey);
              answer = () => value;
            } catch (error) {
              answer = () => {
                throw error;
              };
            }
          });
          return alive ? answer() : never();
        },
      },
      events: {
        async publish({ id, data }) {
          if (!survives('call', () => world.told(id, data))) await never();
        },
        subscribe: () => () => {},
      },
    });
    await engine.recover();
    const end = engine.start(workflow, null, { id: 'one', meta }).then(() => engine.result('one'));
    end.catch(() => {});
    const first = await drive(clock, Promise.race([end, death]), async () => {
      while (working() > 0 && !dead()) await turn();
    });
    now = clock.now();
    await engine.close().catch(() => {});
    store.close();
    if (first !== 'dead') {
      const done = [...world.done].sort((a, b) => (a.key < b.key ? -1 : 1));
      return { output: first.output, ended: now, done, counts, lives };
    }
  }
}

describe('killed at every step', () => {
  test('the instance goes on as if nothing had been: same end, same time, every effect once', {
    timeout: 120_000,
  }, async () => {
    const { counts, lives, ...whole } = await live();
    expect(lives).toBe(1);
    expect(whole.done.length).toBe(21);
    expect(whole).toMatchObject({ output: { n: 1 } });
    const points = (['commit', 'call'] as const).flatMap((kind) =>
      (['before', 'after'] as const).flatMap((when) =>
        Array.from({ length: counts[kind] }, (_, n): Point => ({ kind, when, nth: n + 1 })),
      ),
    );
    expect(points.length).toBeGreaterThan(80);
    for (const point of points) {
      const { counts: _, lives: all, ...seen } = await live(point);

      expect({ point, lives: all, ...seen }).toEqual({ point, lives: 2, ...whole });
    }
  });
});

describe('killed for real', () => {
  const CHILD = join(import.meta.dirname, 'kill/child.ts');

  /** One process; killed after `ms`, if it has not ended by then. */
  async function life(dir: string, ms?: number): Promise<string | null> {
    const child = spawn(process.execPath, [CHILD, dir, '8'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    const timer = ms === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), ms);
    const [code, signal] = await once(child, 'close');
    clearTimeout(timer);
    if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the process ended with ${code}`);
    return code === 0 ? text : null;
  }
  const effects = (dir: string) =>
    readFileSync(join(dir, 'done.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Done)
      .sort((a, b) => (a.key < b.key ? -1 : 1));

  test('kill -9 at any moment, again and again', { timeout: 120_000 }, async () => {
    const whole = freshDir();
    const output = await life(whole);
    const dir = freshDir();
    let seen: string | null = null;
    let kills = -1;
    for (let ms = 250; seen === null; ms += 60) {
      seen = await life(dir, kills < 8 ? ms : undefined);
      kills += 1;
    }
    expect(kills).toBeGreaterThan(0);
    expect(seen).toBe(output);
    expect(effects(dir)).toEqual(effects(whole));
  });
});
