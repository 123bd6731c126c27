import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BusMember } from '../../../broker/index.ts';
import { a2aPort } from '../../../src/runtime/workflows/a2a-port.ts';
import { paramsOf, uuidOf } from '../../../src/workflow/calls/a2a-params.ts';
import { createCalls } from '../../../src/workflow/calls/index.ts';
import { join, type Recorder, recorder } from '../../bus/support.ts';
import { CENTRAL, type Stage, stage } from '../../gateway/support.ts';
import { callContext, faultOf, json, PATIENCE, serve, settableEnv, type TestServer } from './kit.ts';

let at: Stage;
let work: Recorder;
let member: BusMember;
let other: TestServer;
beforeAll(async () => {
  work = recorder();
  at = await stage(work);
  member = await join(at.bus, 'netagent/test/flow');
  other = await serve(({ url }, response) => {
    if (url === '/huge') {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = () => {
        if (response.destroyed) return;
        if (response.write(Buffer.alloc(1 << 20, ' '))) setImmediate(more);
        else response.once('drain', more);
      };
      return more();
    }
    if (url !== '/card.json') return json(response, {}, 404);
    // A card that sends its callers to where they must not go.
    return json(response, {
      name: 'lure',
      supportedInterfaces: [
        { url: 'http://169.254.169.254/', protocolBinding: 'JSONRPC', protocolVersion: '1.0' },
      ],
      capabilities: {},
    });
  });
});
afterAll(async () => {
  await member.close();
  await at.close();
  await other.close();
});

const call = (args: Record<string, unknown>, context = callContext()) =>
  createCalls({
    env: settableEnv(),
    policy: { allow: ['127.0.0.1'] },
    a2a: a2aPort({ bus: { host: new URL(at.bus.mqttUrl).host, client: (id) => member.client(id) } }),
  }).a2a(args, context);
const card = () => ({ agentCard: { endpoint: `${at.gateway.url}/.well-known/agent-card.json` } });
const say = (text: string) => ({ parameters: { message: { parts: [{ kind: 'text', text }] } } });
const completed = (text: string) => ({
  task: {
    id: expect.any(String),
    status: { state: 'TASK_STATE_COMPLETED' },
    artifacts: [{ artifactId: 'answer', parts: [{ text, mediaType: 'text/plain' }] }],
  },
});

describe('an agent', () => {
  test('is found by its card', async () => {
    const done = await call({ method: 'message/send', ...card(), ...say('hello') });
    expect(done).toMatchObject(completed('HELLO'));
    const { id } = (done as { task: { id: string } }).task;
    expect(await call({ method: 'tasks/get', ...card(), parameters: { id } })).toMatchObject({
      id,
      status: { state: 'TASK_STATE_COMPLETED' },
      history: [{ role: 'ROLE_USER', messageId: uuidOf('instance-1/do/0/call/1') }],
    });
  });

  test('is found on the bus by its id, and by the address of the bus', async () => {
    for (const server of [CENTRAL, `${at.bus.mqttUrl}/${CENTRAL}`]) {
      const context = callContext({ idempotencyKey: server });
      expect(await call({ method: 'message/send', server, ...say('bus') }, context)).toMatchObject(
        completed('BUS'),
      );
    }
    expect(work.seen.at(-1)).toEqual({ text: 'bus', user: 'netagent/test/flow' });
    expect(
      await faultOf(call({ method: 'message/send', server: `mqtt://elsewhere/${CENTRAL}`, ...say('x') })),
    ).toMatchObject({ kind: 'configuration' });
    expect(await faultOf(call({ method: 'message/send', server: 'mqtt://x/y', ...say('x') }))).toMatchObject({
      kind: 'configuration',
    });
  });

  test('streams: an array of all results, each told as it comes', async () => {
    const told: unknown[] = [];
    const context = callContext({ idempotencyKey: 'stream', progress: (_, data) => told.push(data) });
    const results = (await call(
      { method: 'message/stream', ...card(), ...say('more') },
      context,
    )) as object[];
    expect(results.map((one) => Object.keys(one)[0])).toEqual([
      'task',
      'statusUpdate',
      'artifactUpdate',
      'statusUpdate',
    ]);
    expect(told).toEqual(results);
  });

  test('that answers an error is an error of run time; a way that fails is one of communication', async () => {
    expect(await faultOf(call({ method: 'tasks/get', ...card(), parameters: { id: 'none' } }))).toMatchObject(
      {
        kind: 'runtime',
        status: 500,
        title: 'central refuses tasks/get',
      },
    );
    const context = () => callContext({ idempotencyKey: 'lost' });
    const lost = { method: 'message/send', ...say('x') };
    expect(await faultOf(call({ ...lost, server: other.url }, context()))).toMatchObject({
      kind: 'communication',
    });
    expect(await faultOf(call({ ...lost, server: 'http://10.0.0.1/' }, context()))).toMatchObject({
      kind: 'authorization',
      status: 403,
    });
    expect(
      await faultOf(call({ ...lost, agentCard: { endpoint: `${other.url}/card.json` } }, context())),
    ).toMatchObject({ kind: 'authorization', detail: expect.stringContaining('169.254.169.254') });
  });

  test('whose answer has no end is cut off', async () => {
    const context = callContext({ idempotencyKey: 'huge' });
    const huge = call({ method: 'message/send', server: `${other.url}/huge`, ...say('x') }, context);
    expect(await faultOf(huge)).toMatchObject({
      kind: 'communication',
      title: expect.stringContaining('larger than'),
    });
  });

  test('is left when the task is', async () => {
    const controller = new AbortController();
    const before = work.seen.length;
    const left = call(
      { method: 'message/send', ...card(), ...say('wait') },
      callContext({ signal: controller.signal, idempotencyKey: 'wait' }),
    );
    left.catch(() => {});
    await expect.poll(() => work.seen.length, PATIENCE).toBe(before + 1);
    controller.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    work.release();
  });
});

