import { describe, expect, test } from 'vitest';
import { conformanceA2aMqtt, type Finding } from '../../src/conformance/index.ts';
import { BROKERS, mosquitto } from '../bus/brokers.ts';
import { join, newBus, recorder } from '../bus/support.ts';
import { runCli } from '../scenario/run-cli.ts';
import { type Fault, wrongAgent } from './wrong-agent.ts';

const AGENT = 'org/unit/agent';
const other = BROKERS.find(({ kind }) => kind === 'Mosquitto')!;
const kit = (broker: string, agent?: string, patienceMs = 2_000) =>
  conformanceA2aMqtt({ broker, agent, as: 'org/unit/kit', text: 'hello', patienceMs });
const failed = (findings: Finding[]) =>
  findings.filter(({ outcome }) => outcome === 'fail').map(({ id, detail }) => `${id}: ${detail}`);

test.each(BROKERS.filter(({ kind }) => !kind.includes('in process')))(
  'our agent conforms, on $kind',
  async ({ start, missing }) => {
    if (missing) return;
    const broker = await start();
    const agent = await join(broker.via, AGENT, recorder());
    try {
      const findings = await kit(broker.url, AGENT);
      expect(failed(findings)).toEqual([]);
      expect(findings.filter(({ outcome }) => outcome === 'skip')).toEqual([]);
    } finally {
      await agent.close();
      await broker.close();
    }
  },
);

/** Each fault and the check that has to find it. */
const FAULTS: Record<Fault, string> = {
  'card-not-retained': 'discovery.card',
  'card-without-skills': 'discovery.card',
  'status-missing': 'discovery.status',
  'wrong-id': 'reply.unary',
  'qos-0': 'reply.unary',
  'own-task-id': 'reply.ids',
  'swapped-correlation': 'reply.parallel',
  'stream-without-end': 'stream.items',
  'item-after-end': 'stream.silent-after-end',
  'runs-twice': 'task.repeat',
  'takes-forged': 'task.forged-repeat',
  'any-context': 'task.context-mismatch',
  'any-task-id': 'task.id-required',
  'unknown-is-empty': 'task.unknown',
  'core-data-object': 'task.unknown',
  'keeps-history': 'task.get',
  'parse-is-internal': 'error.parse',
  'method-is-params': 'error.method',
  'correlation-is-core-error': 'binding.no-correlation',
  'dies-without-response-topic': 'binding.no-response-topic',
  'ignores-context-property': 'binding.context-property',
  'any-version': 'service.version',
  'page-size-0': 'list.tasks',
};

describe('the kit finds', () => {
  // On a broker without our guard: that one would keep some of the faults from the bus.
  const find = async (fault?: Fault) => {
    const broker = await mosquitto();
    const stop = await wrongAgent(broker.url, AGENT, fault);
    try {
      return await kit(broker.url, AGENT, 200);
    } finally {
      await stop();
      await broker.close();
    }
  };

  test('nothing in an agent without a fault', async ({ skip }) => {
    if (other.missing) return skip(other.missing);
    expect(failed(await find())).toEqual([]);
  });

  test.concurrent.each(Object.entries(FAULTS) as Array<[Fault, string]>)('%s', async (fault, check) => {
    if (other.missing) return;
    const findings = await find(fault);
    expect(findings.find(({ id }) => id === check)?.outcome).toBe('fail');
  });
});

test('both brokers are what A2A over MQTT needs', async () => {
  const bus = await newBus();
  expect(failed(await kit(bus.mqttUrl))).toEqual([]);
  await bus.close();
  if (other.missing) return;
  const broker = await mosquitto();
  expect(failed(await kit(broker.url))).toEqual([]);
  await broker.close();
});

test('from the command line: a table, a last line of JSON, and the exit code', async () => {
  const bus = await newBus();
  const agent = await join(bus, AGENT, recorder());
  const args = ['conformance', 'a2a-mqtt', '--broker', bus.mqttUrl];
  const good = await runCli([...args, '--agent', AGENT]);
  expect(good.stdout).toContain('ok    discovery.card');
  expect(good.code).toBe(0);
  const absent = await runCli([...args, '--agent', 'org/unit/absent', '--patience', '50', '--json']);
  expect(absent.code).toBe(1);
  expect(JSON.parse(absent.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    type: 'result',
    conformant: false,
  });
  const nowhere = await runCli([
    'conformance',
    'a2a-mqtt',
    '--broker',
    'mqtt://127.0.0.1:1',
    '--patience',
    '500',
  ]);
  expect(nowhere.stderr).toMatch(/^error\[CONFORMANCE_UNREACHABLE\]/);
  expect((await runCli([...args, '--agent', 'nobody'])).code).toBe(2);
  await agent.close();
  await bus.close();
});
