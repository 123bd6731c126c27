import { expect } from 'vitest';
import type { loadChecker } from './description.ts';
import { PHONE, type World } from './world.ts';

type Check = ReturnType<typeof loadChecker>;
type Step = [RegExp, (w: World, check: Check, ...groups: string[]) => unknown];

const TOKEN = 'valid access token';
const past = (value: unknown) => expect(Date.parse(value as string)).toBeLessThanOrEqual(Date.now());
const shown = (w: World) => [w.response].flat() as Array<Record<string, unknown>>;
/** Property of the answer, or of each item of it, as it was given when the thing was made. */
const asMade = (w: World, path: string) => {
  const key = path.replace(/^\$\.?/, '');
  const asked = (w.made?.asked ?? w.body ?? {}) as Record<string, unknown>;
  for (const item of shown(w)) expect(item[key]).toEqual(asked[key]);
};
const existsOnlyIf = (w: World, property: string, holds: (item: Record<string, unknown>) => boolean) => {
  for (const item of shown(w)) expect(property in item).toBe(holds(item));
};
const statusOf = (item: Record<string, unknown>) => item.qosStatus ?? item.status;

const dataOf = (w: World) => (w.event?.body.data ?? {}) as Record<string, unknown>;

const SETUP: Step[] = [
  [/^an environment at "apiRoot"$/, () => {}],
  [/^the resource "/, () => {}],
  [/^the header "Content-Type" is set to "application\/json"$/, () => {}],
  [/^the header "x-correlator" complies with/, (w) => (w.headers['x-correlator'] = 'b4333c46-49c0')],
  [
    /^the header "x-correlator" does not comply with/,
    (w) => (w.headers['x-correlator'] = 'not allowed: §$&'),
  ],
  [
    /^the header "Authorization" is set to a valid access token which does not identify a single device$/,
    (w) => w.use({}),
  ],
  [
    /^the header "Authorization" is set to a valid access token identifying a device$/,
    (w) => w.use({ phoneNumber: PHONE }),
  ],
  [/^the header "Authorization" is set to a valid 3-legged access token/, (w) => w.useDevice()],
  [
    /^the header "Authorization" is set to a valid access token emitted to a client which did not/,
    async (w) => {
      await w.make();
      await w.use({ client: 'another' });
    },
  ],
  [
    new RegExp(`^the header "Authorization" is set to a ${TOKEN}( granted to the same client.*)?$`),
    (w) => w.use({}),
  ],
  [/^the header "Authorization" is (not sent|removed)$/, (w) => (w.headers.authorization = undefined)],
  [/^the header "Authorization" is set to an expired access token$/, (w) => w.use({ expired: true })],
  [
    /^the header "Authorization" is set to an invalid access token$/,
    (w) => (w.headers.authorization = 'Bearer nonsense'),
  ],
  [
    /^the header "Authorization" is set to an access token that does not include scope/,
    (w) => w.use({ scopes: ['openid'] }),
  ],
  [
    /^the request body is set (by default )?to a (valid request body|request body compliant)/,
    (w) => (w.body = w.defaultBody()),
  ],
  [/^a request body compliant with the schema/, (w) => (w.body = w.defaultBody())],
  [/^a valid testing device (supported by the service|without an existing)/, () => {}],
  [/^a valid request for "/, () => {}],
  [
    /^the threshold of requests has been reached$/,
    async (w) => {
      await w.make().catch(() => undefined);
      w.limited = true;
      await w.send();
    },
  ],
  [/^(the )?path param(eter)? "\w+" is set by default to an? existing/, (w) => (w.params.name = 'QOS_S')],
  [/^the path parameter "\w+" is set to the value for that QoS/, () => {}],
  [
    /^the path parameter "(\w+)" is set to a random UUID$/,
    (w, _, name) => (w.params[name as string] = crypto.randomUUID()),
  ],
  [
    /^the path parameter "(\w+)" has not a UUID format$/,
    (w, _, name) => (w.params[name as string] = 'not-a-uuid'),
  ],
  [/^an existing QoS profile$/, (w) => (w.params.name = 'QOS_S')],
  [/name" is set to a (random|non.?existent|value)/i, (w) => (w.params.name = 'QOS_OF_NOBODY')],
  [/^path parameter "name" has a length not between/, (w) => (w.params.name = 'Q')],
  [/^path parameter "name" does not match/, (w) => (w.params.name = 'QOS S!')],
  [/^an existing QoS (session|assignment) created by operation \w+$/, (w) => w.make()],
  [
    /^an existing QoS session created by operation createSession with qosStatus "AVAILABLE"$/,
    async (w) => {
      expect(await w.make()).toMatchObject({ qosStatus: 'AVAILABLE' });
    },
  ],
  [
    /^an existing QoS (session|assignment) created by operation \w+ with provided values for "sink"/,
    async (w) => {
      expect(statusOf(await w.make({ sink: true }))).toBe('AVAILABLE');
    },
  ],
  [
    /^an existing QoS session (failed to be created in the last 360 seconds|with qosStatus not "AVAILABLE")$/,
    async (w) => {
      expect(await w.make({ profile: 'QOS_IMPOSSIBLE' })).toMatchObject({ qosStatus: 'UNAVAILABLE' });
    },
  ],
  [
    /^an existing QoS assignment deleted in the last 360 seconds$/,
    async (w) => {
      await w.make();
      const { answer } = await w.fetch('revokeQosAssignment', undefined, w.params);
      expect(answer.status).toBe(204);
    },
  ],
  [
    /^a valid testing device .*(with QoS active sessions associated|with an existing QoS assignment)/,
    (w) => w.make(),
  ],
  [/^a valid testing device with an existing QoS assignment/, (w) => w.make()],
  [/^(a|A) (QoD session|QoS assignment) already exists for that device$/, (w) => w.make()],
  [/^that implementation deletes QoS assignment synchronously$/, () => {}],
  [/^the "maxDuration" for the QoS profile/, () => {}],
  [/^that implementation has QoS Profiles restricted to certain devices$/, () => {}],
  [
    /^that (some types of device identifiers are not supported|the service is not available for all devices)/,
    () => {},
  ],
  [
    /^a device suitable for the restricted QoS Profiles/,
    (w) => (w.body = { device: { phoneNumber: PHONE } }),
  ],
  [/^no device is provided in the request body or identified/, (w) => (w.body = {})],
  [
    /^a (valid )?device.* for which the service is not applicable/,
    (w) => w.set('$.device', { phoneNumber: '+9990010000001' }),
  ],
];

const BODY: Step[] = [
  [
    /^the request body is set to any value which is not compliant/,
    (w) =>
      (w.body = { duration: 'long', requestedAdditionalDuration: -1, device: 7, qosProfile: 1, name: 1 }),
  ],
  [/^the request body is not included$/, (w) => (w.body = undefined)],
  [/^the request body is set to \{\}$/, (w) => (w.body = {})],
  [/^the request body property "(\$\.device)" is set to: \{\}$/, (w, _, path) => w.set(path as string, {})],
  [/^the request body property "([^"]+)" is set to \{\}$/, (w, _, path) => w.set(path as string, {})],
  [
    /^the request body property "([^"]+)" does not comply with the OAS schema/,
    (w, _, path) => {
      w.set('$.device', {});
      const wrong: Record<string, unknown> = {
        phoneNumber: '12',
        ipv4Address: { publicAddress: 'here' },
        ipv6Address: 'there',
        networkAccessIdentifier: 5,
      };
      w.set(path as string, wrong[(path as string).split('.').at(-1) as string]);
    },
  ],
  [/^the request (body )?property "\$\.device" is not included$/, (w) => w.unset('$.device')],
  [
    /^the request body property "\$\.device" is compliant with the schema but does not identify/,
    (w) => w.set('$.device', { phoneNumber: '+12025550123' }),
  ],
  [
    /^the request body property "\$\.device" is set to a valid device$/,
    (w) => w.set('$.device', { phoneNumber: PHONE }),
  ],
  [
    /^the request body property "\$\.device" only includes device identifiers not supported/,
    (w) => w.set('$.device', { ipv6Address: '2001:db8::1' }),
  ],
  [
    /^the request body properties "\$\.(\w+)" and "\$\.(\w+)" are not included$/,
    (w, _, a, b) => {
      w.unset(`$.${a}`);
      w.unset(`$.${b}`);
    },
  ],
  [/^the request (body )?property "\$\.(qosProfile|duration)" is set to a valid/, () => {}],
  [/^the request body property "\$\.applicationServer" is set to a valid/, () => {}],
  [/^the request body property "\$\.requestedAdditionalDuration" is set to a valid/, () => {}],
  [
    /^the request body property "\$\.requestedAdditionalDuration" is set to a value that added/,
    (w) => w.set('$.requestedAdditionalDuration', 86_400),
  ],
  [/^the request body property "\$\.name" is set to an existing/, (w) => w.set('$.name', 'QOS_S')],
  [
    /^the request body property "\$\.status" is set to the value (\w+)$/,
    (w, _, status) => w.set('$.status', status),
  ],
  [/^the request property "\$\.sink" is set to a URL/, (w) => w.withSink()],
  [/^the request property "\$\.sinkCredential\.\w+" is set to/, () => {}],
  [
    /^the request body property\s+"\$\.sinkCredential\.credentialType" is set to "(\w+)"$/,
    (w, _, type) => {
      w.withSink();
      w.set('$.sinkCredential.credentialType', type);
    },
  ],
  [
    /^the request body property\s+"\$\.sinkCredential\.accessTokenType" is set to a value other than/,
    (w) => {
      w.withSink();
      w.set('$.sinkCredential.accessTokenType', 'mac');
    },
  ],
  [
    /^the request body property "qosProfile" is set to a non.existent/i,
    (w) => w.set('$.qosProfile', 'QOS_OF_NOBODY'),
  ],
  [/^the request body property "duration" is set to an invalid duration/, (w) => w.set('$.duration', 2)],
  [
    /^the request body property "([^"]+)" is set to a value not between/,
    (w, _, path) => {
      const name = path as string;
      if (name.includes('ipv4Address'))
        w.set('$.device', { ipv4Address: { publicAddress: '203.0.113.1', publicPort: 70_000 } });
      else if (name.includes('ranges'))
        w.set(name.split('.ranges')[0] as string, { ranges: [{ from: 1, to: 70_000 }] });
      else w.set(name.split('.ports')[0] as string, { ports: [70_000] });
    },
  ],
  [
    /ipv4Address" and\/or "\$\.applicationServer\.ipv6Address" exist and have valid values which include a subnet/,
    (w) => w.set('$.applicationServer', { ipv4Address: '198.51.100.0/24', ipv6Address: '2001:db8::/64' }),
  ],
  [
    /ipv4Address" and\/or "\$\.applicationServer\.ipv6Address" exist$/,
    (w) => w.set('$.applicationServer', { ipv4Address: '198.51.100.1', ipAddresses: ['198.51.100.2'] }),
  ],
  [
    /^the request body property "\$\.applicationServer\.ipAddresses" exists$/,
    (w) => {
      const server = w.body?.applicationServer as Record<string, unknown> | undefined;
      if (server?.ipv4Address !== '198.51.100.1')
        w.set('$.applicationServer', { ipAddresses: ['198.51.100.2', '2001:db8::5'] });
    },
  ],
  [/^the request body property "\$\.applicationServer\.\w+" does not exist$/, () => {}],
  [/ipAddresses" is (greater than [01]|less than 17)$/, () => {}],
  [/ipAddresses" is equal to 0$/, (w) => w.set('$.applicationServer', { ipAddresses: [] })],
  [
    /ipAddresses" is greater than 16$/,
    (w) =>
      w.set('$.applicationServer', { ipAddresses: Array.from({ length: 17 }, (_, n) => `198.51.100.${n}`) }),
  ],
  [/^each item within request body array .* is (either|unique)/, () => {}],
  [
    /^at least two items within/,
    (w) => w.set('$.applicationServer', { ipAddresses: ['198.51.100.2', '198.51.100.2'] }),
  ],
  [
    /^at least one item within .* is not a valid single/,
    (w) => w.set('$.applicationServer', { ipAddresses: ['198.51.100.2', 'server'] }),
  ],
  [
    /^at least one item within .* contains the character/,
    (w) => w.set('$.applicationServer', { ipAddresses: ['198.51.100.0/24'] }),
  ],
  [/^the requested QoS Profile exists but is not applicable/, (w) => w.set('$.qosProfile', 'QOS_OLD')],
  [/^no PRIVATE_KEY_JWT configuration has been pre-shared/, () => {}],
];

const SENT: Step[] = [
  [/^the (request "\w+"|HTTP "POST" request) is sent$/, (w) => w.send()],
  [
    /^a QoS (session|assignment) has been created successfully and includes a valid sink/,
    (w) => w.make({ sink: true }),
  ],
  [/^the QoS (status of the session becomes|assignment outcome is) known$/, () => {}],
  [
    /^an event is received at the address/,
    async (w) => {
      const id = w.params[w.idName];
      const deleted = w.operation === 'deleteSession' || w.operation === 'revokeQosAssignment';
      w.event = await w.bench.event(({ body }) => {
        const data = body.data as Record<string, unknown>;
        return data[w.idName] === id && (!deleted || data.statusInfo === 'DELETE_REQUESTED');
      });
    },
  ],
];

const ANSWERED: Step[] = [
  [
    /^the response status code is (\d+)$/,
    (w, _, status) =>
      expect({ status: w.status, body: w.response }).toMatchObject({ status: Number(status) }),
  ],
  [
    /^the response header "Content-Type" is "application\/json"$/,
    (w) => expect(w.responseHeaders.get('content-type')).toMatch(/^application\/json/),
  ],
  [
    /^the response header "x-correlator" has (the )?same value/,
    (w) => expect(w.responseHeaders.get('x-correlator')).toBe(w.headers['x-correlator']),
  ],
  [
    /^the response property "\$\.message" contains a user.friendly text/,
    (w) => expect(w.at('$.message')).toMatch(/^[A-Z].{10,}/),
  ],
  [
    /^the response property "(\$[^"]+)" is (\d+)$/,
    (w, _, path, value) => expect(w.at(path as string)).toBe(Number(value)),
  ],
  [
    /^the response property "(\$[^"]+)" is "([^"]+)" or "([^"]+)"$/,
    (w, _, path, a, b) => expect([a, b]).toContain(w.at(path as string)),
  ],
  [
    /^the response property "(\$[^"]+)" is "([^"]+)"$/,
    (w, _, path, value) => expect(w.at(path as string)).toBe(value),
  ],
  [/^the response body is \[\]$/, (w) => expect(w.response).toEqual([])],
  [
    /^the response body complies with the OAS schema at "([^"]+)"$/,
    (w, check, at) => expect(check(w.api, at as string, w.response)).toBeNull(),
  ],
  [
    /^the response array has only one item which complies with the OAS schema at "([^"]+)"$/,
    (w, check, at) => {
      expect(shown(w)).toHaveLength(1);
      expect(check(w.api, at as string, shown(w)[0])).toBeNull();
    },
  ],
  [
    /^each item of the response array(, if any,)? complies with the OAS schema at "([^"]+)"$/,
    (w, check, _, at) => {
      for (const item of shown(w)) expect(check(w.api, at as string, item)).toBeNull();
    },
  ],
  [
    /^each item of the response array, if any, has property "\$\[\*\]\.status" equal to (\w+)$/,
    (w, _, status) => {
      expect(shown(w).length).toBeGreaterThan(0);
      for (const item of shown(w)) expect(item.status).toBe(status);
    },
  ],
  [
    /^the response property "(\$[^"]+)" value is equal to (the request body property|path param) "([^"]+)"$/,
    (w, _, path, __, name) => {
      expect(w.at(path as string)).toBe((name as string).startsWith('$') ? w.body?.name : w.params.name);
    },
  ],
  [
    /^the restricted QoS Profiles are returned/,
    (w) => expect(shown(w).map(({ name }) => name)).toContain('QOS_VIP'),
  ],
  [
    /^no restricted QoS Profile is included/,
    (w) => expect(shown(w).map(({ name }) => name)).not.toContain('QOS_VIP'),
  ],
  [
    /^the response property "(\$[^"]+)" does not exist$/,
    (w, _, path) => expect(w.at(path as string)).toBeUndefined(),
  ],
  [
    /^(?:the response|in all items in the response,) property "\$?\.?(\w+)" (?:exists only if provided|has the (?:same )?value (?:provided|as in)|matches the rule: (?:same value as|exists only if provided))/,
    (w, _, property) => asMade(w, property as string),
  ],
  [
    /property "\$?\.?startedAt" .*exists/,
    (w) => {
      existsOnlyIf(w, 'startedAt', (item) => statusOf(item) === 'AVAILABLE');
      for (const item of shown(w)) past(item.startedAt);
    },
  ],
  [
    /property "\$?\.?expiresAt" .*exists/,
    (w) => {
      existsOnlyIf(w, 'expiresAt', (item) => statusOf(item) !== 'REQUESTED');
      for (const { expiresAt, startedAt } of shown(w))
        expect(Date.parse(expiresAt as string)).toBeGreaterThan(Date.parse(startedAt as string));
    },
  ],
  [
    /property "\$?\.?statusInfo" .*exists/,
    (w) => existsOnlyIf(w, 'statusInfo', (item) => statusOf(item) === 'UNAVAILABLE'),
  ],
  [
    /^the response property "\$\.duration" is not lower than/,
    (w) => expect(w.at('$.duration')).toBeGreaterThanOrEqual(600),
  ],
  [/^the response property "\$\.duration" does not exceed/, (w) => expect(w.at('$.duration')).toBe(86_400)],
];

