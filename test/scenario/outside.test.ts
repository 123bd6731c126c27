import { execFile, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { Role, type StreamResponse, TaskState } from '@a2a-js/sdk';
import { ClientFactory } from '@a2a-js/sdk/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Runtime, startRuntime } from '../../src/runtime/index.ts';
import type { Outcome } from '../../src/runtime/outcome.ts';
import { freshDataDir, NOW, ROOT, SENTENCE } from './run-cli.ts';

const run = promisify(execFile);
const has = (command: string) => spawnSync(command, ['--help']).error === undefined;
const AGENTS = [
  'netagent/core/central',
  'netagent/domains/computing',
  'netagent/domains/core',
  'netagent/domains/ran',
  'netagent/domains/transport',
  'netagent/embodied/vehicle',
  'netagent/users/proxy',
];

let runtime: Runtime;
let mqtt: URL;

beforeAll(async () => {
  runtime = await startRuntime({
    seed: 1,
    host: '127.0.0.1',
    ports: { http: 0, mqtt: 0, ws: 0 },
    dataDir: freshDataDir(),
    home: 'Hangzhou',
    timeZone: 'Asia/Shanghai',
    logLevel: 'error',
    now: Date.parse(NOW),
  });
  mqtt = new URL(runtime.ready.mqtt);
}, 60_000);
afterAll(() => runtime?.close());

const broker = () => ['-h', mqtt.hostname, '-p', mqtt.port, '-V', '5'];

describe('from outside, with programs that nobody here wrote', () => {
  test('mosquitto_sub lists every agent online', async (context) => {
    if (!has('mosquitto_sub')) return context.skip('mosquitto_sub is not installed');
    const { stdout } = await run('mosquitto_sub', [
      ...broker(),
      '-t',
      '$a2a/v1/discovery/+/+/+',
      '-F',
      '%t %P',
      '-C',
      '9',
      '-W',
      '20',
    ]);
    for (const agent of AGENTS) {
      expect(stdout).toMatch(new RegExp(`^\\$a2a/v1/discovery/${agent} .*a2a-status:online`, 'm'));
    }
  });

  test('mosquitto_rr gets an answer from the central agent', async (context) => {
    if (!has('mosquitto_rr')) return context.skip('mosquitto_rr is not installed');
    const taskId = '4b1a7a44-53a4-4b87-b6a1-0f2f0e9f6c11';
    const { stdout } = await run('mosquitto_rr', [
      ...broker(),
      '-i',
      'guest/tools/probe',
      '-t',
      '$a2a/v1/request/netagent/core/central',
      '-e',
      '$a2a/v1/reply/guest/tools/probe/r1',
      '-D',
      'publish',
      'correlation-data',
      'c1',
      '-q',
      '1',
      '-W',
      '20',
      '-m',
      JSON.stringify({
        jsonrpc: '2.0',
        id: '1',
        method: 'SendMessage',
        params: {
          message: {
            messageId: 'm1',
            taskId,
            role: 'ROLE_USER',
            parts: [{ text: 'I need a video conference tomorrow.' }],
          },
        },
      }),
    ]);
    const reply = JSON.parse(stdout);
    expect(reply).toMatchObject({
      jsonrpc: '2.0',
      id: '1',
      result: { task: { id: taskId, status: { state: 'TASK_STATE_INPUT_REQUIRED' } } },
    });
    expect(JSON.stringify(reply.result.task.status.message)).toMatch(/\?/);
  });

  test('an A2A client over HTTP gets updates, and the outcome as an artifact with data and text', {
    timeout: 120_000,
  }, async () => {
    const client = await new ClientFactory().createFromUrl(runtime.ready.console);
    const events: StreamResponse[] = [];
    for await (const event of client.sendMessageStream({
      tenant: '',
      message: {
        messageId: 'm2',
        contextId: '',
        taskId: '',
        role: Role.ROLE_USER,
        parts: [
          {
            content: { $case: 'text', value: SENTENCE },
            metadata: undefined,
            filename: '',
            mediaType: 'text/plain',
          },
        ],
        metadata: undefined,
        extensions: [],
        referenceTaskIds: [],
      },
      configuration: undefined,
      metadata: undefined,
    }))
      events.push(event);
    const kinds = events.map(({ payload }) => payload?.$case);
    expect(kinds[0]).toBe('task');
    expect(kinds.filter((kind) => kind === 'statusUpdate').length).toBeGreaterThan(5);
    const last = events.at(-1)?.payload;
    expect(last).toMatchObject({
      $case: 'statusUpdate',
      value: { status: { state: TaskState.TASK_STATE_COMPLETED } },
    });
    const artifacts = events.flatMap(({ payload }) =>
      payload?.$case === 'artifactUpdate' ? [payload.value.artifact] : [],
    );
    const parts = artifacts.at(-1)?.parts.map(({ content }) => content) ?? [];
    expect(parts.map((part) => part?.$case).sort()).toEqual(['data', 'text']);
    const outcome = parts.find((part) => part?.$case === 'data')?.value as Outcome;
    expect(outcome.quality?.assured.secondsMet).toBeGreaterThan(
      outcome.quality?.unassured.secondsMet as number,
    );
  });

  test('a request that is no network intent is rejected; a wrong one gets its JSON-RPC error', async () => {
    const post = async (body: unknown) => {
      const response = await fetch(runtime.ready.a2a, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'a2a-version': '1.0' },
        body: JSON.stringify(body),
      });
      return (await response.json()) as {
        result?: { task: { status: { state: string } } };
        error?: { code: number };
      };
    };
    const message = {
      messageId: 'm3',
      role: 'ROLE_USER',
      parts: [{ text: 'What is the weather in Paris?' }],
    };
    const refused = await post({ jsonrpc: '2.0', id: 1, method: 'SendMessage', params: { message } });
    expect(refused.result?.task.status.state).toBe('TASK_STATE_REJECTED');
    const unknown = await post({ jsonrpc: '2.0', id: 2, method: 'GetTask', params: { id: 'nothing' } });
    expect(unknown.error?.code).toBe(-32001);
  });

  test('the official MCP inspector lists and calls a tool', { timeout: 60_000 }, async () => {
    const inspector = resolve(ROOT, 'node_modules/.bin/mcp-inspector');
    const server = runtime.ready.netmcp.servers[0] as string;
    const inspect = async (...args: string[]) => {
      const { stdout } = await run(process.execPath, [
        inspector,
        '--cli',
        server,
        '--transport',
        'http',
        ...args,
      ]);
      return JSON.parse(stdout);
    };
    const { tools } = await inspect('--method', 'tools/list');
    expect(tools.map(({ name }: { name: string }) => name)).toContain('ran_read_ue_radio');
    const result = await inspect(
      '--method',
      'tools/call',
      '--tool-name',
      'ran_read_ue_radio',
      '--tool-arg',
      'supi=imsi-001010000000001',
    );
    expect(result.structuredContent.radio).toMatchObject({ supi: 'imsi-001010000000001' });
    expect(result._meta['org.gtigroup/netmcp'].chain[0]).toMatchObject({
      nf: expect.any(String),
      status: 200,
    });
  });

  test('health, foreign origins and unknown paths', async () => {
    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(`${runtime.ready.console}${path}`, { headers });
    for (const path of ['/startup', '/healthz', '/readyz']) expect((await get(path)).status).toBe(200);
    expect((await get('/readyz', { origin: 'http://evil.example' })).status).toBe(403);
    expect((await get('/nothing')).status).toBe(404);
  });
});
