import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { Gate, type Resolve, STRICT_POLICY } from '../../../src/workflow/calls/policy.ts';
import { callContext, faultOf, json, serve, settableEnv, type TestServer } from './kit.ts';

let server: TestServer;
beforeAll(async () => {
  server = await serve((_, response) => json(response, { reached: true }));
});
afterAll(() => server.close());

const verdict = async (allow: string[], host: string, port = 80, more: object = {}) => {
  const gate = new Gate({ allow, ...more }, async () => [{ address: '10.0.0.5', family: 4 }]);
  return gate.addresses(host, port).then(
    () => 'allowed',
    () => 'refused',
  );
};

describe('the list of hosts', () => {
  test('is empty by default, which leaves the public internet', async () => {
    for (const host of [
      '127.0.0.1',
      'localhost',
      '10.1.2.3',
      '169.254.169.254',
      '100.64.0.1',
      '[::1]',
      '[fe80::1]',
      '[::ffff:127.0.0.1]',
      '0.0.0.0',
      'inside.example',
    ]) {
      expect([host, await verdict([], host)]).toEqual([host, 'refused']);
    }
    expect(await verdict([], '93.184.215.14')).toBe('allowed');
    expect(await verdict([], '[2606:2800:21f:cb07:6820:80da:af6b:8b2c]')).toBe('allowed');
    expect(await verdict([], '93.184.215.14', 80, { public: false })).toBe('refused');
    expect(await verdict(['93.184.215.14'], '93.184.215.14', 80, { public: false })).toBe('allowed');
  });

  test('names hosts, ports, suffixes, addresses and blocks', async () => {
    expect(await verdict(['inside.example'], 'INSIDE.example.')).toBe('allowed');
    expect(await verdict(['inside.example:8080'], 'inside.example', 8080)).toBe('allowed');
    expect(await verdict(['inside.example:8080'], 'inside.example', 8081)).toBe('refused');
    expect(await verdict(['*.example'], 'a.b.example')).toBe('allowed');
    expect(await verdict(['*.example'], 'example')).toBe('refused');
    expect(await verdict(['10.0.0.0/8'], 'inside.example')).toBe('allowed');
    expect(await verdict(['10.0.0.0/8:443'], 'inside.example', 443)).toBe('allowed');
    expect(await verdict(['10.0.0.0/8:443'], 'inside.example', 80)).toBe('refused');
    expect(await verdict(['10.0.1.0/24'], 'inside.example')).toBe('refused');
    expect(await verdict(['[::1]:80'], '[::1]', 80)).toBe('allowed');
    expect(await verdict(['::1'], '[::1]', 80)).toBe('allowed');
    expect(await verdict(['fc00::/7'], '[fd00::1]', 80)).toBe('allowed');
    expect(await verdict(['127.0.0.1'], 'localhost')).toBe('refused');
    expect(await verdict(['*'], '127.0.0.1')).toBe('allowed');
  });

  test('that cannot be read is refused at once', async () => {
    for (const rule of ['', 'a b', '10.0.0.0/33', 'http://x', '*x']) {
      expect(() => new Gate({ allow: [rule] })).toThrow('cannot read');
    }
  });
});

test('no private address gets through in any notation', () => {
  const gate = new Gate(STRICT_POLICY);
  const byte = fc.nat(255);
  const addresses = fc.oneof(
    fc.tuple(fc.constant(10), byte, byte, byte),
    fc.tuple(fc.constant(127), byte, byte, byte),
    fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), byte, byte),
    fc.tuple(fc.constant(192), fc.constant(168), byte, byte),
    fc.tuple(fc.constant(169), fc.constant(254), byte, byte),
  );
  const written = fc.constantFrom<(bytes: number[]) => string>(
    (bytes) => bytes.join('.'),
    (bytes) => bytes.map((one) => `0x${one.toString(16)}`).join('.'),
    (bytes) => bytes.map((one) => `0${one.toString(8)}`).join('.'),
    (bytes) => String(bytes.reduce((all, one) => all * 256 + one, 0)),
    ([a, b, c, d]) => `${a}.${b}.${(c as number) * 256 + (d as number)}`,
    (bytes) => `[::ffff:${bytes.join('.')}]`,
    (bytes) => `[64:ff9b::${bytes.join('.')}]`,
    (bytes) => `${bytes.join('.')}.`,
  );
  fc.assert(
    fc.property(addresses, written, (bytes, write) => {
      const url = new URL(`http://${write(bytes)}/`);
      expect(() => gate.check(url.hostname, 80)).toThrow('does not allow');
    }),
  );
});

