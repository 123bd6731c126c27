import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bus } from '../../broker/index.ts';
import { newBus } from './support.ts';

export interface TestBroker {
  /** How a member joins. */
  via: Bus | string;
  url: string;
  /** How a dispatcher joins: on the embedded broker in process, for that is what gives it its rights. */
  inside: Bus | string;
  close(): Promise<void>;
}

const has = (tool: string) => spawnSync(tool, ['--help']).error === undefined;

/** Brokers and kinds of connection that the binding is tested on; each with the reason why it is skipped. */
export const BROKERS: Array<{ kind: string; missing: string | false; start(): Promise<TestBroker> }> = [
  { kind: 'the embedded broker, in process', missing: false, start: () => embedded(false) },
  { kind: 'the embedded broker, over TCP', missing: false, start: () => embedded(true) },
  { kind: 'Mosquitto', missing: has('mosquitto') ? false : 'Mosquitto is not installed', start: mosquitto },
];

async function embedded(byTcp: boolean): Promise<TestBroker> {
  const bus = await newBus();
  return { via: byTcp ? bus.mqttUrl : bus, url: bus.mqttUrl, inside: bus, close: () => bus.close() };
}

/** Starts Mosquitto on a free port; resolves when it takes connections. */
export async function mosquitto(): Promise<TestBroker> {
  const folder = mkdtempSync(join(tmpdir(), 'mosquitto-'));
  const port = await freePort();
  const config = join(folder, 'mosquitto.conf');
  writeFileSync(
    config,
    `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nset_tcp_nodelay true\n`,
  );
  const broker = spawn('mosquitto', ['-c', config], { stdio: 'ignore' });
  const gone = new Promise((resolve) => broker.once('exit', resolve));
  while (!(await reachable(port))) {
    if (broker.exitCode !== null) throw new Error('Mosquitto did not start');
  }
  const url = `mqtt://127.0.0.1:${port}`;
  return {
    via: url,
    url,
    inside: url,
    close: async () => {
      broker.kill();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function reachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => setTimeout(resolve, 5, false));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
