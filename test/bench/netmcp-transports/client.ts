import { join } from 'node:path';
import { connectPlain } from '../../../src/netmcp/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';

/** What the parent wants measured; answered with times in ms. */
export interface Order {
  /** An endpoint; null: the server as a child program. */
  endpoint: string | null;
  ca: string;
  /** Connects so often anew, each time up to the first result. */
  handshakes: number;
  inFlight: number;
  ms: number;
}
export interface Measured {
  transport: string | null;
  handshakes: number[];
  times: number[];
  seconds: number;
  failed: number;
}

const env = createEnv({ level: 'error' });
const text = 'x'.repeat(200);

async function measure(order: Order): Promise<Measured> {
  const target =
    order.endpoint === null
      ? { command: process.execPath, args: [join(import.meta.dirname, 'child.ts')] }
      : { url: order.endpoint, tls: { ca: order.ca, servername: 'localhost' } };
  const handshakes: number[] = [];
  for (let i = 0; i < order.handshakes; i += 1) {
    const began = performance.now();
    const client = await connectPlain({ env, target });
    await client.callTool('echo', { text });
    handshakes.push(performance.now() - began);
    await client.close();
  }
  const times: number[] = [];
  let failed = 0;
  let transport: string | null = null;
  const client = await connectPlain({ env, target });
  // Connections that are made for more calls at once are there before the clock runs.
  await Promise.all(Array.from({ length: order.inFlight }, () => client.callTool('echo', { text })));
  const began = performance.now();
  const until = began + order.ms;
  await Promise.all(
    Array.from({ length: order.inFlight }, async () => {
      while (performance.now() < until) {
        const sent = performance.now();
        const { isError } = await client.callTool('echo', { text }).catch(() => ({ isError: true }));
        if (isError) failed += 1;
        else times.push(performance.now() - sent);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1_000;
  transport = client.state().transport;
  await client.close();
  return { transport, handshakes, times, seconds, failed };
}

process.on('message', (order: Order) => {
  measure(order).then(
    (measured) => process.send?.(measured),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on('disconnect', () => process.exit(0));
