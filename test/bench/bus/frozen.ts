import { performance } from 'node:perf_hooks';
import mqtt from 'mqtt';
import { startBus } from '../../../broker/index.ts';
import { createEnv } from '../../../src/runtime/env.ts';
import { slowClient } from '../../bus/slow-client.ts';
import { median } from './load.ts';

const TOPIC = '$a2a/v1/event/bench/x/publisher';
const IN_FLIGHT = 16;

export interface FrozenResult {
  /** Events a second that a healthy subscriber gets, without and with a frozen one beside it. */
  alone: number;
  beside: number;
  /** Median over the rounds of the ratio within a round. */
  ratio: number;
  /** Longest time between two events, ms. */
  pauseMs: number;
  cut: number;
}

/** What a subscriber that reads no more costs the others, with and without it in turns. */
export async function frozen({ rounds, ms }: { rounds: number; ms: number }): Promise<FrozenResult> {
  const bus = await startBus({
    env: createEnv({ level: 'error' }),
    host: '127.0.0.1',
    tcpPort: 0,
    wsPort: 0,
    // What is measured is not the limit of one publisher.
    maxPublishesPerSecond: 1_000_000,
  });
  const connect = async (clientId: string) => {
    const client = await mqtt.connectAsync(bus.mqttUrl, { clientId, protocolVersion: 5 });
    (client.stream as unknown as { setNoDelay(on: boolean): void }).setNoDelay(true);
    return client;
  };
  const publisher = await connect('bench/x/publisher');
  const healthy = await connect('bench/x/healthy');
  let last = 0;
  let pauseMs = 0;
  let got = 0;
  healthy.on('message', () => {
    const now = performance.now();
    if (last > 0) pauseMs = Math.max(pauseMs, now - last);
    last = now;
    got += 1;
  });
  await healthy.subscribeAsync(TOPIC, { qos: 1 });
  const payload = Buffer.alloc(4_096, 'x');
  const measure = async () => {
    last = 0;
    got = 0;
    const began = performance.now();
    await Promise.all(
      Array.from({ length: IN_FLIGHT }, async () => {
        while (performance.now() < began + ms) await publisher.publishAsync(TOPIC, payload, { qos: 1 });
      }),
    );
    return got / ((performance.now() - began) / 1_000);
  };
  await measure();
  pauseMs = 0;
  const alone: number[] = [];
  const beside: number[] = [];
  let pause = 0;
  for (let round = 0; round < rounds; round += 1) {
    alone.push(await measure());
    pauseMs = 0;
    const port = Number(new URL(bus.mqttUrl).port);
    const stuck = await slowClient({ port, clientId: 'bench/x/frozen', filter: TOPIC });
    stuck.freeze();
    beside.push(await measure());
    pause = Math.max(pause, pauseMs);
    stuck.end();
  }
  const cut = bus.refusals().get('slow-subscriber') ?? 0;
  await publisher.endAsync(true);
  await healthy.endAsync(true);
  await bus.close();
  return {
    alone: median(alone),
    beside: median(beside),
    ratio: median(beside.map((rate, round) => rate / (alone[round] ?? Number.NaN))),
    pauseMs: pause,
    cut,
  };
}
