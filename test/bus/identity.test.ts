import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { certificateIdentity } from '../../broker/embedded/certificate-identity.ts';
import { credentialsFile, makeCredential } from '../../broker/embedded/credentials.ts';
import { type Claim, firstOf, type IdentityProvider } from '../../broker/embedded/identity.ts';
import { tokenIdentity } from '../../broker/embedded/token-identity.ts';
import { type Bus, type BusOptions, startBus } from '../../broker/index.ts';
import type { Log } from '../../machines/ports.ts';
import { issue } from './identity-certificates.ts';
import { env, join as joinBus, recorder } from './support.ts';

const CHEAP = { N: 1_024, r: 8, p: 1 };
const entry = (password: string, role?: 'agent' | 'guest' | 'dispatcher') =>
  makeCredential(password, role, CHEAP);

let dir: string;
let bus: Bus | undefined;
const open: MqttClient[] = [];
const providers: IdentityProvider[] = [];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'netagent-id-'));
});
afterEach(async () => {
  for (const client of open.splice(0)) client.end(true);
  for (const provider of providers.splice(0)) provider.close?.();
  await bus?.close();
  bus = undefined;
  rmSync(dir, { recursive: true, force: true });
});

const lines: string[] = [];
const log: Log = {
  debug: (...line) => void lines.push(JSON.stringify(line)),
  info: (...line) => void lines.push(JSON.stringify(line)),
  warn: (...line) => void lines.push(JSON.stringify(line)),
  error: (...line) => void lines.push(JSON.stringify(line)),
};

async function start(identity: IdentityProvider, more: Partial<BusOptions> = {}): Promise<Bus> {
  providers.push(identity);
  lines.length = 0;
  bus = await startBus({ env: { ...env, log }, host: '127.0.0.1', tcpPort: 0, wsPort: 0, identity, ...more });
  return bus;
}

async function connect(
  clientId: string,
  options: IClientOptions = {},
  url = bus?.mqttUrl,
): Promise<MqttClient> {
  const client = await mqtt.connectAsync(url as string, {
    clientId,
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...options,
  });
  client.on('error', () => undefined);
  open.push(client);
  return client;
}

const file = (entries: object) => {
  const path = join(dir, 'credentials.yaml');
  writeFileSync(path, JSON.stringify(entries));
  return path;
};

