import { startBus } from '../../../broker/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';

/** The embedded broker in a process of its own; prints its address. */
const bus = await startBus({
  env: createEnv({ level: 'error' }),
  host: '127.0.0.1',
  tcpPort: 0,
  wsPort: 0,
  maxConnections: 20_000,
});
process.stdout.write(`${bus.mqttUrl}\n`);
process.on('SIGTERM', () => void bus.close().then(() => process.exit(0)));
