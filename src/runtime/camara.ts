import type { Env } from '../../machines/ports.ts';
import type { Store } from '../durable/index.ts';
import {
  CAMARA_SCOPES,
  type Camara,
  OPEN_ACCESS,
  openCamara,
  type QosRecord,
  readCatalogue,
  tokenAccess,
} from '../gateway/index.ts';
import { connectNetMcp } from '../netmcp/index.ts';
import { CAMARA_CLIENT, type startNetMcp } from './netmcp.ts';
import type { RuntimeOptions } from './options.ts';

/**
 * CAMARA's APIs over the runtime's own NF tools. With tokens, they are a resource of the authorisation server.
 * @throws GATEWAY_CAMARA_INVALID, NETMCP_UNREACHABLE
 */
export async function startCamara(parts: {
  env: Env;
  options: RuntimeOptions;
  store: Store;
  netmcp: Awaited<ReturnType<typeof startNetMcp>>;
  /** Of the gateway. */
  url: string;
}): Promise<Camara> {
  const { env, options, store, netmcp, url } = parts;
  const catalogue = options.camara === undefined ? undefined : readCatalogue(options.camara);
  const auth = netmcp.authOf(CAMARA_CLIENT);
  const audience = `${url}/camara`;
  netmcp.resources?.put({
    resource: audience,
    owner: CAMARA_CLIENT,
    name: 'QoS for applications (CAMARA)',
    scopes: CAMARA_SCOPES,
  });
  const client = await connectNetMcp({
    env,
    agentId: CAMARA_CLIENT,
    management: netmcp.managers,
    ...(auth && { auth }),
  });
  const { pushAllow } = options;
  const camara = openCamara({
    env,
    call: (name, args, call) => client.callTool(name, args, call),
    access: netmcp.issuer === undefined ? OPEN_ACCESS : tokenAccess({ env, issuer: netmcp.issuer, audience }),
    records: store.collection<QosRecord>('camara-qos'),
    ...(catalogue && { catalogue }),
    ...(pushAllow && { targets: { allowHttp: true, allow: pushAllow } }),
  });
  return {
    router: camara.router,
    async close() {
      await camara.close();
      await client.close();
    },
  };
}
