import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { freshDataDir, runCli } from './run-cli.ts';

const HEADER =
  'Timestamp,Longitude,Latitude,Speed,Operatorname,CellID,NetworkMode,RSRP,RSRQ,SNR,CQI,RSSI,DL_bitrate,UL_bitrate,State,PINGAVG,PINGMIN,PINGMAX,PINGSTDEV,PINGLOSS,CELLHEX,NODEHEX,LACHEX,RAWCELLID,NRxRSRP,NRxRSRQ';
const ROW =
  '2019.12.16_14.23.32,-8.39,51.88,0,B,11,5G,-92,-19,-11.0,8,-85,100,66,D,-,-,-,-,-,B,A4DF,9CBA,10805003,-91.0,-18.0';

async function refused(args: string[], code: 1 | 2): Promise<string> {
  const run = await runCli(args);
  expect(run.code).toBe(code);
  const errors = run.stderr.split('\n').filter((line) => line !== '');
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^error\[[A-Z_]+\] /);
  expect(run.stderr + run.stdout).not.toMatch(/^\s+at /m); // no stack trace
  return errors[0] as string;
}

const once = (...more: string[]) => ['start', '--once', '--data', freshDataDir(), '--ask', 'Hello', ...more];

describe('bad input is one clear line, exit code 1 or 2, no stack trace', () => {
  test('unknown verb and flag', async () => {
    expect(await refused(['start', '--frobnicate'], 2)).toContain('--frobnicate');
    const unknown = await runCli(['fly']);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toContain('Unknown verb "fly"');
  });

  test('a trace that is not there', async () => {
    expect(await refused(once('--trace', '/nowhere/drive.csv'), 1)).toContain('/nowhere/drive.csv');
  });

  test('a malformed trace: which line, which column', async () => {
    const file = join(freshDataDir(), 'drive.csv');
    writeFileSync(file, [HEADER, ROW, ROW.replace('-92', 'loud')].join('\n'));
    const text = await refused(once('--trace', file), 1);
    expect(text).toContain('line 3');
    expect(text).toContain('RSRP');
  });

  test('a port in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
    const { port } = server.address() as { port: number };
    try {
      expect(await refused(once('--port', String(port)), 1)).toContain(String(port));
      expect(await refused(once('--mqtt-port', String(port)), 1)).toContain(String(port));
    } finally {
      server.close();
    }
  });

  test('a broken store is left as it is', async () => {
    const dir = freshDataDir();
    mkdirSync(dir, { recursive: true });
    writeFileSync(
      join(dir, 'netagent.db'),
      'this is no database, and it is long enough to be read as a page header',
    );
    expect(await refused(['start', '--once', '--data', dir, '--ask', 'Hello'], 1)).toContain('netagent.db');
  });

  test('a folder that is a file', async () => {
    const file = join(freshDataDir(), 'occupied');
    writeFileSync(file, '');
    expect(await refused(['start', '--once', '--data', file, '--ask', 'Hello'], 1)).toContain('occupied');
  });
});