test('a credentials file: right and wrong password, unknown user, other id, none, roles', async () => {
  const path = file({
    'org/unit/a': await entry('right'),
    'org/unit/d': await entry('pool', 'dispatcher'),
    reader: await entry('look', 'guest'),
  });
  await start(credentialsFile({ file: path, log }));
  await connect('org/unit/a', { username: 'org/unit/a', password: 'right' });
  for (const [id, username, password, code] of [
    ['org/unit/a', 'org/unit/a', 'wrong', 0x86],
    ['org/unit/a', 'org/unit/nobody', 'right', 0x86],
    ['org/unit/a', undefined, undefined, 0x86],
    ['org/unit/a', 'constructor', 'right', 0x86],
    ['org/unit/a', '__proto__', 'right', 0x86],
    ['org/unit/b', 'org/unit/a', 'right', 0x87],
    ['constructor', 'org/unit/a', 'right', 0x87],
    ['org/unit/a', 'reader', 'look', 0x87],
  ] as const) {
    const given = { ...(username && { username }), ...(password && { password }) };
    await expect(connect(id, given), `${id} as ${username}`).rejects.toMatchObject({ code });
  }
  const guest = await connect('mosq-Ab12Cd34Ef', { username: 'reader', password: 'look' });
  await expect(guest.subscribeAsync('$a2a/v1/event/+/+/+', { qos: 1 })).rejects.toThrow();
  const dispatcher = await connect('org/unit/d', { username: 'org/unit/d', password: 'pool' });
  await dispatcher.subscribeAsync('$a2a/v1/request/+/+/pool/+', { qos: 1 });
  // Each refusal is a line, with who and from where, and without the secret.
  const refusals = lines.filter((line) => line.includes('refused by the bus guard'));
  expect(refusals.filter((line) => line.includes('"action":"connect"'))).toHaveLength(8);
  for (const line of refusals) expect(line).toContain('127.0.0.1');
  expect(lines.join()).not.toMatch(/right|wrong|look"|scrypt/);
});

test('a changed file is in force without a restart; a broken one changes nothing', async () => {
  const path = file({ 'org/unit/a': await entry('old') });
  const provider = credentialsFile({ file: path, log, watchMs: 10 });
  await start(provider);
  const given = (password: string) => ({ username: 'org/unit/a', password });
  const first = await connect('org/unit/a', given('old'));
  await first.endAsync();
  file({ 'org/unit/a': await entry('new'), 'org/unit/b': await entry('more') });
  await vi.waitFor(() => expect(lines.join()).toContain('credentials read again'), {
    timeout: 5_000,
    interval: 5,
  });
  await expect(connect('org/unit/a', given('old'))).rejects.toMatchObject({ code: 0x86 });
  await (await connect('org/unit/a', given('new'))).endAsync();
  writeFileSync(path, 'org/unit/a: { hash: "secret words", role: agent');
  provider.reload();
  expect(lines.at(-1)).toContain('credentials not read');
  expect(lines.join()).not.toContain('secret words');
  await connect('org/unit/a', given('new'));
});

test('a file that is not valid is refused at once', async () => {
  const { hash } = await entry('x');
  for (const entries of [
    [],
    { 'org/unit/a': { role: 'root', hash } },
    { 'org/unit/a': { role: 'agent', hash: 'plain' } },
    { 'org/unit/a': { role: 'agent', hash: hash.replace('$1024$', '$99999999$') } },
    { 'org/unit/+': { role: 'agent', hash } },
    { 'org/unit/a': null },
  ]) {
    expect(() => credentialsFile({ file: file(entries), log })).toThrow(
      expect.objectContaining({ code: 'BUS_CREDENTIALS_INVALID' }),
    );
  }
  expect(() => credentialsFile({ file: join(dir, 'none'), log })).toThrow(/ENOENT/);
});

test('somebody unknown costs the time of somebody known', async () => {
  const provider = credentialsFile({
    file: file({ 'org/unit/a': await makeCredential('right', 'agent', { N: 2 ** 14, r: 8, p: 1 }) }),
    log,
  });
  providers.push(provider);
  const claim = (username: string): Claim => ({
    clientId: 'org/unit/a',
    assigned: false,
    protocolVersion: 5,
    username,
    password: Buffer.from('wrong'),
    inProcess: false,
  });
  const timed = async (username: string) => {
    const times: number[] = [];
    for (let n = 0; n < 7; n += 1) {
      const start = performance.now();
      await provider.identify(claim(username));
      times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[2] as number;
  };
  const [known, unknown] = [await timed('org/unit/a'), await timed('org/unit/z')];
  expect(unknown / known).toBeGreaterThan(0.4);
  expect(unknown / known).toBeLessThan(2.5);
});

test('a token: signature, issuer, audience, time, id', async () => {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const other = await generateKeyPair('ES256');
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256' };
  await start(tokenIdentity({ keys: { keys: [jwk] }, issuer: 'https://id', audience: 'bus', leewayS: 10 }));
  const now = Math.floor(Date.now() / 1_000);
  const good = { sub: 'org/unit/a', iss: 'https://id', aud: 'bus', exp: now + 60 };
  const token = (claims: JWTPayload, key = privateKey, kid = 'k1') =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid }).sign(key);
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const unsigned = `${encode({ alg: 'none' })}.${encode(good)}.`;
  const x = Buffer.from(String(jwk.x), 'base64url');
  const confused = await new SignJWT(good).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(x);

  await (await connect('org/unit/a', { username: 'any', password: await token(good) })).endAsync();
  const late = await token({ ...good, exp: now - 5 });
  await (await connect('org/unit/a', { username: 'any', password: late })).endAsync();
  const { exp: _, ...endless } = good;
  const bad: Array<[string, string]> = [
    ['over', await token({ ...good, exp: now - 60 })],
    ['not yet', await token({ ...good, nbf: now + 600 })],
    ['without an end', await token(endless)],
    ['for another bus', await token({ ...good, aud: 'other' })],
    ['of another issuer', await token({ ...good, iss: 'https://evil' })],
    ['without an id', await token({ ...good, sub: 'constructor' })],
    ['of another key', await token(good, other.privateKey)],
    ['of an unknown key', await token(good, privateKey, 'k2')],
    ['unsigned', unsigned],
    ['signed with the public key as a secret', confused],
    ['no token', 'right'],
  ];
  for (const [what, password] of bad) {
    await expect(connect('org/unit/a', { username: 'any', password }), what).rejects.toMatchObject({
      code: 0x86,
    });
  }
  const mine = { username: 'any', password: await token(good) };
  await expect(connect('org/unit/b', mine)).rejects.toMatchObject({ code: 0x87 });
  expect(lines.join()).not.toContain(mine.password.slice(0, 30));
});

