import fc from 'fast-check';
import { expect, test } from 'vitest';
import { NetAgentError } from '../../src/errors.ts';
import { network, SUPI } from './network.ts';

const MERGE = 'application/merge-patch+json';
const PATCH = 'application/json-patch+json';
const ID = '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0001';

/** Everything that takes a body. */
const ENDPOINTS: ReadonlyArray<
  readonly [nf: string, method: 'POST' | 'PUT' | 'PATCH', path: string, type?: string]
> = [
  ['NRF', 'PUT', `/nnrf-nfm/v1/nf-instances/${ID}`],
  ['NRF', 'PATCH', '/nnrf-nfm/v1/nf-instances/00000000-0000-4000-8000-000000000003', PATCH],
  ['NRF', 'POST', '/nnrf-nfm/v1/subscriptions'],
  ['AMF', 'POST', '/namf-evts/v1/subscriptions'],
  ['AMF', 'POST', `/namf-comm/v1/ue-contexts/${SUPI}/n1-n2-messages`],
  ['SMF', 'POST', '/nsmf-pdusession/v1/sm-contexts'],
  ['SMF', 'POST', '/nsmf-event-exposure/v1/subscriptions'],
  ['SMF', 'POST', '/nsmf-callback/v1/sm-policies/pdu-1/update'],
  ['SMF', 'PUT', `/paths/v1/ues/${SUPI}/dnai`],
  ['PCF', 'POST', '/npcf-smpolicycontrol/v1/sm-policies'],
  ['PCF', 'POST', '/npcf-policyauthorization/v1/app-sessions'],
  ['PCF', 'PATCH', '/npcf-policyauthorization/v1/app-sessions/app-1', MERGE],
  ['PCF', 'PUT', '/npcf-policyauthorization/v1/app-sessions/app-1/events-subscription'],
  ['PCF', 'POST', '/npcf-pdtq-policy-control/v1/pdtq-policies'],
  ['BSF', 'POST', '/nbsf-management/v1/pcfBindings'],
  ['NWDAF', 'POST', '/nnwdaf-eventssubscription/v1/subscriptions'],
  ['NEF', 'POST', '/3gpp-as-session-with-qos/v1/a/subscriptions'],
  ['NEF', 'POST', '/3gpp-traffic-influence/v1/a/subscriptions'],
  ['NEF', 'POST', '/3gpp-analyticsexposure/v1/a/subscriptions'],
  ['UPF', 'POST', '/nupf-ee/v1/ee-subscriptions'],
  ['GNB', 'PUT', '/ProvMnS/v1/RRMPolicyRatio=r'],
  ['GNB', 'PUT', '/ProvMnS/v1/PerfMetricJob=j'],
  ['GNB', 'PUT', '/A1-P/v2/policytypes/steering/policies/p'],
  ['GNB', 'PUT', '/A1-P/v2/policytypes/priority/policies/p'],
  ['GNB', 'POST', '/coverage/v1/forecast'],
  ['COMPUTE', 'POST', '/compute/v1/allocations'],
  ['STORAGE', 'PUT', '/storage/v1/buckets/b'],
];

/** Fields that some of them have, with values of any kind. */
const field = fc.constantFrom(
  'supi',
  'nfInstanceId',
  'subscription',
  'eventSubscriptions',
  'ascReqData',
  'id',
  'attributes',
  'scope',
  'statement',
  'dnn',
  'sNssai',
  'notifUri',
  'siteId',
  'vcpu',
  'smPolicyDecision',
  'points',
  'op',
  'path',
);
const body = fc.oneof(
  fc.dictionary(field, fc.jsonValue({ maxDepth: 2 }), { minKeys: 1, maxKeys: 4 }),
  fc.array(fc.jsonValue({ maxDepth: 1 }), { maxLength: 3 }),
  fc.constantFrom(null, 7, 'text', true),
);

test('no body of another form is taken: a 400 that names the field, and the network is what it was', async () => {
  const { ask, env } = await network();
  const made = await ask('PCF', 'POST', '/npcf-policyauthorization/v1/app-sessions', {
    body: {
      ascReqData: {
        supi: SUPI,
        suppFeat: '0',
        notifUri: 'http://127.0.0.1:9/af',
        medComponents: { 1: { medCompN: 1, medType: 'VIDEO', mirBwDl: '2 Mbps', mirBwUl: '1 Mbps' } },
      },
    },
  });
  expect(made.status).toBe(201);
  const state = async () =>
    Promise.all([
      ask('PCF', 'GET', '/npcf-policyauthorization/v1/app-sessions/app-1'),
      ask('SMF', 'GET', `/paths/v1/ues/${SUPI}`),
      ask('NRF', 'GET', '/nnrf-nfm/v1/nf-instances'),
      ask('NRF', 'GET', '/nnrf-nfm/v1/nf-instances/00000000-0000-4000-8000-000000000003'),
      ask('COMPUTE', 'GET', '/compute/v1/sites'),
      ask('STORAGE', 'GET', '/storage/v1/buckets'),
      ask('GNB', 'GET', '/A1-P/v2/policytypes/steering/policies'),
      ask('NEF', 'GET', '/3gpp-as-session-with-qos/v1/a/subscriptions'),
      ask('GNB', 'GET', `/performance/v1/ues/${SUPI}`),
    ]).then((answers) => answers.map((answer) => answer.body));
  const before = await state();
  const bodies = fc.sample(body, { seed: 11, numRuns: 12 });
  for (const [nf, method, path, contentType] of ENDPOINTS) {
    for (const given of bodies) {
      const about = `${method} ${path} ${JSON.stringify(given)}`;
      const error = await ask(nf, method, path, { body: given, ...(contentType && { contentType }) }).then(
        (reply) => reply,
        (refusal: unknown) => refusal,
      );
      expect(error, about).toBeInstanceOf(NetAgentError);
      const { status, problem } = (error as NetAgentError).details as {
        status: number;
        problem: { cause?: string; invalidParams?: Array<{ param: string }> };
      };
      expect(status, about).toBe(400);
      expect(problem.cause, about).toMatch(/^[A-Z_]+$/);
      expect(problem.invalidParams?.[0]?.param, about).toMatch(/^\//);
    }
  }
  expect(await state()).toEqual(before);
  expect(env.errors).toEqual([]);
}, 30_000);
