import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPool, type Pool, type PoolChange, type Template } from '../../../src/workflow/index.ts';
import { simulatedClock } from '../kit.ts';
import { FOREIGN, HELD_OUT, KNOWN } from './tasks.ts';

const AGENTS = resolve(import.meta.dirname, '../../../agents');
const SHIPPED = ['central', 'ran', 'core', 'transport', 'computing'].map((agent) =>
  join(AGENTS, agent, 'workflows'),
);

/** Of the agents here; read once for all tests that change nothing. */
const shipped = openPool({ folders: SHIPPED, clock: simulatedClock(), watch: false });
let dir: string;
let clock: ReturnType<typeof simulatedClock>;
let pool: Pool | undefined;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'netagent-pool-'));
  clock = simulatedClock();
});
afterEach(() => {
  pool?.close();
  rmSync(dir, { recursive: true });
});

const document = (name: string, version: string, more = '', task = 'set: { x: 1 }') =>
  `document:\n  dsl: 1.0.3\n  namespace: mine\n  name: ${name}\n  version: ${version}\n${more}do:\n  - one: { ${task} }\n`;
const drop = (file: string, text: string) => writeFileSync(join(dir, file), text);
const open = (folders = [dir]): Pool => {
  pool = openPool({ folders, clock, watch: false });
  return pool;
};

describe('versions', () => {
  test('the newest is given by default, old ones are kept, by the rules of semantic versions', () => {
    for (const version of ['1.9.0', '1.10.0', '2.0.0-rc.2', '2.0.0-rc.10', '2.0.0-alpha'])
      drop(`${version}.yaml`, document('plan', version));
    const found = open();
    expect(found.get('plan')?.version).toBe('2.0.0-rc.10');
    expect(found.get('mine/plan', '1.9.0')?.version).toBe('1.9.0');
    expect(found.get('plan', '3.0.0')).toBeUndefined();
    expect(found.versions('plan').map(({ version }) => version)).toEqual([
      '2.0.0-rc.10',
      '2.0.0-rc.2',
      '2.0.0-alpha',
      '1.10.0',
      '1.9.0',
    ]);
    drop('final.yaml', document('plan', '2.0.0'));
    expect(found.reload()).toMatchObject({
      added: ['mine/plan@2.0.0'],
      changed: [],
      removed: [],
      problems: [],
    });
    expect(found.get('plan')?.version).toBe('2.0.0');
    expect(found.list()).toHaveLength(1);
  });

  test('a name that two namespaces have wants the namespace', () => {
    drop('a.yaml', document('plan', '1.0.0'));
    drop('b.yaml', document('plan', '1.0.0').replace('namespace: mine', 'namespace: theirs'));
    const found = open();
    expect(() => found.get('plan')).toThrow(expect.objectContaining({ code: 'TEMPLATE_AMBIGUOUS' }));
    expect(found.get('theirs/plan')?.id).toBe('theirs/plan');
    expect(found.get('nobody')).toBeUndefined();
  });

  test('of two that are the same the earlier counts, and the other is reported', () => {
    drop('a.yaml', document('plan', '1.0.0'));
    drop('b.yaml', document('plan', '1.0.0'));
    const found = open();
    expect(found.get('plan')?.file).toBe(join(dir, 'a.yaml'));
    expect(found.problems()).toEqual([
      {
        file: join(dir, 'b.yaml'),
        line: 1,
        reason: `mine/plan 1.0.0 is there already, in ${join(dir, 'a.yaml')}`,
      },
    ]);
  });
});

