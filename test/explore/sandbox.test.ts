import { afterAll, describe, expect, test } from 'vitest';
import { GridNetwork, LiveTuning, readWorld, WhatIf } from '../../src/network/worlds/index.ts';
import { createSandboxes } from '../../src/runtime/sandbox.ts';
import { exploreFunction } from '../../src/runtime/workflows/explore.ts';
import { seeded } from './functions.ts';
import { EDGE, libraryAt, openWorld, quiet, shippedRules } from './kit.ts';

const world = openWorld();
world.network.advanceTo(world.network.now + 10_000);
const { scope, live } = world;
const sandboxes = createSandboxes(() => live.copy());
afterAll(() => sandboxes.close());
const power = { ulP0Dbm: -84, ulAlpha: 0.8 };
const future = { scope, seconds: 5, seed: 1 };

describe('a sandbox', () => {
  test('in a thread says what one here says, again and again, and nothing of it is live', async () => {
    const before = world.network.save();
    const sandbox = sandboxes.open();
    const here = new WhatIf(live.copy());
    for (const parameters of [{}, power, {}]) {
      expect(await sandbox.evaluate(parameters, future)).toEqual(here.evaluate(parameters, scope, future));
    }
    expect(await sandbox.evaluate({}, { ...future, seed: 2 })).not.toEqual(
      await sandbox.evaluate({}, future),
    );
    sandbox.close();
    expect(Buffer.compare(world.network.save(), before)).toBe(0);
  });

  test('stays at the moment at which it was opened', async () => {
    const sandbox = sandboxes.open();
    const first = await sandbox.evaluate({}, future);
    world.network.advanceTo(world.network.now + 30_000);
    expect(await sandbox.evaluate({}, future)).toEqual(first);
    expect(await sandboxes.open().evaluate({}, future)).not.toEqual(first);
    sandbox.close();
  });

  test('does not hold the event loop while it works', async () => {
    const sandbox = sandboxes.open();
    await sandbox.evaluate({}, future);
    let turns = 0;
    const evaluation = sandbox.evaluate({}, { ...future, seconds: 60 });
    let done = false;
    void evaluation.finally(() => {
      done = true;
    });
    while (!done) {
      turns++;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(turns).toBeGreaterThan(10);
    sandbox.close();
  });

  test('refuses what cannot be set, and works on', async () => {
    const sandbox = sandboxes.open();
    await expect(sandbox.evaluate({ ulP0Dbm: 99 }, future)).rejects.toMatchObject({
      code: 'EXPLORE_SANDBOX_FAILED',
      message: expect.stringContaining('p0Dbm'),
    });
    await expect(sandbox.evaluate({ txPowerDbm: 60 }, future)).rejects.toThrow(/no such parameter/);
    await expect(sandbox.evaluate({}, { ...future, seconds: 1e9 })).rejects.toThrow(/are not 1 to 3600/);
    await expect(sandbox.evaluate({}, future)).resolves.toHaveProperty('edgeUlMbps');
    sandbox.close();
    await expect(sandbox.evaluate({}, future)).rejects.toThrow(/closed/);
  });

  test('is left by a signal, at once, however long it would run', async () => {
    const sandbox = sandboxes.open();
    const { signal, abort } = (() => {
      const controller = new AbortController();
      return { signal: controller.signal, abort: () => controller.abort(new Error('enough')) };
    })();
    const long = sandbox.evaluate({}, { ...future, seconds: 3600, signal });
    setImmediate(abort);
    await expect(long).rejects.toThrow('enough');
    // The thread is free again.
    await expect(sandbox.evaluate({}, future)).resolves.toHaveProperty('edgeUlMbps');
    sandbox.close();
  });

  test('does not know what is to come', () => {
    const calm = readWorld(EDGE);
    const stormy = readWorld(EDGE);
    stormy.description.events.push({
      kind: 'overload',
      site: 'macro',
      from: 20,
      dlPercent: 0,
      ulPercent: 90,
    });
    const at = (file: typeof calm, second: number) => {
      const network = new GridNetwork(file);
      for (let i = 0; i < second; i++) network.advanceTo(network.now + 1000);
      return new WhatIf(new LiveTuning(network).copy()).evaluate({}, scope, { seconds: 20, seed: 1 });
    };
    expect(at(stormy, 10)).toEqual(at(calm, 10));
    expect(at(stormy, 25)?.meanUlMbps).toBeLessThan(0.9 * (at(calm, 25)?.meanUlMbps as number));
  });
});

test('a network that cannot be copied has none', () => {
  expect(() => createSandboxes(() => undefined).open()).toThrow(/no sandbox/);
});

describe('explore:1.0.0@default', () => {
  const context = {
    signal: new AbortController().signal,
    instanceId: 'i',
    pointer: '/do/0/explore',
    idempotencyKey: 'k',
    meta: {},
  };
  const explore = exploreFunction({
    env: { clock: world.clock, random: seeded(1), ids: { uuid: () => 'id' }, log: quiet },
    rules: shippedRules,
    library: libraryAt(() => world.clock.now()),
    sandboxes,
  });

  test('takes a situation as a workflow gives it, and answers in JSON', async () => {
    const decision = await explore(
      {
        situation: {
          scope: { cells: scope.cells },
          goal: { kpi: 'edgeUlMbps', direction: 'raise' },
        },
        bounds: { ulP0Dbm: { min: -100, max: -70, step: 1 }, ulAlpha: { min: 0.7, max: 1, step: 0.1 } },
        limits: { evaluations: 30, seconds: 8 },
      },
      context,
    );
    expect(JSON.parse(JSON.stringify(decision))).toEqual(decision);
    expect(decision).toMatchObject({
      source: 'explorer',
      parameters: { ulAlpha: expect.any(Number) },
      situation: { kpis: { iotDb: expect.any(Number) } },
    });
  });

  test('says what is missing', async () => {
    await expect(explore({ situation: {}, bounds: {} }, context)).rejects.toMatchObject({
      code: 'EXPLORE_INPUT_INVALID',
      message: expect.stringContaining('situation.scope'),
    });
  });
});
