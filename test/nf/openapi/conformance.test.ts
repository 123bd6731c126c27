import { expect, test } from 'vitest';
import type { SbiExchange } from '../../../src/sbi/index.ts';
import { network, START, SUPI } from '../network.ts';
import { ExchangeChecker } from './checker.ts';
import { descriptionsPresent } from './descriptions.ts';
import { scenario } from './scenario.ts';

/** Roots of APIs that are not among the descriptions: O-RAN, BSF, analytics exposure, and those of this project. */
const OWN =
  /^\w+ \/(A1-P|ProvMnS|coverage|performance|mobility|paths|telematics|nbsf-management|3gpp-analyticsexposure|told\/outside|compute|storage)\b/;

test.skipIf(!descriptionsPresent)(
  'what the functions ask and answer is what the 3GPP descriptions say (skipped without them)',
  async () => {
    const exchanges: SbiExchange[] = [];
    const world = await network({ observe: (exchange) => exchanges.push(exchange) });
    await scenario(world, { supi: SUPI, start: START });
    const checker = new ExchangeChecker();
    for (const exchange of exchanges) await checker.take(exchange);
    const { faults, unknown, checked } = checker.verdict;
    expect(faults).toEqual([]);
    expect([...unknown].filter((name) => !OWN.test(name))).toEqual([]);
    expect(checked.size).toBeGreaterThan(20);
  },
  30_000,
);
