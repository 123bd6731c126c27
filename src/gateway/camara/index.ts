import type { Router } from 'express';
import type { TargetPolicy } from '../../../broker/index.ts';
import type { Env } from '../../../machines/ports.ts';
import type { CamaraAccess } from './access.ts';
import { type CallTool, toolNetwork } from './network.ts';
import { createNoticeSender } from './notices.ts';
import { type Catalogue, DEFAULT_CATALOGUE } from './profiles.ts';
import { camaraRouter } from './router.ts';
import { type QosRecords, QosSessions } from './sessions.ts';

export { type CamaraAccess, OPEN_ACCESS, tokenAccess } from './access.ts';
export type { CallTool } from './network.ts';
export { type Catalogue, readCatalogue } from './profiles.ts';
export type { QosRecord } from './record.ts';

/** Scopes of the three APIs. */
export const CAMARA_SCOPES = [
  ...['create', 'read', 'update', 'delete', 'retrieve-by-device'].map(
    (one) => `quality-on-demand:sessions:${one}`,
  ),
  ...['create', 'read', 'delete', 'read-by-device'].map((one) => `qos-provisioning:qos-assignments:${one}`),
  'qos-profiles:read',
];

export interface Camara {
  router: Router;
  close(): Promise<void>;
}

/** CAMARA's QoS APIs on top of the NF tools; what a killed runtime left goes on. */
export function openCamara(options: {
  env: Env;
  call: CallTool;
  access: CamaraAccess;
  records: QosRecords;
  catalogue?: Catalogue;
  targets?: TargetPolicy;
  /** Certificates of sinks to trust beside those of the system, PEM. */
  ca?: string;
  /** Requests of one client a minute. */
  perMinute?: number;
}): Camara {
  const { env, call, access, records, catalogue = DEFAULT_CATALOGUE } = options;
  const network = toolNetwork(call);
  const notices = createNoticeSender({
    env,
    source: () => '/quality-on-demand/vwip/sessions',
    ...(options.targets && { targets: options.targets }),
    ...(options.ca !== undefined && { ca: options.ca }),
  });
  const sessions = new QosSessions({
    env,
    records,
    network,
    notices,
    profile: (name) => catalogue.profiles.find((one) => one.name === name),
  });
  return {
    router: camaraRouter({
      env,
      access,
      catalogue,
      directory: network,
      sessions,
      checkSink: notices.check,
      ...(options.perMinute !== undefined && { perMinute: options.perMinute }),
    }),
    async close() {
      sessions.close();
      await notices.close();
    },
  };
}
