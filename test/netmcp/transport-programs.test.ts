import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch as undiciFetch } from 'undici';
import { describe, expect, test } from 'vitest';
import { connectPlain } from '../../src/netmcp/index.ts';
import { testEnv } from './support/env.ts';
import { atEnd, serve, tls } from './support/listening.ts';

const run = promisify(execFile);
const curl = await run('curl', ['--version']).then(
  ({ stdout }) => stdout,
  () => '',
);

describe('with programs of others', () => {
  const child = 'test/netmcp/support/stdio-server.ts';
  const inspect = async (target: string[], ...args: string[]) => {
    const { stdout } = await run(
      process.execPath,
      ['node_modules/.bin/mcp-inspector', '--cli', ...target, ...args],
      {
        timeout: 25_000,
      },
    );
    return JSON.parse(stdout) as Record<string, unknown>;
  };

  test('a tool server is a child program, for our client and the official inspector', async () => {
    const env = testEnv();
    const target = { command: process.execPath, args: [child] };
    const client = await connectPlain({ env, target });
    atEnd(client.close);
    expect(client.state()).toMatchObject({ transport: 'stdio' });
    expect(await client.callTool('test_read', {})).toMatchObject({ output: { value: 42 } });
    const list = await inspect([process.execPath, child], '--method', 'tools/list');
    const names = (list.tools as Array<{ name: string }>).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['test_create', 'test_read']));
  });

  test('a client of the SDK over HTTPS, by HTTP/1.1 and HTTP/2', async () => {
    const { host } = await serve({ tls });
    for (const allowH2 of [false, true]) {
      const dispatcher = new Agent({ allowH2, connect: { ca: tls.cert } });
      const sdk = new Client({ name: 'sdk', version: '1' });
      const transport = new StreamableHTTPClientTransport(new URL(host.url), {
        fetch: async (url, init) =>
          (await undiciFetch(url, { ...init, dispatcher } as never)) as unknown as Response,
      });
      await sdk.connect(transport);
      expect((await sdk.listTools()).tools).toHaveLength(2);
      expect(await sdk.callTool({ name: 'hello', arguments: {} })).toMatchObject({
        content: [{ text: 'hello' }],
      });
      await sdk.close();
      await dispatcher.destroy();
    }
  });

  test.runIf(curl.includes('HTTP2')).each([
    { h2: true, version: '2' },
    { h2: false, version: '1.1' },
  ])('curl --http2 gets HTTP/$version', async ({ h2, version }) => {
    const { host } = await serve({ tls, h2 });
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'curl', version: '1' } },
    });
    const { stdout } = await run('curl', [
      '--silent',
      '--insecure',
      '--http2',
      host.url,
      '--data',
      body,
      '--header',
      'content-type: application/json',
      '--header',
      'accept: application/json, text/event-stream',
      '--write-out',
      '\n%{http_version} %{http_code}',
    ]);
    const [answer, status] = stdout.split('\n');
    expect(status).toBe(`${version} 200`);
    expect(JSON.parse(answer ?? '')).toMatchObject({ id: 1, result: { serverInfo: { name: 'side' } } });
  });
});
