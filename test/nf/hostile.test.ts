import { connect } from 'node:http2';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { mergePatch } from '../../src/network/nf/app-session.ts';
import { createSbiServer } from '../../src/sbi/index.ts';
import { network, SUPI } from './network.ts';
import { closing, testEnv } from './support.ts';

interface Raw {
  status: unknown;
  headers: Record<string, unknown>;
  body: unknown;
}

/** Sends a request as it is, past the client and what it would not send. */
async function raw(
  base: string,
  method: string,
  path: string,
  text?: string,
  type = 'application/json',
): Promise<Raw> {
  const session = connect(base);
  try {
    return await new Promise((resolve, reject) => {
      session.on('error', reject);
      const stream = session.request(
        { ':method': method, ':path': path, ...(text !== undefined && { 'content-type': type }) },
        { endStream: text === undefined },
      );
      let got = '';
      let headers: Record<string, unknown> = {};
      stream.setEncoding('utf8');
      stream.on('response', (answer) => {
        headers = { ...answer };
      });
      stream.on('data', (chunk: string) => {
        got += chunk;
      });
      stream.on('error', reject);
      stream.on('end', () =>
        resolve({ status: headers[':status'], headers, body: got === '' ? null : JSON.parse(got) }),
      );
      if (text !== undefined) stream.end(text);
    });
  } finally {
    session.destroy();
  }
}
const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);

test('a body may nest 64 levels and no more', async () => {
  const env = testEnv();
  const server = closing(await createSbiServer({ nf: 'PCF', host: '127.0.0.1', log: env.log }));
  server.route('POST', '/echo', { body: z.unknown() }, ({ body }) => ({ status: 200, body }));
  const echo = (text: string) => raw(server.url, 'POST', '/echo', text);
  expect(await echo(nested(64))).toMatchObject({ status: 200, body: JSON.parse(nested(64)) });
  expect(await echo(nested(65))).toMatchObject({ status: 400, body: { cause: 'INVALID_MSG_FORMAT' } });
  expect(await echo(`{"a":${nested(64)}}`)).toMatchObject({ status: 400 });
  expect(await echo(nested(200_000))).toMatchObject({ status: 400 });
  expect(env.errors).toEqual([]);
});

test('an answer that cannot be written is a 500, and the server goes on', async () => {
  const env = testEnv();
  const server = closing(await createSbiServer({ nf: 'PCF', host: '127.0.0.1', log: env.log }));
  const ring: { self?: unknown } = {};
  ring.self = ring;
  server.route('GET', '/ring', {}, () => ({ status: 200, body: ring }));
  server.route('GET', '/big', {}, () => ({ status: 200, body: { count: 1n } }));
  server.route('GET', '/fine', {}, () => ({ status: 200, body: 1 }));
  for (const path of ['/ring', '/big']) {
    expect(await raw(server.url, 'GET', path)).toMatchObject({
      status: 500,
      body: { cause: 'SYSTEM_FAILURE' },
    });
  }
  expect(env.errors).toHaveLength(2);
  expect(await raw(server.url, 'GET', '/fine')).toMatchObject({ status: 200, body: 1 });
});

test('deep profiles and session requests are refused by the functions themselves', async () => {
  const { env, net } = await network();
  const id = '7d3f0c52-9a0e-4f51-8f0c-0c9f5d6f0001';
  const profile = `{"nfInstanceId":"${id}","nfType":"AF","nfStatus":"REGISTERED","x":${nested(5000)}}`;
  expect(await raw(net.nrf, 'PUT', `/nnrf-nfm/v1/nf-instances/${id}`, profile)).toMatchObject({
    status: 400,
  });
  const session = `{"ascReqData":{"suppFeat":"0","notifUri":"http://127.0.0.1/","supi":"${SUPI}","x":${nested(50_000)}}}`;
  const at = '/npcf-policyauthorization/v1/app-sessions';
  expect(await raw(net.nfs.PCF ?? '', 'POST', at, session)).toMatchObject({ status: 400 });
  expect(env.errors).toEqual([]);
});

test('a path that begins with two slashes names no host', async () => {
  const { env, net } = await network();
  for (const path of ['//', '//x', '///', '//x:y/', '//elsewhere/nnrf-nfm/v1/nf-instances']) {
    expect((await raw(net.nrf, 'GET', path)).status, path).toBe(404);
  }
  expect(env.errors).toEqual([]);
});

test('the id of a policy comes back encoded, whatever its characters', async () => {
  const { env, net } = await network();
  const body = JSON.stringify({ scope: { ueId: SUPI }, statement: { priorityLevel: 5 } });
  for (const id of ['a%0D%0Ax-evil:%201', '%E6%B5%81-%F0%9F%8C%8A', 'a%2Fb']) {
    const at = `/A1-P/v2/policytypes/priority/policies/${id}`;
    const made = await raw(net.nfs.GNB ?? '', 'PUT', at, body);
    const location = String(made.headers.location);
    expect(made.status, id).toBe(201);
    expect(made.headers).not.toHaveProperty('x-evil');
    expect(decodeURIComponent(location)).toBe(`${net.nfs.GNB}${decodeURIComponent(at)}`);
    expect((await raw(net.nfs.GNB ?? '', 'GET', new URL(location).pathname)).status).toBe(200);
  }
  expect(env.errors).toEqual([]);
});

test('names that every object has refer to nothing', async () => {
  const { env, net } = await network();
  for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
    const body = JSON.stringify({
      resourceUri: 'x',
      smPolicyDecision: { pccRules: { r: { pccRuleId: 'r', refQosData: [name] } }, qosDecs: {} },
    });
    expect(
      await raw(net.nfs.SMF ?? '', 'POST', '/nsmf-callback/v1/sm-policies/pdu-1/update', body),
    ).toMatchObject({ status: 400, body: { cause: 'MANDATORY_IE_MISSING' } });
    expect(await raw(net.nfs.GNB ?? '', 'GET', `/A1-P/v2/policytypes/${name}/policies`)).toMatchObject({
      status: 404,
    });
    expect((await raw(net.nrf, 'GET', `/nnrf-nfm/v1/nf-instances/${name}`)).status).toBe(404);
  }
  expect(env.errors).toEqual([]);
});

test('a patch writes members of any name into the result alone', () => {
  const patch: unknown = JSON.parse('{"__proto__":{"polluted":1},"constructor":{"a":1}}');
  const merged = mergePatch({ x: 1 }, patch) as Record<string, unknown>;
  expect(Object.keys(merged)).toEqual(['x', '__proto__', 'constructor']);
  expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  expect(merged.polluted).toBeUndefined();
  expect(merged.constructor).toEqual({ a: 1 });
});
