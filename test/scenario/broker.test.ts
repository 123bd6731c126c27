import { expect, test } from 'vitest';
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
