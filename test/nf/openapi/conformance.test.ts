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
    await seesFaults(exchanges, checker);
    const services = new Set([...checked].map((one) => one.split(' ')[0]));
    expect(services.size).toBeGreaterThanOrEqual(16);
    expect(checked.size).toBeGreaterThanOrEqual(75);
  },
  30_000,
);

/** The checker is of use only if it finds what is wrong: a field, a status, a query parameter, a body. */
async function seesFaults(exchanges: SbiExchange[], checker: ExchangeChecker): Promise<void> {
  const { faults } = checker.verdict;
  const of = (method: string, path: string) => {
    const found = exchanges.find((one) => one.method === method && one.path === path && one.status < 300);
    if (found === undefined) throw new Error(`no ${method} ${path}`);
    return found;
  };
  const made = of('POST', '/npcf-policyauthorization/v1/app-sessions');
  const search = of('GET', '/nnrf-disc/v1/nf-instances');
  const wrong: Array<[SbiExchange, RegExp]> = [
    [{ ...made, status: 299 }, /no such status|answer/],
    [{ ...made, reply: { ascReqData: { suppFeat: 7 } } }, /answer: \/ascReqData\/suppFeat must be string/],
    [{ ...made, body: { ascReqData: { ueIpv4: 'x' } } }, /request: .*notifUri/],
    [{ ...made, headers: { 'content-type': 'application/json' } }, /header Location is missing/],
    [{ ...search, query: { ...search.query, nonsense: '1' } }, /nonsense is not described/],
    [{ ...search, query: {} }, /target-nf-type is missing/],
  ];
  for (const [exchange, fault] of wrong) {
    faults.length = 0;
    await checker.take(exchange);
    expect(faults.join('\n')).toMatch(fault);
  }
}