describe('broken files', () => {
  test('each is reported with its line and reason, and the rest stays', () => {
    drop('good.yaml', document('good', '1.0.0'));
    drop('yaml.yaml', 'document:\n  dsl: [1.0.3\n  name: x\n');
    drop('task.yaml', document('task', '1.0.0', '', 'jump: far'));
    drop('meta.yaml', document('meta', '1.0.0', '  metadata:\n    netagent:\n      effects: maybe\n'));
    drop(
      'schema.yaml',
      document('schema', '1.0.0', '').replace(
        'do:',
        'input: { schema: { document: { type: nonsense } } }\ndo:',
      ),
    );
    drop('empty.yaml', '');
    drop(
      'bomb.yaml',
      `a: &a [x]\n${'bcdefghijklmno'
        .split('')
        .map((k, n) => `${k}: &${k} [${`*${'abcdefghijklmn'[n]},`.repeat(9)}]`)
        .join('\n')}\n`,
    );
    drop('notes.txt', 'no template');
    symlinkSync('/etc/hostname', join(dir, 'link.yaml'));
    const found = open([dir, join(dir, 'nowhere')]);
    expect(found.list().map(({ name }) => name)).toEqual(['good']);
    const told = Object.fromEntries(
      found.problems().map(({ file, line, reason }) => [file.slice(dir.length + 1), { line, reason }]),
    );
    expect(Object.keys(told).sort()).toEqual([
      'bomb.yaml',
      'empty.yaml',
      'link.yaml',
      'meta.yaml',
      'nowhere',
      'schema.yaml',
      'task.yaml',
      'yaml.yaml',
    ]);
    expect(told['yaml.yaml']?.line).toBe(3);
    expect(told['task.yaml']).toMatchObject({ line: 7, reason: expect.stringContaining('one') });
    expect(told['meta.yaml']).toMatchObject({ line: 8, reason: expect.stringContaining('effects') });
    expect(told['schema.yaml']).toMatchObject({
      line: 6,
      reason: expect.stringMatching(/no JSON Schema: schema\/type/),
    });
    expect(told.nowhere?.reason).toBe('the folder cannot be read: ENOENT');
    expect(told['link.yaml']?.reason).toBe('is no file');
  });

  test('a file that was good and is broken now keeps its last good reading until it is gone', () => {
    drop('plan.yaml', document('plan', '1.0.0'));
    const found = open();
    const before = found.get('plan') as Template;
    drop('plan.yaml', 'document: [');
    expect(found.reload().problems).toHaveLength(1);
    expect(found.get('plan')).toBe(before);
    drop('plan.yaml', document('plan', '1.0.1'));
    expect(found.reload()).toMatchObject({
      added: ['mine/plan@1.0.1'],
      removed: ['mine/plan@1.0.0'],
      problems: [],
    });
    unlinkSync(join(dir, 'plan.yaml'));
    expect(found.reload().removed).toEqual(['mine/plan@1.0.1']);
    expect(found.list()).toEqual([]);
  });
});

describe('user folders', () => {
  /** Lets the operating system tell of changes until `check` holds. */
  const until = async (check: () => boolean) => {
    for (let n = 0; n < 20_000 && !check(); n += 1) await new Promise((go) => setImmediate(go));
    expect(check()).toBe(true);
  };

  test('a file that is dropped is read once it has settled, and so is a change and a removal', async () => {
    let timers = 0;
    const counting = {
      ...clock,
      setTimeout: (fn: () => void, ms: number) => {
        timers += 1;
        return clock.setTimeout(fn, ms);
      },
    };
    pool = openPool({ folders: [dir], clock: counting, settleMs: 100 });
    const changes: PoolChange[] = [];
    const stop = pool.onChange((change) => changes.push(change));
    drop('half.tmp', document('dropped', '1.0.0', '  title: Dropped by somebody\n'));
    renameSync(join(dir, 'half.tmp'), join(dir, 'dropped.yaml'));
    await until(() => timers > 0);
    expect(pool.list()).toEqual([]);
    clock.increment(100);
    expect(pool.get('dropped')?.title).toBe('Dropped by somebody');
    expect(changes.at(-1)).toMatchObject({ added: ['mine/dropped@1.0.0'] });

    timers = 0;
    unlinkSync(join(dir, 'dropped.yaml'));
    await until(() => timers > 0);
    clock.increment(100);
    expect(changes.at(-1)).toMatchObject({ removed: ['mine/dropped@1.0.0'] });
    stop();
    pool.reload();
    expect(pool.get('dropped')).toBeUndefined();
    expect(changes.filter(({ removed }) => removed.length > 0)).toHaveLength(1);
  });

  test('a folder that comes later is found by reading again, and watched from then on', async () => {
    const later = join(dir, 'later');
    let timers = 0;
    const counting = {
      ...clock,
      setTimeout: (fn: () => void, ms: number) => {
        timers += 1;
        return clock.setTimeout(fn, ms);
      },
    };
    pool = openPool({ folders: [later], clock: counting, settleMs: 100 });
    expect(pool.problems()).toMatchObject([{ file: later, line: 1 }]);
    mkdirSync(later);
    expect(pool.reload().problems).toEqual([]);
    writeFileSync(join(later, 'a.yaml'), document('plan', '1.0.0'));
    await until(() => timers > 0);
    clock.increment(100);
    expect(pool.get('plan')?.version).toBe('1.0.0');
  });

  test('a template without metadata is taken for one that changes the network', () => {
    drop('bare.yaml', document('bare', '1.0.0'));
    expect(open().get('bare')).toMatchObject({
      domain: 'mine',
      effects: 'changes',
      category: 'composite-logic-chain',
      tasks: [],
      input: null,
      title: 'bare',
    });
  });
});

