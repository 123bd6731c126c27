import { startBus } from '../../broker/index.ts';
import { openBusSessions } from '../../src/durable/bus-sessions.ts';
import { env } from './support.ts';

/** A bus in a process of its own, to be killed: prints its URL, keeps its sessions in the folder given. */
const [dir = '', rejoinMs = '10000'] = process.argv.slice(2);
const sessions = openBusSessions({ dir });
const bus = await startBus({
  env,
  host: '127.0.0.1',
  tcpPort: 0,
  wsPort: 0,
  sessions,
  rejoinMs: Number(rejoinMs),
});
process.stdout.write(`${bus.mqttUrl}\n`);
