import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import mqtt from 'mqtt';
import { expect, test } from 'vitest';
import { startRuntime } from '../../src/runtime/index.ts';
import { BROKERS } from '../bus/brokers.ts';
import { freshDataDir, lines, NOW, runCli } from './run-cli.ts';

const other = BROKERS.find(({ kind }) => kind === 'Mosquitto')!;
const start = (...more: string[]) =>
  runCli([
    'start',
    ...['--once', '--json', '--now', NOW, '--timezone', 'Asia/Shanghai', '--data', freshDataDir()],
    ...['--ask', 'I need a video conference'],
    ...more,
  ]);

test('the runtime runs on another broker by its URL', async ({ skip }) => {
  if (other.missing) return skip(other.missing);
  const broker = await other.start();
  try {
    const [ready, ...rest] = lines(await start('--broker', broker.url));
    expect(ready).toMatchObject({ ready: true, mqtt: broker.url });
    expect(rest.at(-1)).toMatchObject({ type: 'result', state: 'input-required' });
  } finally {
    await broker.close();
  }
});

test('a broker that is not there, and a URL that is none, are one clear line', async () => {
  const gone = await start('--broker', 'mqtt://127.0.0.1:1');
  expect(gone.code).toBe(1);
  expect(gone.stderr).toMatch(/^error\[BUS_UNREACHABLE\] .*mqtt:\/\/127.0.0.1:1/);
  const wrong = await start('--broker', 'localhost');
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('--broker "localhost"');
});

test('with credentials only who has one joins; a key is made on the command line', async () => {
  const made = lines(await runCli(['credential', 'acme/drones/uav1', '--json']))[0] as Record<string, string>;
  const data = freshDataDir();
  const file = join(data, 'credentials.yaml');
  writeFileSync(file, `${made.id}: { role: ${made.role}, hash: '${made.hash}' }\n`);
  const runtime = await startRuntime({
    seed: 1,
    host: '127.0.0.1',
    ports: { http: 0, mqtt: 0, ws: 0 },
    dataDir: data,
    home: 'Hangzhou',
    timeZone: 'Asia/Shanghai',
    logLevel: 'silent',
    now: Date.parse(NOW),
    access: { credentials: file },
  });
  const connect = async (clientId: string, password?: string) => {
    const options = {
      clientId,
      protocolVersion: 5 as const,
      reconnectPeriod: 0,
      username: made.id as string,
    };
    const all = password === undefined ? options : { ...options, password };
    const client = await mqtt.connectAsync(runtime.ready.mqtt, all, false);
    await client.endAsync();
  };
  try {
    await connect('acme/drones/uav1', made.password);
    await expect(connect('acme/drones/uav1')).rejects.toMatchObject({ code: 0x86 });
    await expect(connect('acme/drones/uav1', 'guess')).rejects.toMatchObject({ code: 0x86 });
    await expect(connect('netagent/core/central', made.password)).rejects.toMatchObject({ code: 0x87 });
  } finally {
    await runtime.close();
  }
}, 60_000);

test('the bus opens to other machines with authentication only', async () => {
  const open = await start('--mqtt-host', '0.0.0.0');
  expect(open.code).toBe(1);
  expect(open.stderr).toMatch(/^error\[BUS_ADDRESS_OPEN\]/);
  expect((await start('--tls-cert', 'x.pem')).code).toBe(2);
});