describe('missing inputs', () => {
  test('what is required and not known, with alternatives, and what is known and wrong', () => {
    const found = shipped;
    const reserve = found.get('ran/reserve-resources') as Template;
    expect(found.missing(reserve, { supi: 'imsi-001010000000001', cellIds: ['001006002'] })).toEqual({
      complete: true,
      missing: [],
      invalid: [],
    });
    expect(found.missing(reserve, { cellIds: [], ratio: 200 })).toMatchObject({
      complete: false,
      missing: [{ name: 'supi', or: [], description: 'Subscriber' }],
      invalid: [{ name: 'cellIds' }, { name: 'ratio', problem: 'must be <= 100' }],
    });
    const complaint = found.get('central/analyse-complaint') as Template;
    expect(found.missing(complaint, {}).missing).toEqual([
      { name: 'supi', or: ['gpsi'], description: 'Subscriber' },
    ]);
    expect(found.missing(complaint, { gpsi: 'msisdn-9990000000001' }).complete).toBe(true);
  });
});

test('a schema that points to nothing keeps its template from being run, and is said', () => {
  const schema = 'input: { schema: { document: { $ref: nowhere.json } } }';
  drop('lost.yaml', document('lost', '1.0.0').replace('do:', `${schema}\ndo:`));
  const found = open();
  expect(found.missing(found.get('lost') as Template, {})).toMatchObject({
    complete: false,
    invalid: [{ name: '', problem: expect.stringMatching(/cannot be used: .*nowhere/) }],
  });
});

describe('matching', () => {
  const shares = (tasks: typeof KNOWN, found: Pool) => {
    const hit = tasks.filter(
      ([task, wanted]) => found.match(task, { threshold: 0 })[0]?.template.id === wanted,
    );
    const third = tasks.filter(([task, wanted]) =>
      found.match(task, { threshold: 0, most: 3 }).some(({ template }) => template.id === wanted),
    );
    const sure = tasks.filter(([task, wanted]) => found.best(task).match?.template.id === wanted);
    return {
      first: hit.length / tasks.length,
      third: third.length / tasks.length,
      aboveThreshold: sure.length / tasks.length,
    };
  };

  test('tasks in English and Chinese find their template', ({ annotate }) => {
    const found = shipped;
    const known = shares(KNOWN, found);
    const heldOut = shares(HELD_OUT, found);
    void annotate(
      `of ${KNOWN.length} known tasks ${JSON.stringify(known)}; of ${HELD_OUT.length} held out ${JSON.stringify(heldOut)}`,
    );
    expect(KNOWN.length + HELD_OUT.length).toBeGreaterThanOrEqual(120);
    expect(known.first).toBeGreaterThanOrEqual(0.93);
    expect(heldOut.first).toBeGreaterThanOrEqual(0.88);
    expect(heldOut.third).toBeGreaterThanOrEqual(0.92);
  });

  test('what no template is for finds none, and hears why', () => {
    const found = shipped;
    const taken = FOREIGN.filter((task) => found.match(task).length > 0);
    expect(taken.length).toBeLessThanOrEqual(1);
    expect(found.best('Order a pizza with mushrooms')).toEqual({
      none: 'No template shares a word with the task.',
    });
    expect(found.best('Book a table for two at an Italian restaurant').none).toMatch(
      /^No template fits: the nearest, ran\//,
    );
    expect(found.match('')).toEqual([]);
  });

  test('domain, category and effects limit what is looked at; the reason names what counted', () => {
    const found = shipped;
    const [first] = found.match({
      text: 'is the cell congested this evening',
      effects: 'reads',
      category: 'built-in-ai-tool',
    });
    expect(first?.template.id).toBe('core/predict-congestion');
    expect(first?.reason).toBe(
      '"Cell congestion prediction" is about "congested" (title), "evening" (keywords), "cell" (title), and has category built-in-ai-tool, effects reads.',
    );
    expect(first?.score).toBeGreaterThan(0.18);
    expect(first?.score).toBeLessThanOrEqual(1);
    for (const { template } of found.match(
      { text: 'cell congestion', domain: 'ran' },
      { threshold: 0, most: 50 },
    ))
      expect(template.domain).toBe('ran');
  });
});
