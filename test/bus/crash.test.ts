import { randomInt } from 'node:crypto';
import { expect, test } from 'vitest';
import { campaign } from '../bench/crash/campaign.ts';
import { temporaryFolder } from './task-support.ts';

test('kill -9 under load: no accepted task is lost, ends twice or does its work twice', async () => {
  const seed = randomInt(1_000_000);
  const { accepted, lost, endedTwice, doubled } = await campaign({
    kills: 4,
    seed,
    dataDir: temporaryFolder(),
    inFlight: 8,
  });
  expect({ seed, lost, endedTwice, doubled }).toEqual({ seed, lost: [], endedTwice: [], doubled: [] });
  expect(accepted).toBeGreaterThan(0);
}, 60_000);
