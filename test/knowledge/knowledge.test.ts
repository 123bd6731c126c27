import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openStore } from '../../src/durable/index.ts';
import { openKnowledge } from '../../src/knowledge/index.ts';

const clock = { now: () => 0, setTimeout: () => undefined, clearTimeout: () => undefined };
const experience = {
  id: 'shanghai-congestion-31.2000-121.4000',
  region: 'shanghai',
  place: { lat: 31.2, lon: 121.4, radiusM: 250 },
  kind: 'congestion',
  cellIds: ['000000101'],
  timeOfDay: { start: 600, end: 780 },
  severity: 0.6,
  measure: 'qos-priority',
  helped: true,
};
const open = (dir = mkdtempSync(join(tmpdir(), 'netagent-knowledge-'))) => {
  const store = openStore({ dir });
  return { dir, store, knowledge: openKnowledge(store, { env: { clock } }) };
};

test('what was learnt is there after a restart, and strengthened when met again near by', () => {
  const first = open();
  first.knowledge.learn(experience);
  first.store.close();
  const { knowledge, store } = open(first.dir);
  const again = knowledge.learn({
    ...experience,
    id: 'shanghai-congestion-31.2005-121.4000',
    place: { ...experience.place, lat: 31.2005 },
    cellIds: ['000000102'],
    severity: 0.9,
  });
  expect(again).toMatchObject({
    seen: 2,
    experience: { id: experience.id, severity: 0.9, cellIds: ['000000101', '000000102'] },
  });
  expect(knowledge.experienceFor({ region: 'shanghai' })).toHaveLength(1);
  expect(knowledge.experienceFor({ region: 'munich' })).toEqual([]);
  knowledge.learn({ ...experience, id: 'x', place: { ...experience.place, lat: 31.3 } });
  expect(knowledge.list()).toHaveLength(2);
  store.close();
});

test('property: whatever is learnt is an experience or is refused with the field', () => {
  const { knowledge, store } = open();
  fc.assert(
    fc.property(
      fc.oneof(
        fc.anything(),
        fc
          .record({ severity: fc.double(), region: fc.string(), cellIds: fc.array(fc.string()) })
          .map((part) => ({ ...experience, ...part })),
      ),
      (input) => {
        try {
          expect(knowledge.learn(input).seen).toBeGreaterThan(0);
        } catch (error) {
          expect((error as { code?: string }).code).toBe('KNOWLEDGE_REFUSED');
        }
      },
    ),
    { numRuns: 60 },
  );
  store.close();
});