describe('parameters', () => {
  test('of version 0.3 become those of 1.0, and those of 1.0 stay', () => {
    expect(
      paramsOf(
        'SendMessage',
        {
          message: {
            kind: 'message',
            role: 'agent',
            messageId: 'm',
            taskId: 't',
            parts: [
              { kind: 'text', text: 'a' },
              { kind: 'data', data: { b: 1 } },
              { kind: 'file', file: { uri: 'http://x', mimeType: 'a/b', name: 'f' } },
              { kind: 'file', file: { bytes: 'AA==' } },
            ],
          },
          configuration: {
            blocking: false,
            pushNotificationConfig: {
              url: 'http://y',
              authentication: { schemes: ['Bearer'], credentials: 'c' },
            },
          },
        },
        'key',
      ),
    ).toEqual({
      message: {
        role: 'ROLE_AGENT',
        messageId: 'm',
        taskId: 't',
        parts: [
          { text: 'a' },
          { data: { b: 1 } },
          { url: 'http://x', mediaType: 'a/b', filename: 'f' },
          { raw: 'AA==' },
        ],
      },
      configuration: {
        returnImmediately: true,
        taskPushNotificationConfig: {
          url: 'http://y',
          authentication: { scheme: 'Bearer', credentials: 'c' },
        },
      },
    });
    const own = { message: { role: 'ROLE_USER', messageId: 'm', parts: [{ text: 'a' }] } };
    expect(paramsOf('SendMessage', own, 'key')).toEqual(own);
    expect(paramsOf('ListTasks', { status: 'input-required' }, 'key')).toEqual({
      status: 'TASK_STATE_INPUT_REQUIRED',
    });
    expect(
      paramsOf('CreateTaskPushNotificationConfig', { taskId: 't', pushNotificationConfig: { url: 'u' } }, ''),
    ).toEqual({ taskId: 't', url: 'u' });
    expect(paramsOf('GetTaskPushNotificationConfig', { id: 't', pushNotificationConfigId: 'p' }, '')).toEqual(
      { taskId: 't', id: 'p' },
    );
    expect(paramsOf('ListTaskPushNotificationConfigs', { id: 't' }, '')).toEqual({ taskId: 't' });
  });

  test('the id of a message is the same for every start of a step', () => {
    expect(uuidOf('a')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidOf('a')).toBe(uuidOf('a'));
    expect(uuidOf('a')).not.toBe(uuidOf('b'));
  });
});
