import type { LogLevel, RuntimeOptions } from '../runtime/index.ts';
import type { Parsed } from './args.ts';

const DEFAULT_PORTS = { port: 7400, 'mqtt-port': 1883, 'ws-port': 8083 };

/** Options of the runtime from the flags of a verb. Without `fixedPorts` every port not given is a free one. */
export function runtimeOptions(parsed: Parsed, { fixedPorts }: { fixedPorts: boolean }): RuntimeOptions {
  const { values } = parsed;
  const port = (name: keyof typeof DEFAULT_PORTS) =>
    Number(values[name] ?? (fixedPorts ? DEFAULT_PORTS[name] : 0));
  return {
    seed: Number(values.seed),
    host: values.host ?? '127.0.0.1',
    ports: { http: port('port'), mqtt: port('mqtt-port'), ws: port('ws-port') },
    dataDir: values.data as string,
    home: values.home as string,
    timeZone: values.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    logLevel: values.log as LogLevel,
    ...(values.broker === undefined ? {} : { broker: values.broker }),
    ...(values.durability === undefined ? {} : { durability: values.durability as 'write' | 'fsync' }),
    ...(values.trace === undefined ? {} : { traceFile: values.trace }),
    ...(values.speed === undefined ? {} : { speed: Number(values.speed) }),
    ...(values.now === undefined ? {} : { now: Date.parse(values.now) }),
  };
}
