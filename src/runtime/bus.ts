import {
  certificateIdentity,
  credentialsFile,
  firstOf,
  type IdentityProvider,
  startBus,
} from '../../broker/index.ts';
import type { Env } from '../../machines/ports.ts';
import { openBusSessions } from '../durable/index.ts';
import type { BusAddress } from './agents/start.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { RuntimeOptions } from './options.ts';

/** The broker of another program by its URL, or the embedded one with what it keeps in the data folder. */
export async function reachBus(options: RuntimeOptions, env: Env, lifecycle: Lifecycle): Promise<BusAddress> {
  const { broker, host, ports, dataDir, durability = 'fsync', access = {} } = options;
  if (broker !== undefined) return { via: broker, mqttUrl: withoutCredentials(broker) };
  const sessions = openBusSessions({ dir: dataDir, durability });
  lifecycle.started('bus sessions', () => sessions.close());
  const identity = identityOf(access, env, lifecycle);
  const bus = await startBus({
    env,
    host: access.host ?? host,
    tcpPort: ports.mqtt,
    wsPort: ports.ws,
    sessions,
    ...(identity === undefined ? {} : { identity }),
    ...(access.tls === undefined ? {} : { tls: { ...access.tls, requestCert: access.tls.ca !== undefined } }),
  });
  lifecycle.started('bus', () => bus.close());
  return { via: bus, mqttUrl: bus.mqttUrl, wsUrl: bus.wsUrl };
}

function identityOf(
  { credentials, tls }: NonNullable<RuntimeOptions['access']>,
  env: Env,
  lifecycle: Lifecycle,
): IdentityProvider | undefined {
  const providers: IdentityProvider[] = [];
  if (tls?.ca !== undefined) providers.push(certificateIdentity());
  if (credentials !== undefined) {
    const file = credentialsFile({ file: credentials, log: env.log });
    lifecycle.started('credentials', () => file.close());
    providers.push(file);
  }
  return providers.length === 0 ? undefined : firstOf(providers);
}

/** For cards and logs. */
function withoutCredentials(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