describe('a name', () => {
  const context = () => callContext();
  const callTo = (resolve: Resolve, allow: string[] = []) =>
    createCalls({ env: settableEnv(), policy: { allow }, resolve }).http(
      { method: 'get', endpoint: `http://service.example:${server.port}/` },
      context(),
    );

  test('that stands for a private address is not called', async () => {
    const before = server.seen.length;
    expect(await faultOf(callTo(async () => [{ address: '127.0.0.1', family: 4 }]))).toMatchObject({
      kind: 'authorization',
      status: 403,
      detail: `To allow them, add "service.example:${server.port}" to the hosts of the call policy.`,
    });
    expect(server.seen.length).toBe(before);
  });

  test('is resolved once: the address that was judged is the one that is called', async () => {
    let asked = 0;
    const rebinding: Resolve = async () => {
      asked += 1;
      return [{ address: asked === 1 ? '127.0.0.1' : '10.255.255.1', family: 4 }];
    };
    expect(await callTo(rebinding, [`service.example:${server.port}`])).toEqual({ reached: true });
    expect(asked).toBe(1);
  });

  test('is called at the addresses that are allowed, whatever else it stands for', async () => {
    const mixed: Resolve = async () => [
      { address: '10.255.255.1', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    expect(await callTo(mixed, ['127.0.0.0/8'])).toEqual({ reached: true });
  });

  test('that nobody knows is an error of communication', async () => {
    const unknown: Resolve = async () => {
      throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
    };
    expect(await faultOf(callTo(unknown))).toMatchObject({ kind: 'communication', status: 503 });
  });
});

describe('files and programs', () => {
  let folder: string;
  let outside: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'calls-allowed-'));
    outside = await mkdtemp(join(tmpdir(), 'calls-outside-'));
    await writeFile(join(folder, 'a.json'), '{}');
    await writeFile(join(outside, 'secret.json'), '{}');
    await symlink(join(outside, 'secret.json'), join(folder, 'link.json'));
  });
  afterAll(() => Promise.all([folder, outside].map((path) => rm(path, { recursive: true }))));

  test('are read below the allowed folders only, links included', async () => {
    const { resources } = createCalls({ env: settableEnv(), policy: { allow: [], folders: [folder] } });
    const read = (path: string) => resources.read({ endpoint: pathToFileURL(path).href }, callContext());
    expect((await read(join(folder, 'a.json'))).text).toBe('{}');
    expect(await faultOf(read(join(outside, 'secret.json')))).toMatchObject({ kind: 'authorization' });
    expect(await faultOf(read(join(folder, 'link.json')))).toMatchObject({ kind: 'authorization' });
    expect(await faultOf(read(join(folder, '..', 'x')))).toMatchObject({ kind: 'authorization' });
    expect(await faultOf(read(join(folder, 'none.json')))).toMatchObject({
      kind: 'communication',
      status: 404,
    });
    expect(await faultOf(read(folder))).toMatchObject({ kind: 'authorization' });
  });

  test('are started only by the name that is listed', () => {
    const gate = new Gate({ allow: [], commands: ['tool'] });
    gate.command('tool');
    expect(() => gate.command('/bin/sh')).toThrow('does not allow the program /bin/sh');
    expect(() => new Gate(STRICT_POLICY).command('tool')).toThrow();
    gate.command('tool', { AREA: 'north' });
    for (const name of ['LD_PRELOAD', 'PATH', 'Path', 'NODE_OPTIONS', 'DYLD_INSERT_LIBRARIES']) {
      expect(() => gate.command('tool', { [name]: 'x' })).toThrow('another program');
    }
  });
});

test('what the engine reads by itself is judged alike and has no secrets', async () => {
  const { readDescription } = createCalls({ env: settableEnv(), policy: { allow: ['127.0.0.1'] } });
  const { signal } = new AbortController();
  expect(await readDescription({ endpoint: `${server.url}/schema` }, signal)).toEqual({ reached: true });
  const secretly = { endpoint: { uri: server.url, authentication: { basic: { use: 'login' } } } };
  expect(await faultOf(readDescription(secretly, signal))).toMatchObject({ kind: 'authorization' });
  expect(await faultOf(readDescription({ endpoint: 'http://10.0.0.1/' }, signal))).toMatchObject({
    status: 403,
  });
});

test('a resource is fetched once a minute, and anew with credentials', async () => {
  const env = settableEnv();
  const { resources } = createCalls({ env, policy: { allow: ['*'] } });
  const at = (endpoint: unknown) => resources.read({ endpoint }, callContext());
  const before = server.seen.length;
  await at(`${server.url}/doc`);
  await at(`${server.url}/doc`);
  expect(server.seen.length - before).toBe(1);
  env.set(env.clock.now() + 61_000);
  await at(`${server.url}/doc`);
  expect(server.seen.length - before).toBe(2);
  const authentication = { basic: { username: 'a', password: 'b' } };
  await at({ uri: `${server.url}/doc`, authentication });
  await at({ uri: `${server.url}/doc`, authentication });
  expect(server.seen.length - before).toBe(4);
});
