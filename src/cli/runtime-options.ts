import { fail } from '../errors.ts';
import type { LogLevel, RuntimeOptions } from '../runtime/index.ts';
import type { Parsed } from './args.ts';

const DEFAULT_PORTS = { port: 7400, 'mqtt-port': 1883, 'ws-port': 8083, 'grpc-port': 7401 };

/** Options of the runtime from the flags of a verb. Without `fixedPorts` every port not given is a free one. */
export function runtimeOptions(parsed: Parsed, { fixedPorts }: { fixedPorts: boolean }): RuntimeOptions {
  const { values } = parsed;
  const port = (name: keyof typeof DEFAULT_PORTS) =>
    Number(values[name] ?? (fixedPorts ? DEFAULT_PORTS[name] : 0));
  const { credentials, 'tls-cert': cert, 'tls-key': key, 'tls-ca': ca, 'mqtt-host': busHost } = values;
  if ((cert === undefined) !== (key === undefined) || (ca !== undefined && cert === undefined)) {
    throw fail('CLI_USAGE', { problem: '--tls-cert and --tls-key belong together.', verb: 'start' });
  }
  return {
    seed: Number(values.seed ?? 1),
    host: values.host ?? '127.0.0.1',
    ports: {
      http: port('port'),
      mqtt: port('mqtt-port'),
      ws: port('ws-port'),
      grpc: values.port === '0' ? Number(values['grpc-port'] ?? 0) : port('grpc-port'),
    },
    dataDir: values.data as string,
    home: values.home as string,
    timeZone: values.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    logLevel: values.log as LogLevel,
    ...(values.broker === undefined ? {} : { broker: values.broker }),
    ...(values.durability === undefined ? {} : { durability: values.durability as 'write' | 'fsync' }),
    access: {
      ...(busHost === undefined ? {} : { host: busHost }),
      ...(credentials === undefined ? {} : { credentials }),
      ...(cert === undefined || key === undefined
        ? {}
        : { tls: { cert, key, ...(ca === undefined ? {} : { ca }) } }),
    },
    trust: {
      ...(values.trust === undefined ? {} : { trusted: values.trust }),
      ...(values['card-key'] === undefined ? {} : { cardKey: values['card-key'] }),
      ...(values.signatures === undefined ? {} : { signatures: values.signatures as 'list' | 'require' }),
      ...(values.approval === undefined ? {} : { approval: values.approval as 'auto' | 'manual' }),
    },
    ...(values.bring === undefined ? {} : { bring: values.bring.split(',').map(broughtOf) }),
    netmcp: {
      ...(values.policy === undefined ? {} : { policy: values.policy }),
      ...(values.adopt === undefined ? {} : { adopt: values.adopt.split(',').map(adoptionOf) }),
      ...(values.tools === undefined ? {} : { bundles: values.tools.split(',').map(bundleOf) }),
      ...((parsed.switches.has('netmcp-auth') || values['netmcp-clients'] !== undefined) && {
        auth: {
          port: fixedPorts ? Number(values['auth-port'] ?? 7402) : 0,
          ...(values['netmcp-clients'] === undefined ? {} : { clients: values['netmcp-clients'] }),
          ...(credentials === undefined ? {} : { credentials }),
        },
      }),
      learn: parsed.switches.has('learn'),
      managers: Number(values.managers ?? 1),
    },
    ...peersOf(values),
    workflows: workflowsOf(values),
    ...(values['push-allow'] === undefined ? {} : { pushAllow: values['push-allow'].split(',') }),
    ...(values.camara === undefined ? {} : { camara: values.camara }),
    ...(values.world === undefined
      ? {}
      : {
          world: {
            source: values.world,
            ...(values.seed === undefined ? {} : { seed: Number(values.seed) }),
          },
        }),
    ...(values.trace === undefined ? {} : { traceFile: values.trace }),
    ...(values.speed === undefined ? {} : { speed: Number(values.speed) }),
    ...(values.now === undefined ? {} : { now: Date.parse(values.now) }),
  };
}

function peersOf(values: Parsed['values']): Pick<RuntimeOptions, 'peers'> {
  const { nrf, pcf, a1 } = values;
  if (nrf === undefined && pcf === undefined && a1 === undefined) return {};
  return {
    peers: {
      ...(nrf !== undefined && { nrf }),
      ...(pcf !== undefined && { pcf }),
      ...(a1 !== undefined && { a1 }),
    },
  };
}

/** `id=URL` or `id=command arguments`; checked by the flag. */
function adoptionOf(text: string) {
  const at = text.indexOf('=');
  const what = text.slice(at + 1).trim();
  const [command = '', ...args] = what.split(/\s+/);
  return { id: text.slice(0, at), target: /^https?:/.test(what) ? { url: what } : { command, args } };
}

/** `FILE` or `FILE=URL`. */
function bundleOf(text: string): { file: string; url?: string } {
  const at = text.search(/=https?:\/\//);
  return at < 0 ? { file: text } : { file: text.slice(0, at), url: text.slice(at + 1) };
}

/** `URL=org/unit/agent`; checked by the flag. */
function broughtOf(text: string): { url: string; id: string } {
  const at = text.lastIndexOf('=');
  return { url: text.slice(0, at), id: text.slice(at + 1) };
}

function workflowsOf(values: Parsed['values']): NonNullable<RuntimeOptions['workflows']> {
  const list = (name: string) => values[name]?.split(',').filter((one) => one !== '');
  const [folders, run, allow, commands] = ['workflows', 'allow-run', 'allow-hosts', 'allow-commands'].map(
    list,
  );
  const wrong = run?.find((one) => !['shell', 'js', 'python'].includes(one));
  if (wrong !== undefined) {
    throw fail('CLI_USAGE', {
      problem: `--allow-run knows shell, js and python, not ${wrong}.`,
      verb: 'start',
    });
  }
  const { triggers, secrets, rules, autonomy } = values;
  return {
    ...(folders === undefined ? {} : { folders }),
    ...(run === undefined ? {} : { run }),
    ...(allow === undefined ? {} : { allow }),
    ...(commands === undefined ? {} : { commands }),
    ...(triggers === undefined ? {} : { triggers }),
    ...(secrets === undefined ? {} : { secrets }),
    ...(rules === undefined ? {} : { rules }),
    ...(autonomy === undefined ? {} : { autonomy: Number(autonomy) }),
  };
}
