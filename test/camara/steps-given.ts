import { expect } from 'vitest';
import type { Step } from './step.ts';
import { PHONE } from './world.ts';

const TOKEN = 'valid access token';
const statusOf = (item: Record<string, unknown>) => item.qosStatus ?? item.status;

/** What is there, and who asks. */
export const SETUP: Step[] = [
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

/** What the request says. */
export const BODY: Step[] = [
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
