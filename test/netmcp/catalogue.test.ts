import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { mayUse } from '../../src/netmcp/auth/permission.ts';
import { createCatalogue, type Standing } from '../../src/netmcp/management/catalogue.ts';
import { createRanker } from '../../src/netmcp/management/rank.ts';
import { type Permission, type Registration, registerParamsSchema } from '../../src/netmcp/schema/index.ts';
import type { Identity } from '../../src/netmcp/session/server-session.ts';

const server = (serverId: string, ...permissions: Permission[]): Registration =>
  registerParamsSchema.parse({
    serverId,
    endpoints: ['http://127.0.0.1:1/mcp'],
    toolCount: permissions.length,
    digest: serverId,
    tools: permissions.map((permission, at) => ({
      name: `slice_${at}`,
      description: `reserve a slice, way ${at}`,
      permission,
    })),
  });
const open: Permission = { mode: 'public' };
const token = (...scopes: string[]): Permission => ({ mode: 'token', scopes });
const named = (...agents: string[]): Permission => ({ mode: 'specified', agents });
const agent = (name: string, scopes: string[] = [], actors: string[] = []): Identity => ({
  agent: name,
  authenticated: true,
  scopes,
  actors,
});
const standing = (): Standing => ({
  load: 0,
  state: 'normal',
  weight: 100,
  alternates: [],
  suspect: false,
  untrusted: false,
});

/** A catalogue that counts the indexes that are built. */
function counted(registrations: Registration[]) {
  let indexes = 0;
  const catalogue = createCatalogue(
    () => registrations,
    standing,
    () => {
      indexes += 1;
      return createRanker();
    },
  );
  const find = (asker?: Identity) =>
    catalogue.find({ task: 'reserve a slice', limit: 100 }, asker).map(({ serverId, tools, score }) => ({
      serverId,
      tools,
      score,
    }));
  return { find, catalogue, indexes: () => indexes };
}

test('the same rights share one index, in any order, as far as some tool asks for them', () => {
  const { find, indexes } = counted([server('s', open, token('a', 'b'), named('boss'))]);
  const first = find(agent('x', ['a', 'b']));
  expect(first).toMatchObject([{ serverId: 's', tools: ['slice_0', 'slice_1'] }]);
  expect(find(agent('y', ['b', 'other', 'a']))).toEqual(first);
  expect(find(agent('z', ['a', 'b'], ['boss']))).toEqual(first);
  expect(indexes()).toBe(1);
  expect(find(agent('boss', ['a', 'b']))).toMatchObject([{ tools: ['slice_0', 'slice_1', 'slice_2'] }]);
  expect(indexes()).toBe(2);
});

test('who is authenticated and who only says so never share', () => {
  const { find, indexes } = counted([server('s', token(), open)]);
  expect(find(agent('x'))).toMatchObject([{ tools: ['slice_0', 'slice_1'] }]);
  expect(find({ ...agent('x'), authenticated: false })).toMatchObject([{ tools: ['slice_1'] }]);
  expect(indexes()).toBe(2);
});

test('a change of the registry is seen at once', () => {
  const registrations = [server('s', token('a'))];
  const { find, catalogue, indexes } = counted(registrations);
  expect(find(agent('x', ['a', 'b']))).toHaveLength(1);
  registrations[0] = server('s', token('a', 'b'));
  catalogue.changed();
  expect(find(agent('x', ['a']))).toEqual([]);
  expect(find(agent('x', ['a', 'b']))).toHaveLength(1);
  expect(indexes()).toBe(3);
});

test('the indexes that are kept are bounded, and one that was dropped is built anew', () => {
  const names = Array.from({ length: 65 }, (_, at) => `agent-${at}`);
  const { find, indexes } = counted([server('s', named(...names.slice(0, 64)), named(...names.slice(64)))]);
  for (const name of names) find(agent(name));
  find(agent('agent-64'));
  expect(indexes()).toBe(65);
  find(agent('agent-0'));
  expect(indexes()).toBe(66);
});

const words = fc.subarray(['a', 'b', 'c']);
const permissions = fc.oneof(
  fc.constant(open),
  words.map((scopes) => token(...scopes)),
  words.map((agents) => named(...agents)),
);
const askers = fc.record({
  agent: fc.constantFrom('a', 'b', 'c', 'd'),
  authenticated: fc.boolean(),
  scopes: words,
  actors: fc.subarray(['a', 'b', 'd']),
});

test('whoever asked before, each is shown what a catalogue of its own shows, and no more', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(permissions, { maxLength: 4 }), { maxLength: 4 }),
      fc.array(askers, { minLength: 1, maxLength: 8 }),
      (fleet, all) => {
        const registrations = fleet.map((tools, at) => server(`s${at}`, ...tools));
        const shared = counted(registrations);
        for (const asker of all) {
          const found = shared.find(asker);
          expect(found).toEqual(counted(registrations).find(asker));
          for (const { serverId, tools } of found) {
            const { tools: own } = registrations.find((r) => r.serverId === serverId) as Registration;
            const usable = own.filter(({ permission }) => mayUse(permission, asker)).map(({ name }) => name);
            expect(tools).toEqual(usable);
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});