test('a client certificate over TLS, by TCP and WebSocket; without a good one nobody', async () => {
  const authority = issue({ commonName: 'authority', isAuthority: true });
  const stranger = issue({ commonName: 'stranger', isAuthority: true });
  const imitator = issue({ commonName: 'authority', isAuthority: true });
  const server = issue({ commonName: 'bus' }, authority);
  const path = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const tls = {
    cert: path('cert.pem', server.cert),
    key: path('key.pem', server.key),
    ca: path('ca.pem', authority.cert),
    requestCert: true,
  };
  const passwords = credentialsFile({ file: file({ 'org/unit/p': await entry('right') }), log });
  const { mqttUrl, wsUrl } = await start(firstOf([certificateIdentity(), passwords]), { tls });
  expect([mqttUrl, wsUrl].map((url) => new URL(url).protocol)).toEqual(['mqtts:', 'wss:']);
  const trust = { ca: authority.cert };
  const showing = ({ cert, key }: { cert: string; key: string }) => ({ ...trust, cert, key });

  const byUri = issue({ commonName: 'org/unit/no', uris: ['https://x', 'a2a://org/unit/a'] }, authority);
  const byName = issue({ commonName: 'org/unit/n' }, authority);
  const overWs = (certificate: { cert: string; key: string }) => ({ wsOptions: showing(certificate) });
  await connect('org/unit/a', showing(byUri));
  await connect('org/unit/n', showing(byName));
  await connect('org/unit/n', overWs(byName), wsUrl);
  await connect('org/unit/p', { ...trust, username: 'org/unit/p', password: 'right' });

  const over = issue({ commonName: 'org/unit/a', from: -10, to: -1 }, authority);
  const forged = issue({ commonName: 'org/unit/a' }, stranger);
  const own = issue({ commonName: 'org/unit/a' });
  for (const [what, options, code] of [
    ['none', trust, 0x86],
    ['over', showing(over), 0x86],
    ['of a stranger', showing(forged), 0x86],
    ['self-signed', showing(own), 0x86],
    ['of somebody else', showing(byName), 0x87],
    ['whose common name is not its URI', showing(byUri), 0x87],
  ] as const) {
    const id = what === 'whose common name is not its URI' ? 'org/unit/no' : 'org/unit/a';
    await expect(connect(id, options), what).rejects.toMatchObject({ code });
  }
  // A signature that is wrong breaks the connection before it is answered.
  const imitated = showing(issue({ commonName: 'org/unit/a' }, imitator));
  const client = mqtt.connect(mqttUrl, {
    clientId: 'org/unit/a',
    protocolVersion: 5,
    reconnectPeriod: 0,
    ...imitated,
  });
  open.push(client);
  const told: string[] = [];
  client.on('connect', () => told.push('connect')).on('error', () => undefined);
  await new Promise<void>((resolve) => client.once('close', () => resolve()));
  expect(told).toEqual([]);
});

test('TLS files that cannot be used are told', async () => {
  const identity = certificateIdentity();
  const tls = { cert: join(dir, 'none.pem'), key: join(dir, 'none.pem') };
  await expect(start(identity, { tls })).rejects.toMatchObject({ code: 'BUS_TLS_UNUSABLE' });
  writeFileSync(tls.cert, 'no certificate');
  await expect(start(identity, { tls })).rejects.toMatchObject({ code: 'BUS_TLS_UNUSABLE' });
});

test('the runtime is trusted inside the process; its ids cannot be taken with a good password', async () => {
  const path = file({ 'org/unit/agent': await entry('right') });
  const started = await start(credentialsFile({ file: path, log }));
  const agent = await joinBus(started, 'org/unit/agent', recorder());
  const given = { username: 'org/unit/agent', password: 'right' };
  await expect(connect('org/unit/agent', given)).rejects.toMatchObject({ code: 0x87 });
  await agent.close();
  await connect('org/unit/agent', given);
});

test('a provider that names somebody else, or fails, lets nobody in', async () => {
  const verdicts: Array<() => never> = [];
  const provider: IdentityProvider = {
    authenticates: true,
    identify: () => verdicts.shift()?.() ?? { role: 'dispatcher', key: 'org/unit/other' },
  };
  await start(provider);
  await expect(connect('org/unit/a')).rejects.toMatchObject({ code: 0x87 });
  verdicts.push(() => {
    throw new Error('out of order');
  });
  await expect(connect('org/unit/a')).rejects.toMatchObject({ code: 0x87 });
});

test('an address that is not loopback takes a provider that authenticates, and firstOf only of such', async () => {
  const both = firstOf([
    certificateIdentity(),
    { authenticates: false, identify: () => ({ role: 'guest' }) },
  ]);
  const wide = { env, host: '0.0.0.0', tcpPort: 0, wsPort: 0 };
  await expect(startBus({ ...wide, identity: both })).rejects.toMatchObject({ code: 'BUS_ADDRESS_OPEN' });
  await expect(startBus({ ...wide, identity: firstOf([]) })).rejects.toMatchObject({
    code: 'BUS_ADDRESS_OPEN',
  });
  bus = await startBus({ ...wide, identity: certificateIdentity() });
});
