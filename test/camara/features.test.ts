import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Bench, openBench } from './bench.ts';
import { loadChecker, present, scenarios } from './description.ts';
import { step } from './steps.ts';
import { World } from './world.ts';

/** Scenarios that cannot hold here, with the reason. One that holds after all, or is gone, fails. */
const DEVIATIONS: Record<string, string> = {
  quality_on_demand_createSession_02_2_event_received:
    'wants the type org.camaraproject.qod.v1..., where the schema in the same scenario has org.camaraproject.quality-on-demand.v1...',
  quality_on_demand_deleteSession_02_event_notification:
    'wants the type org.camaraproject.qod.v1..., where the schema in the same scenario has org.camaraproject.quality-on-demand.v1...',
  'qos_profiles_retrieveQosProfiles_C01.07_device_not_supported':
    'wants 422 for a device without the service, where scenario 06 of the same operation wants an empty list',
  qos_provisioning_revokeQosAssignment_02_delete_existing_qos_assignment_async:
    'is for an implementation that deletes asynchronously; this one does not',
  qos_provisioning_revokeQosAssignment_04_event_notification_async:
    'is for an implementation that deletes asynchronously; this one does not',
};

const found = scenarios();
let bench: Bench;

beforeAll(async () => {
  if (present)
    bench = await openBench({ catalogueFile: join(import.meta.dirname, 'fixtures/catalogue.yaml') });
});
afterAll(() => bench?.close());

test.skipIf(!present)('there are acceptance tests, and every deviation is one of them', () => {
  expect(found.length).toBeGreaterThan(200);
  const names = new Set(found.map(({ pickle }) => pickle.tags[0]?.name.slice(1)));
  expect(Object.keys(DEVIATIONS).filter((name) => !names.has(name))).toEqual([]);
});

const check = present ? loadChecker() : undefined;
const title = ({ pickle }: (typeof found)[number], n: number) => `${pickle.tags[0]?.name.slice(1)} #${n}`;

for (const [n, one] of found.entries()) {
  const name = one.pickle.tags[0]?.name.slice(1) as string;
  const deviates = DEVIATIONS[name] !== undefined;
  test(`${title(one, n)}${deviates ? ' (deviates)' : ''}`, async () => {
    const world = new World(bench, one.file);
    const run = async () => {
      for (const { text } of one.pickle.steps) await step(world, check as NonNullable<typeof check>, text);
    };
    try {
      if (deviates) await expect(run()).rejects.toThrow();
      else await run();
    } finally {
      await world.tidy();
    }
  });
}
