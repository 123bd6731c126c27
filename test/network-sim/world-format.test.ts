import { expect, test } from 'vitest';
import { parseWorld, readWorld, runWorld } from '../../src/network/worlds/index.ts';

const GOOD = `name: tiny
start: 2026-01-01T00:00:00Z
place: { name: Cork, lat: 51.9, lon: -8.5 }
routes:
  - name: road
    points: [[0, 0], [500, 0]]
sites:
  - name: mast
    at: { x: 0, y: 0 }
groups:
  - name: people
    count: 5
    mobility: { kind: route, route: road, speedKmh: [10, 20] }
events:
  - { kind: cell-down, site: mast, from: 90s, until: 2m }
`;

test('a small world is read, with its defaults and its times in seconds', () => {
  const world = parseWorld(GOOD, 'tiny.yaml');
  expect(world).toMatchObject({ seed: 1, carriers: { nr: { band: 'n78', bandwidthMHz: 100 } } });
  expect(world.events[0]).toMatchObject({ from: 90, until: 120 });
});

test.each([
  ['seed: -1', 'start: 2026', 'seed: -1\nstart: 2026', 2, 'seed'],
  ['an unknown field', 'count: 5', 'count: 5\n    cuont: 6', 13, 'groups[0].cuont'],
  ['a wrong type', 'count: 5', 'count: five', 12, 'groups[0].count'],
  ['a route that is not there', 'route: road', 'route: rod', 13, 'groups[0].mobility.route'],
  ['a site that is not there', 'site: mast', 'site: mist', 15, 'events[0].site'],
  ['an end before the start', 'until: 2m', 'until: 1m', 15, 'events[0].until'],
  ['a time of no form', 'from: 90s', 'from: soon', 15, 'events[0].from'],
  ['no kind of event', 'kind: cell-down', 'kind: cell-up', 15, 'events[0].kind'],
  [
    'two forms of a site',
    'at: { x: 0, y: 0 }',
    'at: { x: 0, y: 0 }\n    indoor: { at: { x: 0, y: 0 }, rows: 1, columns: 1, spacingM: 5 }',
    8,
    'sites[0]',
  ],
  [
    'a habit that is not there',
    'count: 5',
    'count: 5\n    traffic: { browzing: 1 }',
    13,
    'groups[0].traffic.browzing',
  ],
  [
    'a bandwidth that no carrier has',
    'sites:',
    'carriers: { nr: { bandwidthMHz: 33 } }\nsites:',
    7,
    'carriers.nr.bandwidthMHz',
  ],
])('%s is refused with its line and field', (_what, from, to, line, field) => {
  const text = GOOD.replace(from, to);
  expect(text).not.toBe(GOOD);
  expect(() => parseWorld(text, 'tiny.yaml')).toThrow(
    expect.objectContaining({
      code: 'WORLD_INVALID',
      details: expect.objectContaining({ file: 'tiny.yaml', line, field }),
    }),
  );
});

test('text that is no YAML is refused with its line', () => {
  expect(() => parseWorld('name: [a\nb: }', 'x.yaml')).toThrow(/x\.yaml is wrong at line/);
});

test('a world that is not there is answered with those that are', () => {
  expect(() => readWorld('town')).toThrow(
    expect.objectContaining({ code: 'WORLD_UNKNOWN', hint: expect.stringContaining('motorway') }),
  );
  expect(() => readWorld('./town.yaml')).toThrow(expect.objectContaining({ code: 'WORLD_UNREADABLE' }));
});

test('the same seed gives the same samples, another seed others', () => {
  const run = (seed?: number) => JSON.stringify([...runWorld(readWorld('campus', seed), 10, 5)]);
  expect(run()).toBe(run());
  expect(run(2)).not.toBe(run());
});