const TOLD: Step[] = [
  [
    /^the event header "Authorization" is set to "Bearer:? " \+/,
    (w) => expect(w.event?.headers.authorization).toBe('Bearer sink-secret-token'),
  ],
  [
    /^the event header "Content-Type" is set to "([^"]+)"$/,
    (w, _, type) => expect(w.event?.headers['content-type']).toBe(type),
  ],
  [
    /^the event body complies with the OAS schema at "([^"]+)"$/,
    (w, check, at) => expect(check(w.api, at as string, w.event?.body)).toBeNull(),
  ],
  [
    /^the event body property "\$\.id" is unique$/,
    (w) => {
      const ids = w.bench.received.map(({ body }) => body.id);
      expect(new Set(ids).size).toBe(ids.length);
    },
  ],
  [
    /^the event body property "\$\.type" is set to "([^"]+)"$/,
    (w, _, type) => expect(w.event?.body.type).toBe(type),
  ],
  [
    /^the event body property "\$\.data\.(\w+)" (as returned for|has the same value as)/,
    (w, _, name) => expect(dataOf(w)[name as string]).toBe(w.params[w.idName]),
  ],
  [
    /^the event body property "\$\.data\.(\w+)" is "(\w+)"( or "(\w+)")?$/,
    (w, _, name, a, __, b) => expect([a, b]).toContain(dataOf(w)[name as string]),
  ],
  [
    /^the event body property "\$\.data\.statusInfo" exists only if/,
    (w) => {
      const data = dataOf(w);
      expect('statusInfo' in data).toBe(statusOf(data) === 'UNAVAILABLE');
    },
  ],
];

const STEPS = [...SETUP, ...BODY, ...SENT, ...ANSWERED, ...TOLD];

/** Does one step. @throws if nothing here knows it, or what it claims does not hold */
export async function step(w: World, check: Check, text: string): Promise<void> {
  for (const [pattern, work] of STEPS) {
    const match = pattern.exec(text);
    if (match === null) continue;
    await work(w, check, ...match.slice(1));
    return;
  }
  throw new Error(`no step for: ${text}`);
}
